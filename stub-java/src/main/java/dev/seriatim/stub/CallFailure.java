package dev.seriatim.stub;

import com.google.common.base.Throwables;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a caller needs to know about one failed call: why it failed, and whether it had an effect.
 *
 * <p>Every call on a stub fails with a {@code StatusRuntimeException} (or {@code StatusException},
 * where a generated stub throws that), whose cause is a {@code CallFailure}:
 *
 * <pre>{@code
 * try {
 *   counter.increment(request);
 * } catch (StatusRuntimeException e) {
 *   CallFailure failure = CallFailure.of(e).orElseThrow();
 *   if (failure.fate() == Fate.NOT_EXECUTED && failure.retryable()) { … }
 * }
 * }</pre>
 *
 * <p>The text of both says what happened, and then reason, number and fate: {@code not today
 * [OBJECT_EXCEPTION, call 3, NOT_EXECUTED]}, or {@code call 4 behind 3} for a call that stood
 * behind the one that is to blame.
 *
 * <p>The details of the host's {@code google.rpc.Status} are also where gRPC puts them: {@code
 * StatusProto.fromThrowable(e)} gives them. Immutable, but for what every {@code Throwable} has. It
 * has no stack trace of its own.
 */
public final class CallFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final FailureCause cause;
  private final Fate fate;
  private final long sequence;
  private final transient @Nullable Deadline deadline; // For who makes the call again.

  /** A call that got no number. */
  CallFailure(FailureCause cause) {
    this(cause, Fate.NOT_EXECUTED, 0, null, null);
  }

  CallFailure(FailureCause cause, Fate fate, PendingCall call) {
    this(cause, fate, call.sequence(), call.deadline(), null);
  }

  CallFailure(FailureCause cause, Fate fate, long sequence, @Nullable Throwable thrown) {
    this(cause, fate, sequence, null, thrown);
  }

  private CallFailure(
      FailureCause cause,
      Fate fate,
      long sequence,
      @Nullable Deadline deadline,
      @Nullable Throwable thrown) {
    super(text(cause, fate, sequence), thrown, false, false);
    this.cause = cause;
    this.fate = fate;
    this.sequence = sequence;
    this.deadline = deadline;
  }

  /** All that a reader of the text alone needs: what happened, the reason, which call, its fate. */
  private static String text(FailureCause cause, Fate fate, long sequence) {
    StringBuilder text = new StringBuilder();
    text.append(cause.message().isEmpty() ? "no message" : cause.message())
        .append(" [")
        .append(cause.reason().isEmpty() ? "no reason" : cause.reason());
    if (sequence != 0) {
      text.append(", call ").append(sequence);
      long failed = cause.failedSequence();
      if (failed != 0 && Long.compareUnsigned(failed, sequence) < 0) {
        text.append(" behind ").append(Long.toUnsignedString(failed));
      }
    }
    return text.append(", ").append(fate).append(']').toString();
  }

  /** The caller gave up a call; the stub goes on. */
  static CallFailure cancelled(
      String message, @Nullable PendingCall submitted, @Nullable Throwable thrown) {
    return new CallFailure(
        FailureCause.of(Reasons.CALL_CANCELLED, Status.Code.CANCELLED, message, false),
        submitted == null ? Fate.NOT_EXECUTED : Fate.UNKNOWN,
        submitted == null ? 0 : submitted.sequence(),
        thrown);
  }

  static CallFailure contextCancelled(@Nullable PendingCall submitted, @Nullable Throwable thrown) {
    return cancelled("the caller's context was cancelled", submitted, thrown);
  }

  /**
   * The failure behind an exception, looked for along its causes. Empty if the call failed outside
   * of the stub, in an interceptor say, or if its future was cancelled.
   */
  public static Optional<CallFailure> of(Throwable thrown) {
    for (Throwable link : Throwables.getCausalChain(thrown)) {
      if (link instanceof CallFailure failure) {
        return Optional.of(failure);
      }
    }
    return Optional.empty();
  }

  /** Whether this call had an effect. */
  public Fate fate() {
    return fate;
  }

  /** The number of this call in its stub, or 0 if it failed before it got one. */
  public long sequence() {
    return sequence;
  }

  /** Why the call failed; the same for all the calls that failed with one stub. */
  public FailureCause failureCause() {
    return cause;
  }

  /** See {@link FailureCause#reason()}. */
  public String reason() {
    return cause.reason();
  }

  /** See {@link FailureCause#code()}. */
  public Status.Code code() {
    return cause.code();
  }

  /** See {@link FailureCause#retryable()}. */
  public boolean retryable() {
    return cause.retryable();
  }

  /** See {@link FailureCause#overloaded()}. */
  public boolean overloaded() {
    return cause.overloaded();
  }

  /** See {@link FailureCause#remote()}. */
  public boolean remote() {
    return cause.remote();
  }

  /** The deadline of the call, if it had one and was taken in. */
  @Nullable Deadline deadline() {
    return deadline;
  }

  /** See {@link FailureCause#failedSequence()}. */
  public long failedSequence() {
    return cause.failedSequence();
  }

  Status toStatus() {
    return Status.fromCode(cause.code()).withDescription(getMessage()).withCause(this);
  }

  Metadata newTrailers() {
    return cause.newTrailers();
  }

  StatusRuntimeException toException() {
    return toStatus().asRuntimeException(newTrailers());
  }
}
