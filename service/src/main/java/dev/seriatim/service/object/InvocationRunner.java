package dev.seriatim.service.object;

import com.google.protobuf.Duration;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.dispatch.MalformedArgumentException;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.FailedTurn;
import dev.seriatim.service.session.QueueBudget;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.Timeout;
import dev.seriatim.service.storage.TurnStorage;
import dev.seriatim.wire.Invocation;
import io.grpc.Metadata;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs the invocations of an object's stubs, each as a turn: from what was queued to the outcome,
 * or to the break. Used by the object's turn thread.
 */
final class InvocationRunner {
  private final LiveObject object;
  private final Instances instances;
  private final TurnThread thread;
  private final MethodRunner methods;
  private final TurnMeter meter;

  /** What the invocation that is being served runs. */
  private ObjectCode code;

  /** Made when it is needed, as few objects need it. */
  private @Nullable Remembering remembering;

  InvocationRunner(LiveObject object, Instances instances, TurnThread thread) {
    this.object = object;
    this.instances = instances;
    this.thread = thread;
    this.code = object.namespace().code();
    this.methods = new MethodRunner(object, instances);
    this.meter = new TurnMeter(object);
  }

  TurnMeter meter() {
    return meter;
  }

  // ---- before the turn

  /**
   * Runs an invocation that this stub has given out: completes it, or breaks the stub.
   *
   * @return false if this thread has lost the object meanwhile
   */
  boolean run(Session stub, Invocation invocation) {
    long sequence = invocation.sequence();
    code = object.namespace().code();
    ObjectMethod method = code.methods().find(invocation.method());
    if (method == null) {
      return refuse(
          stub,
          null,
          sequence,
          BreakReason.UNKNOWN_METHOD,
          "method '%s' is not a unary method of %s"
              .formatted(invocation.method(), code.methods().serviceName()));
    }
    StubCaller caller = stub.caller();
    if (caller != null && !caller.mayCall(method)) {
      return refuse(
          stub,
          method,
          sequence,
          BreakReason.PERMISSION_DENIED,
          "%s may not call %s of namespace %s"
              .formatted(caller.words(), method.name(), object.namespace().name()));
    }
    thread.placeTurn(method, invocation, instances);
    StuckTurns stuck = object.host().stuckTurns();
    BreakCause refusal = stuck.isCrowded() ? awaitRoom(stuck, stub, invocation) : null;
    if (refusal != null) {
      meter.refused(method, refusal.reason());
      stub.breakTurn(refusal.blaming(sequence), object.pendingCommit());
      return true;
    }
    QueueBudget host = object.host().queued();
    long room =
        object
            .host()
            .arguments()
            .heapBytes(method, invocation, object.host().limits().hostQueue().bytes());
    if (room == 0) {
      return read(stub, invocation, method);
    }
    if (!host.takeBytes(room)) {
      return refuse(
          stub,
          method,
          sequence,
          BreakReason.OVERLOADED,
          "no room for the argument of %s, which takes %,d bytes or more to read: %s"
              .formatted(method.name(), room, host.refusal()));
    }
    try {
      return read(stub, invocation, method);
    } finally {
      // Also if the turn was cut off: till now the object's code could have the argument in hand.
      host.release(0, room);
    }
  }

  /** Waits, if too many turns of the method spin. Returns why it may not run, or null. */
  private @Nullable BreakCause awaitRoom(StuckTurns stuck, Session stub, Invocation invocation) {
    long left;
    try {
      left = nanosLeft(stub, invocation);
    } catch (IllegalArgumentException e) {
      left = 0; // It is refused for that at once.
    }
    return stuck.awaitRoom(object.namespace(), invocation.method(), left);
  }

  /** How long it may still take; at least 0. */
  private long nanosLeft(Session stub, Invocation invocation) {
    Duration timeout = invocation.timeout();
    if (timeout == null) {
      return Long.MAX_VALUE;
    }
    long nanos = Timeout.nanos(timeout);
    return nanos - Math.min(nanos, object.host().nanos() - stub.arrivedNanos());
  }

