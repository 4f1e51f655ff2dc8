package dev.seriatim.service.storage;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Is told which objects have an alarm to run. */
@FunctionalInterface
public interface AlarmListener {
  /**
   * This object's alarm is due. The answer is a turn of the object, bracketed by {@link
   * InstanceStorage#beginAlarmTurn} and {@link InstanceStorage#endTurn}; if it fails, by {@link
   * InstanceStorage#rollback} and {@link ObjectStorage#retryAlarm}. If there can be no turn, {@link
   * StorageEngine#postponeAlarm}.
   *
   * <p>Called from the engine's alarm thread, one alarm after the other in due order. Must not
   * block: it should do no more than put a turn into the object's mailbox. May be called twice for
   * one alarm; the second turn then finds nothing to do.
   *
   * @param id the object's id in 64 hex digits
   * @param name the object's name, if the store knows it
   */
  void alarmDue(String namespace, String id, @Nullable String name, Instant due);
}
