package dev.seriatim.service.caller;

/** A caller is refused. */
public final class RefusedException extends Exception {
  private static final long serialVersionUID = 1;

  private final transient Refusal refusal;

  RefusedException(Refusal refusal) {
    super(refusal.message(), null, /* enableSuppression= */ false, /* writableStackTrace= */ false);
    this.refusal = refusal;
  }

  /** Why. */
  public Refusal refusal() {
    return refusal;
  }
}
