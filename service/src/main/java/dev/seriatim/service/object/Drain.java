package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/**
 * Who a shutdown waits for: the stubs of clients, until they have been told, and the alarms that
 * run. Safe for any number of threads.
 */
final class Drain {
  private final BooleanSupplier hasNoStubs;

  /** Written under the lock. */
  private volatile boolean begun;

  /** Whether there was nobody to wait for at some time since it began. */
  @GuardedBy("this")
  private boolean done;

  @GuardedBy("this")
  private int alarms;

  Drain(BooleanSupplier hasNoStubs) {
    this.hasNoStubs = hasNoStubs;
  }

  /** Whether the host is shutting down. */
  boolean hasBegun() {
    return begun;
  }

  /** From now on no alarm begins. */
  synchronized void begin() {
    begun = true;
    look();
  }

  /** A stub has ended, and is gone from those that there are. */
  void stubEnded() {
    if (begun) {
      look();
    }
  }

  /** Whether an alarm may run. If so, {@link #alarmEnded} has to follow. */
  synchronized boolean beginAlarm() {
    if (begun) {
      return false;
    }
    alarms++;
    return true;
  }

  synchronized void alarmEnded() {
    alarms--;
    if (begun) {
      look();
    }
  }

  private synchronized void look() {
    if (alarms == 0 && hasNoStubs.getAsBoolean()) {
      done = true;
      notifyAll();
    }
  }

  /** Waits until there is nobody to wait for. False if the time was too short. */
  synchronized boolean await(Duration limit) throws InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    long left;
    while (!done && (left = end - System.nanoTime()) > 0) {
      wait(left / 1_000_000 + 1);
    }
    return done;
  }

  /** How many alarms are running. */
  synchronized int alarms() {
    return alarms;
  }
}
