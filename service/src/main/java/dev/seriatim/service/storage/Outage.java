package dev.seriatim.service.storage;

import java.time.Duration;

/**
 * What the committer knows of a store that doesn't answer: since when, whether there is still
 * patience with it, and when to look at it again. Times are of a monotonic clock, in nanoseconds.
 * The committer's alone.
 */
final class Outage {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(20);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

  private final Duration patience;
  private boolean away;
  private long since;
  private long lookAt;
  private Duration pause = FIRST_PAUSE;

  Outage(Duration patience) {
    this.patience = patience;
  }

  /**
   * A try has found the store away.
   *
   * @param began when the try began: a store that says nothing for long was away all that time
   * @return whether that is news
   */
  boolean found(long began, long now) {
    boolean news = !away;
    if (news) {
      away = true;
      since = began;
    }
    lookAt = now + pause.toNanos();
    Duration doubled = pause.multipliedBy(2);
    pause = doubled.compareTo(LONGEST_PAUSE) < 0 ? doubled : LONGEST_PAUSE;
    return news;
  }

  /** The store has answered. */
  void over() {
    away = false;
    pause = FIRST_PAUSE;
  }

  boolean isAway() {
    return away;
  }

  /** For how long the store has been away. */
  Duration lasted(long now) {
    return away ? Duration.ofNanos(now - since) : Duration.ZERO;
  }

  /** Whether nothing more is to wait for the store. */
  boolean isBeyondPatience(long now) {
    return away && lasted(now).compareTo(patience) >= 0;
  }

  /** When to try the store again. */
  long lookAt() {
    return lookAt;
  }
}
