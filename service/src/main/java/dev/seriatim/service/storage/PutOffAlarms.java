package dev.seriatim.service.storage;

import java.util.concurrent.TimeUnit;

/**
 * When to look again for the alarms of one namespace that could not run: the longer it goes on, and
 * the more there are, the later. Without a thread, clock or lock: part of a {@link NearAlarms}.
 *
 * <p>A round goes from one look to the next. What is put off in a round moves its end on, so that a
 * look at very many alarms comes to those that can run; but not for ever.
 */
final class PutOffAlarms {
  private static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int LONGEST_SHIFT = 5;
  private static final long LONGEST_NANOS = FIRST_NANOS << LONGEST_SHIFT;

  /** What each alarm adds to the pause at least: to try in vain isn't for nothing. */
  private static final long EACH_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

  /** What each alarm adds to the longest time that a round may take. */
  private static final long EACH_OF_ROUND_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private int rounds;
  private long inRound;
  private long roundBeganNanos;
  private long lastNanos;

  /**
   * One more alarm could not run.
   *
   * @return when to look again
   */
  long add(long nowNanos) {
    if (inRound == 0) {
      roundBeganNanos = nowNanos;
      if (nowNanos - lastNanos > 2 * LONGEST_NANOS) {
        rounds = 0;
      }
    }
    inRound++;
    lastNanos = nowNanos;
    long pause = Math.max(FIRST_NANOS << Math.min(rounds, LONGEST_SHIFT), inRound * EACH_NANOS);
    long latest = LONGEST_NANOS + inRound * EACH_OF_ROUND_NANOS;
    return Math.min(nowNanos - roundBeganNanos + pause, latest) + roundBeganNanos;
  }

  /** Whether the alarm that was added last was the first one, after all had been well. */
  boolean isFirst() {
    return rounds == 0 && inRound == 1;
  }

  /** All are looked at anew. */
  void lookAgain() {
    if (inRound > 0) {
      rounds++;
      inRound = 0;
    }
  }
}
