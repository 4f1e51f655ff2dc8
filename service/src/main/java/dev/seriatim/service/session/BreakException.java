package dev.seriatim.service.session;

/** Says that a stub can't be opened, and why. */
public final class BreakException extends Exception {
  private static final long serialVersionUID = 1;

  private final transient BreakCause cause;

  /** An exception for this cause. */
  public BreakException(BreakCause cause) {
    super(cause.message());
    this.cause = cause;
  }

  /** Why the stub breaks. */
  public BreakCause cause() {
    return cause;
  }
}