  private boolean read(Session stub, Invocation invocation, ObjectMethod method) {
    long sequence = invocation.sequence();
    long timeoutNanos;
    Metadata metadata;
    Object argument;
    IdempotencyKey key;
    try {
      timeoutNanos = nanosLeft(stub, invocation);
      Map<String, String> entries = InvocationMetadata.entries(invocation);
      metadata = InvocationMetadata.read(entries, stub.isLocal() ? stub.caller() : null);
      key = IdempotencyKey.of(invocation, entries, method, stub.caller());
      argument = object.host().arguments().parse(method, invocation);
    } catch (MalformedArgumentException e) {
      return refuse(
          stub, method, sequence, BreakReason.MALFORMED_ARGUMENT, String.valueOf(e.getMessage()));
    } catch (IllegalArgumentException e) {
      return refuse(
          stub, method, sequence, BreakReason.PROTOCOL_VIOLATION, String.valueOf(e.getMessage()));
    } catch (RuntimeException | Error e) { // Memory or stack may be short; the object must go on.
      meter.refused(method, BreakReason.OBJECT_EXCEPTION);
      stub.breakTurn(
          ThrownCause.logged(
                  object,
                  BreakReason.OBJECT_EXCEPTION,
                  e,
                  "the argument's parser",
                  LogSubject.of(method.name(), sequence))
              .blaming(sequence),
          object.pendingCommit());
      return true;
    }
    if (timeoutNanos <= 0) {
      meter.refused(method, BreakReason.INVOCATION_TIMED_OUT);
      stub.breakTurn(Timeout.ranOutBeforeItsTurn(invocation), object.pendingCommit());
      return true;
    }
    if (key != null && !remembering().isNew(key)) {
      if (!object.log().isVolatile()) {
        thread.leaveTransport(); // The store has to be asked.
      }
      if (remembering().repeat(stub, sequence, key)) {
        return true;
      }
    }
    return runTurn(stub, invocation, method, argument, metadata, timeoutNanos, key);
  }

  private boolean refuse(
      Session stub,
      @Nullable ObjectMethod method,
      long sequence,
      BreakReason reason,
      String message) {
    BreakCause cause = BreakCause.of(reason, message).blaming(sequence);
    if (method == null) {
      stub.breakTurn(cause, object.pendingCommit());
    } else {
      meter.refused(method, reason);
      stub.failTurn(new FailedTurn(method.name(), /* ran= */ false), cause, object.pendingCommit());
    }
    return true;
  }

  // ---- the turn

  private boolean runTurn(
      Session stub,
      Invocation invocation,
      ObjectMethod method,
      Object argument,
      Metadata metadata,
      long timeoutNanos,
      @Nullable IdempotencyKey key) {
    TurnTrace trace = TurnTrace.of(object, stub, invocation, method, metadata);
    if (trace == null) {
      return runTurn(stub, invocation, method, argument, metadata, timeoutNanos, key, null);
    }
    boolean lost = false; // Then whoever has cut the turn off tells of it.
    try {
      lost = !runTurn(stub, invocation, method, argument, metadata, timeoutNanos, key, trace);
    } finally {
      if (!lost) {
        trace.settle();
      }
    }
    return !lost;
  }

  private boolean runTurn(
      Session stub,
      Invocation invocation,
      ObjectMethod method,
      Object argument,
      Metadata metadata,
      long timeoutNanos,
      @Nullable IdempotencyKey key,
      @Nullable TurnTrace trace) {
    TurnTail tail = TurnTail.of(object, stub, invocation, method);
    long arrivedNanos = stub.arrivedNanos(); // Once it has begun, others may end it.
    InvocationTurn turn;
    try {
      turn = begin(stub, invocation, key, trace, tail);
    } catch (BreakException e) {
      meter.refused(method, e.cause().reason());
      stub.breakTurn(e.cause(), object.pendingCommit());
      return true;
    } catch (RuntimeException | Error e) { // Memory may be short; the object must go on.
      if (!thread.stillHas()) {
        return false;
      }
      meter.refused(method, BreakReason.OBJECT_EXCEPTION);
      instances.discard("a turn could not begin");
      stub.breakTurn(
          ThrownCause.logged(
                  object,
                  BreakReason.OBJECT_EXCEPTION,
                  e,
                  "the beginning of a turn",
                  LogSubject.of(method.name(), invocation.sequence()))
              .blaming(invocation.sequence()),
          object.pendingCommit());
      return true;
    }
    if (turn == null) {
      return false;
    }
    BreakCause failure = null;
    boolean timed = meter.isTimed(turn.number(), method);
    boolean starts = timed && !instances.hasStarted(); // And that isn't the method's time.
    long beganNanos = timed ? object.host().nanos() : 0;
    if (!stub.isBroken()) {
      try {
        failure = methods.run(turn, invocation, method, argument, metadata, timeoutNanos);
      } catch (Throwable thrown) { // Out of memory, say. Whatever it is, the object must go on.
        failure =
            ThrownCause.logged(
                object, BreakReason.OBJECT_EXCEPTION, thrown, "the method", LogSubject.of(turn));
      }
    }
    long tookNanos = 0;
    if (timed) {
      tookNanos = object.host().nanos() - beganNanos;
      if (!starts) {
        method.pace().took(tookNanos);
      }
    }
    if (!thread.endTurn(turn)) {
      return false;
    }
    turn.instance().turnEnded();
    BreakReason failed = end(turn, failure);
    if (failed == null) {
      meter.endedWell(method);
    } else {
      meter.failed(method, failed);
    }
    if (timed && meter.isInSample(turn.number(), method)) {
      meter.tellOf(method, beganNanos - arrivedNanos, tookNanos, failed);
    }
    return true;
  }

