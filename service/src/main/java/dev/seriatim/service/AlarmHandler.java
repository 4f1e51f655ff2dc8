package dev.seriatim.service;

import java.time.Instant;

/**
 * Lets an object run its alarms: implemented by the service that a {@link DurableObjectFactory}
 * makes, beside its methods.
 *
 * <p>An alarm is set with {@link DurableObjectStorage#setAlarm}. When it is due, also after a
 * restart, {@link #alarm} is called as a turn of its own, never beside another one; an object that
 * isn't in memory is made first.
 */
public interface AlarmHandler {
  /**
   * Runs the alarm. The turn ends when this method returns; its writes, the removal of the alarm
   * among them, then become durable together. The next alarm may be set in here.
   *
   * <p>If it throws, nothing that it wrote is kept, and it is called again 2, 4, 8, 16, 32 and 64
   * seconds later; after that the alarm is given up, with a log: it never runs then, and stays in
   * the store to be found, until the object sets it anew or deletes it. It runs at least once: if
   * the host dies before the turn is durable, it runs again.
   *
   * @param alarm which alarm it is
   */
  void alarm(DueAlarm alarm) throws Exception;

  /**
   * An alarm that runs.
   *
   * @param due when it was to run
   * @param retries how often it has been tried before; 0 the first time
   */
  record DueAlarm(Instant due, int retries) {}
}
