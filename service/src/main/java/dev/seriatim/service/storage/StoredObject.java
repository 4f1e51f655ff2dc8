package dev.seriatim.service.storage;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An object that has stored something.
 *
 * @param place its namespace, its id, and its name as far as the store knows it
 * @param alarm null if it has none
 */
public record StoredObject(ObjectPlace place, @Nullable Alarm alarm) {
  /**
   * An object's alarm.
   *
   * @param due when it is due next, or was due last if it was given up
   * @param retries how often it has failed
   * @param givenUp whether it isn't run any more
   */
  public record Alarm(Instant due, int retries, boolean givenUp) {
    static Alarm of(AlarmTime alarm) {
      return new Alarm(
          Instant.ofEpochMilli(alarm.dueMillis()),
          Math.min(alarm.retries(), AlarmTime.MAX_RETRIES),
          !alarm.isSet());
    }
  }

  /**
   * What an object's entries take.
   *
   * @param entries how many they are
   * @param bytes of their keys and values
   */
  public record Size(long entries, long bytes) {}

  /** When its alarm is due, if it has one that is to run. */
  public @Nullable Instant alarmTime() {
    return alarm == null || alarm.givenUp() ? null : alarm.due();
  }
}
