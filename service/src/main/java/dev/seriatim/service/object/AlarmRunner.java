package dev.seriatim.service.object;

import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.AlarmHandler.DueAlarm;
import dev.seriatim.service.storage.Alarm;
import dev.seriatim.service.storage.ObjectStorage;
import io.grpc.Context;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Runs an object's alarm as a turn. Used by whoever has the object; stateless. */
final class AlarmRunner {
  private static final Logger logger = Logger.getLogger(AlarmRunner.class.getName());

  private final LiveObject object;
  private final ObjectStorage storage;
  private final Instances instances;

  AlarmRunner(LiveObject object, ObjectStorage storage, Instances instances) {
    this.object = object;
    this.storage = storage;
    this.instances = instances;
  }

  /** Runs the alarm, if it is still due. False if this thread has lost the object meanwhile. */
  boolean run() {
    if (object.directory().isDraining()) {
      return true; // It stays in the store.
    }
    AlarmTurn turn = null;
    BreakCause failure = null;
    try {
      turn = begin();
      if (turn != null) {
        failure = execute(turn);
      }
    } catch (BreakException | RuntimeException | Error e) {
      // Whatever it is, the object must go on.
      instances.discard("the alarm could not begin");
      putOff(e);
    }
    if (turn != null) {
      if (!object.endTurn(turn)) {
        return false;
      }
      end(turn, failure);
    }
    return true;
  }

  /** Null if there is nothing to run. If it is cut off at once, it is the caller who finds out. */
  private @Nullable AlarmTurn begin() throws BreakException {
    while (true) {
      Instance instance = instances.live();
      Alarm alarm = instance.storage().beginAlarmTurn();
      if (alarm == null) {
        return null;
      }
      AlarmTurn begun = new AlarmTurn(object.nextTurnNumber(), instance, alarm);
      object.beginTurn(begun);
      if (!instance.isAborted() || !object.endTurn(begun)) {
        return begun;
      }
      instance.storage().rollback();
    }
  }

  private @Nullable BreakCause execute(AlarmTurn turn) {
    if (turn.isCutOff()) {
      return null;
    }
    Instance instance = turn.instance();
    Context previous = instance.context().attach();
    try {
      BreakCause failure = instances.start(instance);
      AlarmHandler handler = instance.alarmHandler();
      if (turn.isCutOff()) {
        return failure;
      }
      if (failure == null && handler == null) {
        logger.warning(() -> object + ": an alarm is dropped, for the object is no AlarmHandler");
      } else if (failure == null && handler != null) {
        handler.alarm(new DueAlarm(turn.alarm().due(), turn.alarm().retries()));
      }
      return failure;
    } catch (Throwable thrown) { // Whatever the object throws, an Error too, fails its alarm.
      return object.thrown(BreakReason.OBJECT_EXCEPTION, thrown, "the alarm");
    } finally {
      instance.context().detach(previous);
    }
  }

  private void end(AlarmTurn ended, @Nullable BreakCause failed) {
    Instance instance = ended.instance();
    BreakCause failure = failed;
    if (failure == null) {
      try {
        instance.storage().endTurn();
      } catch (RuntimeException | Error e) {
        failure = instances.notSubmitted(instance, e);
      }
    }
    if (failure != null) {
      instances.failTurn(instance, failure);
      retry(ended, failure);
    }
  }

  /** Has the alarm of a turn that failed tried again later. */
  void retry(AlarmTurn failed, BreakCause cause) {
    try {
      storage.retryAlarm(failed.alarm(), cause.toStatus().asException());
    } catch (RuntimeException e) {
      putOff(e);
    }
  }

  private void putOff(Throwable why) {
    logger.log(Level.WARNING, why, () -> object + ": the alarm is put off");
    object.directory().storage().postponeAlarm(object.namespace().name(), object.id());
  }
}
