package dev.seriatim.server.cli;

/** Ends a command, with what it says and what it ends with. */
final class CommandFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int exitStatus;

  CommandFailure(int exitStatus, String message) {
    super(message);
    this.exitStatus = exitStatus;
  }

  /** Of somebody who asked for what makes no sense. */
  static CommandFailure usage(String message) {
    return new CommandFailure(ExitStatus.USAGE, message);
  }

  int exitStatus() {
    return exitStatus;
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
