package dev.seriatim.service.storage;

import java.time.Instant;

/**
 * An alarm that a turn has begun to run.
 *
 * @param due when it was to run
 * @param retries how often it has been tried before; 0 the first time
 * @param life which of the object's lives between failed commits it was read in
 */
public record Alarm(Instant due, int retries, int life) {
  /** What stands for the name of a method where one is told. */
  public static final String METHOD = "the alarm";

  /** Whether it is dropped if it fails now. */
  public boolean isLastTry() {
    return retries >= AlarmTime.MAX_RETRIES;
  }
}
