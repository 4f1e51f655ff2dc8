package dev.seriatim.service.object;

import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.AlarmHandler.DueAlarm;
import dev.seriatim.service.Caller;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.HostListener.AlarmEvent;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.storage.Alarm;
import dev.seriatim.service.storage.ObjectLog;
import io.grpc.Context;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Runs an object's alarm as a turn. Used by the thread that has the object, which is its turn
 * thread or the one that cut off its turn; stateless.
 *
 * <p>However it ends, the storage is told once what became of an alarm that was due, or the host
 * shuts down. One that an operator wants to run isn't on its way: who has asked is told.
 */
final class AlarmRunner {
  private final LiveObject object;
  private final ObjectLog log;
  private final Instances instances;

  AlarmRunner(LiveObject object, ObjectLog log, Instances instances) {
    this.object = object;
    this.log = log;
    this.instances = instances;
  }

  /**
   * Runs the alarm, if it is still due, or an operator wants it.
   *
   * @param order who wants it to run now; null if it is due
   * @return false if this thread has lost the object meanwhile
   */
  boolean run(Order.@Nullable RunAlarm order, TurnThread thread) {
    StuckTurns stuck = object.host().stuckTurns();
    BreakCause refusal =
        stuck.isCrowded()
            ? stuck.awaitRoom(object.namespace(), AlarmTurn.METHOD, Long.MAX_VALUE)
            : null;
    if (refusal != null) {
      putOff(order, refusal, null);
      return true;
    }
    if (!object.directory().moves().stays(object.id())) {
      putOff(order, Departures.cause(), null);
      return true;
    }
    if (!drain().beginOther()) {
      if (order != null) {
        order.refuse(ObjectDirectory.drainCause());
      }
      return true; // It stays in the store.
    }
    boolean lost = false;
    try {
      lost = !runTurn(order, thread);
    } catch (RuntimeException | Error e) { // Whatever it is, the object must go on.
      lost = !thread.stillHas();
      if (!lost) {
        instances.discard("the alarm could not run");
        if (order == null) {
          putOff(e);
        } else {
          order.fail(e);
        }
      }
    } finally {
      if (!lost) {
        drain().otherEnded();
      }
    }
    return !lost;
  }

  private boolean runTurn(Order.@Nullable RunAlarm order, TurnThread thread) {
    AlarmTurn turn;
    try {
      turn = begin(order, thread);
    } catch (BreakException e) {
      putOff(order, e.cause(), e);
      return true;
    }
    if (turn != null) {
      boolean lost = false;
      try {
        lost = !runTurn(turn, thread);
      } finally {
        if (!lost && turn.trace() != null) {
          turn.trace().settle();
        }
      }
      return !lost;
    }
    if (order != null) {
      order.doneWith(object, object.pendingCommit(), false);
    }
    return true;
  }

  private boolean runTurn(AlarmTurn turn, TurnThread thread) {
    AlarmFailure failure = execute(turn);
    if (!thread.endTurn(turn)) {
      return false;
    }
    turn.instance().turnEnded();
    end(turn, failure);
    return true;
  }

  private void putOff(Order.@Nullable RunAlarm order, BreakCause why, @Nullable Throwable thrown) {
    if (order == null) {
      log.putOffAlarm(why.message(), thrown);
    } else {
      order.refuse(why);
    }
  }

  /** The alarm can't run now, since the host has failed at it. */
  void putOff(Throwable why) {
    log.putOffAlarm("its turn could not run", Legible.orStandIn(why));
  }

  private Drain drain() {
    return object.host().drain();
  }

  /** Null if there is nothing to run. If it is cut off at once, it is the caller who finds out. */
  private @Nullable AlarmTurn begin(Order.@Nullable RunAlarm order, TurnThread thread)
      throws BreakException {
    while (true) {
      Instance instance = instances.live();
      Alarm alarm = instance.storage().beginAlarmTurn(/* now= */ order != null);
      if (alarm == null) {
        return null;
      }
      TurnTrace trace = TurnTrace.of(object, alarm);
      AlarmTurn begun =
          new AlarmTurn(
              object.nextTurnNumber(),
              instance,
              alarm,
              order,
              TurnTail.ofAlarm(object, late(alarm).toNanos()),
              trace);
      thread.beginTurn(begun);
      if (!instance.isAborted() || !thread.endTurn(begun)) {
        return begun;
      }
      if (trace != null) {
        trace.failed(BreakCause.of(BreakReason.OBJECT_RESET, "the object aborted itself"));
      }
      instance.storage().rollback();
    }
  }

