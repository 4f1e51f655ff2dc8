package dev.seriatim.conformance.client;

/** A script can't go on, since the client didn't do what it waits for. */
final class ScriptException extends Exception {
  private static final long serialVersionUID = 1L;

  ScriptException(String message) {
    super(message);
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
