package dev.seriatim.service.storage;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Is told which objects have an alarm to run. */
@FunctionalInterface
public interface AlarmListener {
  /**
   * This object's alarm is due. The answer is a turn of the object, bracketed by {@link
   * TurnStorage#beginAlarmTurn} and {@link TurnStorage#endTurn}. If it fails by its own fault,
   * {@link TurnStorage#rollback} and {@link ObjectLog#retryAlarm}; if it was lost, {@link
   * ObjectLog#loseAlarm}; if there can be no turn, or it was no fault of the object's, {@link
   * ObjectLog#putOffAlarm}.
   *
   * <p>Called from the engine's alarm thread, one alarm after the other. Must not block: it should
   * do no more than put a turn into the object's mailbox. If it throws, the alarm is put off. May
   * be called twice for one alarm; the second turn then finds nothing to do.
   *
   * @param id the object's id in 64 hex digits
   * @param name the object's name, if the store knows it
   */
  void alarmDue(String namespace, String id, @Nullable String name, Instant due);
}