  /** Null if the turn was well, or was cut off. */
  private @Nullable AlarmFailure execute(AlarmTurn turn) {
    if (turn.isCutOff()) {
      return null;
    }
    Instance instance = turn.instance();
    CallChain chain = instance.beginChain(/* calledBy= */ null);
    Context ofHost = instance.context().withValue(DurableObjectState.CALLER, Caller.alarm());
    Context context = chain == null ? ofHost : chain.in(ofHost);
    TurnTrace trace = turn.trace();
    if (trace != null) {
      context = trace.enter(context);
    }
    Context previous = context.attach();
    try {
      AlarmFailure failure = start(instance);
      AlarmHandler handler = instance.alarmHandler();
      if (failure != null || turn.isCutOff()) {
        return failure;
      }
      if (handler == null) {
        return AlarmFailure.of(
            BreakCause.of(BreakReason.OBJECT_START_FAILED, "the object is no AlarmHandler"));
      }
      turn.handle();
      handler.alarm(new DueAlarm(turn.alarm().due(), turn.alarm().retries()));
      return null;
    } catch (Throwable thrown) { // Whatever the object throws, an Error too, fails its alarm.
      return AlarmFailure.thrown(BreakReason.OBJECT_EXCEPTION, thrown);
    } finally {
      context.detach(previous);
      if (trace != null) {
        trace.leave();
      }
      if (chain != null) {
        chain.end();
      }
    }
  }

  /**
   * Not as for an invocation: what the factory throws isn't logged for each of very many alarms.
   */
  private static @Nullable AlarmFailure start(Instance instance) {
    if (!instance.isStarted()) {
      try {
        instance.start();
      } catch (Throwable thrown) { // The factory is the object's code, like its handler.
        return AlarmFailure.thrown(BreakReason.OBJECT_START_FAILED, thrown);
      }
    }
    return null;
  }

  private void end(AlarmTurn ended, @Nullable AlarmFailure failed) {
    Instance instance = ended.instance();
    AlarmFailure failure = failed;
    if (failure == null) {
      try {
        long commit = instance.storage().endTurn();
        if (ended.trace() != null) {
          ended.trace().await(commit);
        }
        if (ended.order() != null) {
          ended.order().doneWith(object, commit, true);
        }
      } catch (RuntimeException | Error e) {
        failure = new AlarmFailure(instances.notSubmitted(ended, e), Legible.orStandIn(e));
      }
    }
    counted(ended, failure);
    if (failure != null) {
      if (ended.trace() != null) {
        ended.trace().failed(failure.cause());
      }
      instances.failTurn(instance, failure.cause());
      failed(ended, failure);
    }
  }

  /** The turn was cut off, and its instance is discarded. */
  void cutOff(AlarmTurn late, BreakCause cause) {
    try {
      failed(late, AlarmFailure.of(cause));
      counted(late, AlarmFailure.of(cause));
    } finally {
      drain().otherEnded();
    }
  }

  private void counted(AlarmTurn turn, @Nullable AlarmFailure failure) {
    HostCounts counts = object.directory().counts();
    boolean dropped =
        failure != null
            && failure.fate(turn, drain().hasBegun()) == AlarmFailure.Fate.TRIED
            && turn.alarm().isLastTry();
    counts.of(object.namespace()).alarmsRun.increment();
    if (dropped) {
      counts.of(object.namespace()).alarmsDropped.increment();
    }
    counts
        .listener()
        .alarm(
            new AlarmEvent(
                object.namespace().name(),
                object.id(),
                late(turn.alarm()),
                failure == null,
                dropped));
    TurnTail tail = turn.tail();
    if (tail != null) {
      if (failure == null) {
        tail.completed(/* outcome= */ null);
      } else {
        tail.failed(failure.cause());
      }
    }
  }

  /** How long ago it was due. */
  private Duration late(Alarm alarm) {
    Duration late =
        Duration.between(alarm.due(), object.host().storage().options().clock().instant());
    return late.isNegative() ? Duration.ZERO : late;
  }

  private void failed(AlarmTurn turn, AlarmFailure failure) {
    try {
      switch (failure.fate(turn, drain().hasBegun())) {
        case TRIED ->
            log.retryAlarm(turn.alarm(), failure.cause().reason().name(), failure.thrown());
        case LOST -> log.loseAlarm();
        case PUT_OFF -> {
          if (turn.order() == null) {
            log.putOffAlarm(failure.cause().message(), failure.thrown());
          }
        }
      }
    } catch (RuntimeException | Error e) {
      log.putOffAlarm("its next try could not be stored", Legible.orStandIn(e));
    }
    if (turn.order() != null) {
      turn.order().failedWith(object, object.pendingCommit(), new BreakException(failure.cause()));
    }
  }
}
