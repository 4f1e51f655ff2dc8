package dev.seriatim.service.object;

import com.google.protobuf.ByteString;
import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.stub.DurableObjectId;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Something that has happened to an object. Immutable.
 *
 * @param time when
 * @param name what the object is called, if that is known
 */
public record TailEvent(
    Instant time, String namespace, @Nullable String name, DurableObjectId id, What what) {
  /** What an event takes in memory, beside its texts and payloads. */
  private static final int OVERHEAD_BYTES = 256;

  /** What has happened. */
  public sealed interface What {
    /** About what it takes in memory, in bytes. */
    long bytes();
  }

  /**
   * A turn has ended.
   *
   * @param method the short name; empty for an alarm
   * @param sequence the number of the invocation; 0 for an alarm
   * @param queuedNanos for how long it has waited
   * @param ranNanos for how long it ran
   * @param failure why it failed; null if it completed
   * @param argument what came, if anyone wants to see that
   * @param reply what it replied, if anyone wants to see that
   */
  public record Turn(
      String method,
      long sequence,
      long queuedNanos,
      long ranNanos,
      @Nullable BreakCause failure,
      ByteString argument,
      ByteString reply)
      implements What {
    /** Whether it was for the alarm. */
    public boolean isAlarm() {
      return method.isEmpty();
    }

    @Override
    public long bytes() {
      return (failure == null ? 0L : 2L * failure.message().length())
          + argument.size()
          + reply.size();
    }

    private Turn with(ByteString itsArgument, ByteString itsReply) {
      return new Turn(method, sequence, queuedNanos, ranNanos, failure, itsArgument, itsReply);
    }
  }

  /** A client is told that its stub is broken, and not for a turn that failed. */
  public record Broke(BreakCause cause) implements What {
    @Override
    public long bytes() {
      return 2L * cause.message().length();
    }
  }

  /** An instance was let go. */
  public record Evicted(EvictionReason reason) implements What {
    @Override
    public long bytes() {
      return 0;
    }
  }

  /** About what it takes in memory. */
  long bytes() {
    return OVERHEAD_BYTES + (name == null ? 0 : 2L * name.length()) + what.bytes();
  }

  /** The same turn, with these. */
  TailEvent withPayloads(ByteString argument, ByteString reply) {
    return what instanceof Turn turn
        ? new TailEvent(time, namespace, name, id, turn.with(argument, reply))
        : this;
  }
}
