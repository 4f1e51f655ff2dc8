package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/**
 * Who a shutdown waits for: the stubs of clients, until they have been told, and the turns that run
 * for no stub: alarms, and what operators want. Safe for any number of threads.
 */
final class Drain {
  private final BooleanSupplier hasNoStubs;

  /** Written under the lock. */
  private volatile boolean begun;

  /** Whether there was nobody to wait for at some time since it began. */
  @GuardedBy("this")
  private boolean done;

  @GuardedBy("this")
  private int others;

  Drain(BooleanSupplier hasNoStubs) {
    this.hasNoStubs = hasNoStubs;
  }

  /** Whether the host is shutting down. */
  boolean hasBegun() {
    return begun;
  }

  /** From now on no turn begins that is for no stub. */
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

  /** Whether a turn may run that is for no stub. If so, {@link #otherEnded} has to follow. */
  synchronized boolean beginOther() {
    if (begun) {
      return false;
    }
    others++;
    return true;
  }

  synchronized void otherEnded() {
    others--;
    if (begun) {
      look();
    }
  }

  private synchronized void look() {
    if (others == 0 && hasNoStubs.getAsBoolean()) {
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

  /** How many turns are running that are for no stub. */
  synchronized int others() {
    return others;
  }
}
