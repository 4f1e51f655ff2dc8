package dev.seriatim.service.object;

import com.google.protobuf.ByteString;
import com.google.protobuf.Value;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.Session;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * Tells those who follow what happens of one turn, when it has ended. There is one only while
 * somebody follows. Immutable; whoever ends the turn tells.
 */
final class TurnTail {
  private final LiveObject object;
  private final String method;
  private final @Nullable Invocation invocation;
  private final long queuedNanos;
  private final long beganNanos;

  private TurnTail(
      LiveObject object, String method, @Nullable Invocation invocation, long queuedNanos) {
    this.object = object;
    this.method = method;
    this.invocation = invocation;
    this.queuedNanos = queuedNanos;
    this.beganNanos = object.host().nanos();
  }

  /** Of a turn that is about to begin; null if nobody follows. */
  static @Nullable TurnTail of(
      LiveObject object, Session stub, Invocation invocation, ObjectMethod method) {
    return object.directory().counts().tails().isOn()
        ? new TurnTail(
            object, method.name(), invocation, object.host().nanos() - stub.arrivedNanos())
        : null;
  }

  /**
   * The same for an alarm.
   *
   * @param lateNanos how long after it was due it begins
   */
  static @Nullable TurnTail ofAlarm(LiveObject object, long lateNanos) {
    return object.directory().counts().tails().isOn()
        ? new TurnTail(object, /* method= */ "", /* invocation= */ null, lateNanos)
        : null;
  }

  /** The turn completed. */
  void completed(@Nullable Outcome outcome) {
    tell(null, outcome);
  }

  /** The turn failed. */
  void failed(BreakCause failure) {
    tell(failure, /* outcome= */ null);
  }

  private void tell(@Nullable BreakCause failure, @Nullable Outcome outcome) {
    object
        .directory()
        .counts()
        .tails()
        .turn(
            object,
            method,
            invocation == null ? 0 : invocation.sequence(),
            queuedNanos,
            object.host().nanos() - beganNanos,
            failure,
            // Copies: what came is a part of its frame, which is not to be kept for it.
            () ->
                invocation == null
                    ? ByteString.EMPTY
                    : ByteString.copyFrom(invocation.argument().asReadOnlyByteBuffer()),
            () -> reply(outcome));
  }

  private static ByteString reply(@Nullable Outcome outcome) {
    if (outcome == null) {
      return ByteString.EMPTY;
    }
    Content message = outcome.message();
    Value json = outcome.json();
    return message != null
        ? message.toByteString()
        : json != null ? json.toByteString() : ByteString.EMPTY;
  }
}
