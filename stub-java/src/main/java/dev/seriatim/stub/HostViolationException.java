package dev.seriatim.stub;

/** What a host sent breaks the contract. */
final class HostViolationException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String violation;

  HostViolationException(String violation) {
    super(violation);
    this.violation = violation;
  }

  @Override
  public String getMessage() {
    return violation;
  }
}
