package dev.seriatim.service.storage;

import java.time.Duration;

/**
 * How many expired rows are removed at once, and when the next ones: once a minute if there are
 * few; and if there are many, in a tenth of the time, and in steps that hold nobody up for long.
 * Owned by who sweeps.
 */
final class SweepPace {
  /** As many as that in one step at most. */
  static final int MOST = 1_000;

  static final Duration PAUSE = Duration.ofMinutes(1);

  /** Rows may be large, and nobody knows before. */
  private static final int FIRST = 50;

  /** How long a step may take. */
  private static final long GOOD_NANOS = Duration.ofMillis(50).toNanos();

  /** A step of a tenth of the time. */
  private static final int REST = 9;

  private final long pauseNanos;
  private int most = FIRST;

  SweepPace() {
    this(PAUSE);
  }

  /**
   * A pace.
   *
   * @param pause between two steps if there are few
   */
  SweepPace(Duration pause) {
    this.pauseNanos = pause.toNanos();
  }

  /** How many rows the next step may remove. */
  int most() {
    return most;
  }

  /**
   * A step is done.
   *
   * @param rows how many it has removed
   * @return how long to wait for the next one, in nanoseconds
   */
  long pauseAfter(int rows, long nanos) {
    boolean more = rows >= most;
    if (nanos > GOOD_NANOS) {
      most = Math.max(1, most / 2);
    } else if (more) {
      most = Math.min(MOST, most * 2);
    }
    return more ? REST * nanos : pauseNanos;
  }
}
