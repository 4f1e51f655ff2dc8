package dev.seriatim.stub;

import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * How much one stub may send and have waiting: the limits, whether they fit each other, and which
 * call is one too many. Part of {@link ClientOptions}, which says what each means; only their
 * builder writes them, into a copy of its own.
 */
final class CallLimits {
  /** What a host lets one stub have queued, by its own default. */
  private static final long HOST_QUEUE_INVOCATIONS = 65_536;

  private static final long HOST_QUEUE_BYTES = 64L << 20;

  int maxUnansweredFrames = 4;
  int maxFrameInvocations = 256;
  int maxFrameBytes = 1 << 20;
  int maxInvocationBytes = (4 << 20) - (8 << 10);
  int maxBufferedInvocations = 65_536;
  long maxBufferedBytes = 64L << 20;
  int maxInboundFrameBytes = 16 << 20;

  /** The defaults. */
  CallLimits() {}

  CallLimits(CallLimits limits) {
    maxUnansweredFrames = limits.maxUnansweredFrames;
    maxFrameInvocations = limits.maxFrameInvocations;
    maxFrameBytes = limits.maxFrameBytes;
    maxInvocationBytes = limits.maxInvocationBytes;
    maxBufferedInvocations = limits.maxBufferedInvocations;
    maxBufferedBytes = limits.maxBufferedBytes;
    maxInboundFrameBytes = limits.maxInboundFrameBytes;
  }

  /**
   * Holds the limits against each other, and against what a host queues by its defaults.
   *
   * @throws IllegalArgumentException if they don't fit
   */
  void check() {
    long invocations = (long) maxUnansweredFrames * maxFrameInvocations;
    if (invocations > HOST_QUEUE_INVOCATIONS) {
      throw new IllegalArgumentException(
          "maxUnansweredFrames × maxFrameInvocations is "
              + invocations
              + ", expected at most "
              + HOST_QUEUE_INVOCATIONS);
    }
    long bytes = (long) maxUnansweredFrames * Math.max(maxFrameBytes, maxInvocationBytes);
    if (bytes > HOST_QUEUE_BYTES) {
      throw new IllegalArgumentException(
          "maxUnansweredFrames × the larger of maxFrameBytes and maxInvocationBytes is "
              + bytes
              + ", expected at most "
              + HOST_QUEUE_BYTES);
    }
    if (maxBufferedBytes < maxInvocationBytes) {
      throw new IllegalArgumentException(
          "maxBufferedBytes "
              + maxBufferedBytes
              + ", expected at least maxInvocationBytes "
              + maxInvocationBytes);
    }
  }

  /**
   * Why a call is too large, or one too many.
   *
   * @param waiting how many calls of the stub wait to be sent
   * @param waitingBytes their bytes
   * @return null if it is neither
   */
  @Nullable FailureCause refusal(PendingCall call, int waiting, long waitingBytes) {
    if (call.bytes() > maxInvocationBytes) {
      return FailureCause.of(
          Reasons.CALL_TOO_LARGE,
          Status.Code.RESOURCE_EXHAUSTED,
          "the invocation has " + call.bytes() + " bytes, expected at most " + maxInvocationBytes,
          false);
    }
    if (waiting >= maxBufferedInvocations) {
      return bufferFull(waiting + " invocations wait to be sent");
    }
    if (waitingBytes + call.bytes() > maxBufferedBytes) {
      return bufferFull(
          waitingBytes
              + " bytes wait to be sent, "
              + call.bytes()
              + " more would pass the limit of "
              + maxBufferedBytes);
    }
    return null;
  }

  private static FailureCause bufferFull(String message) {
    return FailureCause.of(Reasons.BUFFER_FULL, Status.Code.RESOURCE_EXHAUSTED, message, false);
  }
}
