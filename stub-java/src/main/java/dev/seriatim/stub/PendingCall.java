package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.RequestEncoder;
import io.grpc.Deadline;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One call on its way through a stub. Its number is written once, under the {@link Session}'s lock,
 * when the stub takes it; so is whether it has ended for its caller before the host answered it.
 * The rest never changes. It is completed exactly once, outside of any lock.
 */
abstract class PendingCall {
  private static final int OVERHEAD_BYTES = 48; // Tags, lengths, the number and a timeout.
  private static final int METADATA_OVERHEAD_BYTES = 16;

  private final String method;
  private final Content argument;
  private final @Nullable Deadline deadline;
  private final Map<String, String> metadata;
  private final int bytes;
  private volatile long sequence; // Volatile for those who cancel.
  private boolean over; // For its caller. Read by whoever took it out of the ledger, too.

  PendingCall(
      String method, Content argument, @Nullable Deadline deadline, Map<String, String> metadata) {
    this.method = method;
    this.argument = argument;
    this.deadline = deadline == null ? null : Deadlines.notBeforeNow(deadline);
    this.metadata = metadata;
    this.bytes = size(method, argument, metadata);
  }

  /**
   * The host's outcome.
   *
   * @throws UnreadableResultException if it isn't a response of the method; the call is then not
   *     completed
   */
  abstract void succeed(ByteString result) throws UnreadableResultException;

  abstract void fail(CallFailure failure);

  final long sequence() {
    return sequence;
  }

  final void number(long number) {
    sequence = number;
  }

  final @Nullable Deadline deadline() {
    return deadline;
  }

  /** Whether it has a deadline, and that has passed. */
  final boolean isOverdue() {
    return deadline != null && deadline.timeRemaining(TimeUnit.NANOSECONDS) <= 0;
  }

  /** From now on what the host says of it is dropped. */
  final void giveUp() {
    over = true;
  }

  final boolean isOver() {
    return over;
  }

  /** At least the size that the invocation has in a frame. */
  final int bytes() {
    return bytes;
  }

  /** Adds the invocation as it stands now: its timeout is the time that remains. */
  final void writeTo(RequestEncoder frame) {
    if (deadline == null && metadata.isEmpty()) {
      frame.add(sequence, method, argument);
    } else {
      long nanos =
          deadline == null ? -1 : Math.max(0, deadline.timeRemaining(TimeUnit.NANOSECONDS));
      frame.add(sequence, method, argument, nanos, metadata);
    }
  }

  private static int size(String method, Content argument, Map<String, String> metadata) {
    long size = (long) OVERHEAD_BYTES + method.length() + argument.size();
    for (Map.Entry<String, String> entry : metadata.entrySet()) {
      size += METADATA_OVERHEAD_BYTES + entry.getKey().length() + entry.getValue().length();
    }
    return (int) Math.min(size, Integer.MAX_VALUE);
  }
}
