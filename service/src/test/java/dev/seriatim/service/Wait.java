package dev.seriatim.service;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Bounded waits that say what never came. */
public final class Wait {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private Wait() {}

  /** Waits for the latch. */
  public static void on(CountDownLatch latch, String what) {
    try {
      if (!latch.await(LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new AssertionError("never came: " + what);
      }
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted while waiting for: " + what, e);
    }
  }

  /** Waits for the result. */
  public static <T> T on(Future<T> future, String what) throws Exception {
    try {
      return future.get(LIMIT.toNanos(), TimeUnit.NANOSECONDS);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new AssertionError("never came: " + what, e);
    }
  }

  /** Waits, looking again and again, until this is so. */
  public static void until(BooleanSupplier condition, String what) {
    until(LIMIT, condition, () -> what);
  }

  /** The same for what may take longer, such as the start of a process. */
  public static void until(Duration limit, BooleanSupplier condition, Supplier<String> what) {
    long end = System.nanoTime() + limit.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("never came: " + what.get());
      }
      LockSupport.parkNanos(50_000);
    }
  }
}