  /**
   * Begins a turn on a live instance.
   *
   * @return null if this thread has lost the object at once
   */
  private @Nullable InvocationTurn begin(
      Session stub,
      Invocation invocation,
      @Nullable IdempotencyKey key,
      @Nullable TurnTrace trace,
      @Nullable TurnTail tail)
      throws BreakException {
    while (true) {
      Instance instance = instances.beginTurn(code);
      InvocationTurn begun =
          new InvocationTurn(object.nextTurnNumber(), instance, stub, invocation, key, trace, tail);
      thread.beginTurn(begun);
      if (!instance.isAborted()) {
        return begun;
      }
      // Whoever has aborted it may not have seen that this turn begins. It needs another instance.
      if (!thread.endTurn(begun)) {
        return null;
      }
      instance.storage().rollback();
    }
  }

  // ---- after the turn

  /**
   * A turn has ended by itself, and can't be cut off any more.
   *
   * @return why it failed; null if it didn't
   */
  private @Nullable BreakReason end(InvocationTurn ended, @Nullable BreakCause failed) {
    Instance instance = ended.instance();
    Session stub = ended.stub();
    if (stub.isBroken()) {
      // A commit of this stub's was lost: nothing that is behind it may leave a trace.
      stub.abandonTurn();
      BreakCause lost =
          failed == null
              ? BreakCause.of(BreakReason.OBJECT_RESET, "an earlier commit of the stub was lost")
              : failed;
      instances.failTurn(instance, lost);
      follow(ended, 0, lost);
      return lost.reason();
    }
    BreakCause failure = failed == null ? object.reserve(ended.outcome()) : failed;
    long commit = 0;
    if (failure == null) {
      try {
        commit = submit(ended);
      } catch (RuntimeException | Error e) {
        object.giveUp(ended.outcome());
        failure = instances.notSubmitted(ended, e);
      }
    }
    if (failure == null) {
      complete(ended, commit);
      follow(ended, commit, null);
    } else {
      // Asked for in this order: if the instance isn't lost by now, all that the turn saw is
      // durable or in this commit. If it is, nobody may be told what the object threw: it may tell
      // of that.
      long seen = object.pendingCommit();
      Throwable refusal = instance.storage().refusal();
      if (refusal != null) {
        failure = ThrownCause.reset(refusal);
      }
      instances.failTurn(instance, failure);
      stub.failTurn(
          new FailedTurn(ended.method(), /* ran= */ true),
          failure.reason() == BreakReason.OBJECT_START_FAILED
              ? failure
              : failure.blaming(ended.sequence()),
          seen);
      follow(ended, 0, failure);
    }
    return failure == null ? null : failure.reason();
  }

  /** Tells whoever follows a turn what becomes of it. */
  private static void follow(InvocationTurn ended, long commit, @Nullable BreakCause failure) {
    TurnTail tail = ended.tail();
    if (tail != null) {
      if (failure == null) {
        tail.completed(ended.outcome());
      } else {
        tail.failed(failure);
      }
    }
    TurnTrace trace = ended.trace();
    if (trace == null) {
      return;
    }
    if (failure == null) {
      trace.await(commit);
    } else {
      trace.failed(failure);
    }
  }

  private Remembering remembering() {
    Remembering made = remembering;
    if (made == null) {
      made = new Remembering(object, object.log(), object.sessions().stored());
      remembering = made;
    }
    return made;
  }

  /** Submits what a turn wrote, and what is to be remembered of it. Gives what it waits for. */
  private long submit(InvocationTurn ended) {
    TurnStorage storage = ended.instance().storage();
    return ended.key() == null && ended.stub().record() == null
        ? storage.endTurn()
        : remembering().submit(storage, ended.stub(), ended.outcome(), ended.key());
  }

  private void complete(InvocationTurn ended, long commit) {
    Session stub = ended.stub();
    try {
      stub.complete(ended.outcome(), commit);
    } catch (RuntimeException | Error e) {
      // The turn has its effect; so no break may say that it had none.
      stub.lose(e);
    }
  }
}
