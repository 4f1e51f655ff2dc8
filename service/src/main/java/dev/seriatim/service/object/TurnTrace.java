package dev.seriatim.service.object;

import dev.seriatim.service.InvocationTracer;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.OutputGate;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.Alarm;
import dev.seriatim.wire.Invocation;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Follows one invocation, or one alarm, and sees to it that its end is told, once. Whatever who
 * follows it throws is logged. Safe for any number of threads.
 */
final class TurnTrace implements OutputGate.Follower {
  private final LiveObject object;
  private final InvocationTracer.Trace trace;
  private final AtomicBoolean ended = new AtomicBoolean();

  /** Whether its end is the gate's to tell. The turn thread's own. */
  private boolean atGate;

  private TurnTrace(LiveObject object, InvocationTracer.Trace trace) {
    this.object = object;
    this.trace = trace;
  }

  /** Who follows this invocation, whose turn is about to begin; null if nobody does. */
  static @Nullable TurnTrace of(
      LiveObject object,
      Session stub,
      Invocation invocation,
      ObjectMethod method,
      Metadata metadata) {
    InvocationTracer tracer = object.host().tracer();
    if (tracer == null || !invocation.hasMetadata() || !Traceparent.isSampled(metadata)) {
      return null;
    }
    try {
      InvocationTracer.Trace trace =
          tracer.begin(
              new InvocationTracer.Arrival(
                  object.namespace().name(),
                  object.id(),
                  Optional.ofNullable(object.name()),
                  method.fullName(),
                  invocation.sequence(),
                  Duration.ofNanos(Math.max(0, object.host().nanos() - stub.arrivedNanos())),
                  metadata));
      return trace == null ? null : new TurnTrace(object, trace);
    } catch (RuntimeException | Error e) {
      log(object, e);
      return null;
    }
  }

  /** Who follows this alarm, whose turn is about to begin; null if nobody does. */
  static @Nullable TurnTrace of(LiveObject object, Alarm alarm) {
    InvocationTracer tracer = object.host().tracer();
    if (tracer == null) {
      return null;
    }
    try {
      InvocationTracer.Trace trace =
          tracer.beginAlarm(
              new InvocationTracer.AlarmArrival(
                  object.namespace().name(),
                  object.id(),
                  Optional.ofNullable(object.name()),
                  alarm.due(),
                  alarm.retries()));
      return trace == null ? null : new TurnTrace(object, trace);
    } catch (RuntimeException | Error e) {
      log(object, e);
      return null;
    }
  }

  /** What a call that the object makes has in its metadata, so that it is followed, too. */
  static Map<String, String> outgoing(LiveObject object) {
    InvocationTracer tracer = object.host().tracer();
    if (tracer == null) {
      return Map.of();
    }
    try {
      return tracer.outgoing();
    } catch (RuntimeException | Error e) {
      log(object, e);
      return Map.of();
    }
  }

  private static void log(LiveObject object, Throwable thrown) {
    object.log(Level.WARN, thrown, "the tracer threw", LogSubject.OBJECT);
  }

  /** The turn begins: the context that it is to run in. */
  Context enter(Context context) {
    try {
      return trace.enter(context);
    } catch (RuntimeException | Error e) {
      log(object, e);
      return context;
    }
  }

  /** The object's code has come back. */
  void leave() {
    try {
      trace.leave();
    } catch (RuntimeException | Error e) {
      log(object, e);
    }
  }

  /** The turn is in this commit: its end is when the fate of that is known. */
  void await(long commit) {
    atGate = true;
    object.gate().follow(this, commit);
  }

  @Override
  public void durable() {
    end(null);
  }

  @Override
  public void failed(BreakCause cause) {
    end(cause);
  }

  /** The turn thread goes on. Something has gone wrong if nobody has told the end of it. */
  void settle() {
    if (!atGate && !ended.get()) {
      failed(BreakCause.of(BreakReason.OBJECT_RESET, "the host failed"));
    }
  }

  private void end(@Nullable BreakCause failure) {
    if (ended.getAndSet(true)) {
      return;
    }
    try {
      if (failure == null) {
        trace.durable();
      } else {
        trace.failed(
            failure.reason().name(),
            Status.fromCodeValue(failure.code().getNumber()).withDescription(failure.message()));
      }
    } catch (RuntimeException | Error e) {
      log(object, e);
    }
  }
}
