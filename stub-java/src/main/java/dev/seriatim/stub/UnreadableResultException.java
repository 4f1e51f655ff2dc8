package dev.seriatim.stub;

/** A result that doesn't parse as the method's response. */
final class UnreadableResultException extends Exception {
  private static final long serialVersionUID = 1L;

  UnreadableResultException(String method, Exception cause) {
    super("the result of " + method + " can't be read: " + cause.getMessage(), cause);
  }
}
