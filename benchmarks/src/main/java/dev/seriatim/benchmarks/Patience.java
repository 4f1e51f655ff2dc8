package dev.seriatim.benchmarks;

import java.io.IOException;
import java.time.Duration;

/** Waits for what has to be there before a benchmark goes on, within bounds. */
final class Patience {
  private static final Duration LOOK = Duration.ofMillis(100);
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private Patience() {}

  /** What may be so by now. */
  interface Condition {
    boolean holds() throws Exception;
  }

  /**
   * Waits until this holds.
   *
   * @throws IOException which names it, if it doesn't for two minutes
   */
  static void await(String what, Condition condition) throws Exception {
    long began = System.nanoTime();
    while (!condition.holds()) {
      if (System.nanoTime() - began > LONGEST.toNanos()) {
        throw new IOException(what + ": didn't come within " + LONGEST);
      }
      Thread.sleep(LOOK);
    }
  }
}
