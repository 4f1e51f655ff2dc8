package dev.seriatim.conformance.faults;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits, within bounds. */
final class Patience {
  /** How long is waited for anything at most. A busy machine takes its time. */
  static final int SECONDS = 90;

  private static final int LOOK_MILLIS = 20;

  /** How often the database is asked, which takes a process each time. */
  private static final int ASK_MILLIS = 500;

  private Patience() {}

  /** Waits until this has come, and says what it is if it never does. */
  static void await(String what, BooleanSupplier hasCome) throws InterruptedException {
    await(what, hasCome, LOOK_MILLIS);
  }

  /** The same, where to look is to ask the database. */
  static void awaitStored(String what, BooleanSupplier hasCome) throws InterruptedException {
    await(what, hasCome, ASK_MILLIS);
  }

  private static void await(String what, BooleanSupplier hasCome, int lookMillis)
      throws InterruptedException {
    long began = System.nanoTime();
    while (!hasCome.getAsBoolean()) {
      if (System.nanoTime() - began > Duration.ofSeconds(SECONDS).toNanos()) {
        throw new AssertionError(what + ": never came within " + SECONDS + " s");
      }
      Thread.sleep(lookMillis);
    }
  }

  /** A fault lasts. */
  static void last(Duration time) throws InterruptedException {
    Thread.sleep(time);
  }
}
