package dev.seriatim.stub;

import io.grpc.Status;

/** What a host sent breaks the contract. */
final class HostViolationException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String violation;

  HostViolationException(String violation) {
    super(violation);
    this.violation = violation;
  }

  /** An outcome has another number than the next one, or one that no call has. */
  static HostViolationException outcome(long sequence, long expected) {
    String outcome = "outcome " + Long.toUnsignedString(sequence);
    return new HostViolationException(
        sequence == expected
            ? outcome + " of a call that was not sent"
            : outcome + ", expected outcome " + expected);
  }

  @Override
  public String getMessage() {
    return violation;
  }

  /** Why the stub breaks. */
  FailureCause toCause() {
    return FailureCause.of(
        Reasons.HOST_VIOLATION,
        Status.Code.INTERNAL,
        "the host broke the protocol: " + violation,
        false);
  }
}
