package dev.seriatim.service.storage;

import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a store that doesn't answer: since when, whether there is still patience with
 * it, when to try it again, and for how long. Times are of a monotonic clock, in nanoseconds.
 * Decides, and has neither thread nor clock; who has it guards it.
 */
final class Outage {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(20);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

  /**
   * A store that is there may take so long, however little patience there is with one that isn't.
   */
  private static final Duration LEAST_TRY = Duration.ofSeconds(1);

  private final long patience;
  private final long longestTry;
  private boolean away;
  private long since;
  private long tryAt;
  private @Nullable SQLException why;
  private Duration pause = FIRST_PAUSE;

  Outage(Duration patience) {
    this.patience = patience.toNanos();
    this.longestTry = tryTime(patience).toNanos();
  }

  /** For how long a store with which there is so much patience is tried at a time. */
  static Duration tryTime(Duration patience) {
    return patience.compareTo(LEAST_TRY) > 0 ? patience : LEAST_TRY;
  }

  /**
   * A try has found the store away.
   *
   * @param began when the try began: a store that says nothing for long was away all that time
   * @return whether that is news
   */
  boolean found(long began, long now, SQLException failure) {
    boolean news = !away;
    if (news) {
      away = true;
      since = began;
    }
    why = failure;
    tryAt = now + pause.toNanos();
    Duration doubled = pause.multipliedBy(2);
    pause = doubled.compareTo(LONGEST_PAUSE) < 0 ? doubled : LONGEST_PAUSE;
    return news;
  }

  /** The store has answered. */
  void over() {
    away = false;
    pause = FIRST_PAUSE;
    why = null;
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
    return away && now - since >= patience;
  }

  /** Whether a try that began then has taken as long as any may. */
  boolean isLate(long began, long now) {
    return now - began >= longestTry;
  }

  /** Whether it is known, without another try, that nothing can be had from the store now. */
  boolean isHopeless(long now) {
    return isBeyondPatience(now) && now - tryAt < 0;
  }

  /** Why nothing can be had from the store. */
  SQLException failure(long now) {
    return new SQLException(
        "the store has been away for "
            + lasted(now).toMillis()
            + " ms: "
            + (why == null ? "it says nothing" : why.getMessage()),
        "08006",
        why);
  }

  /** Somebody tries the store now: others needn't before it is known how that went. */
  void tries(long now) {
    tryAt = now + longestTry;
  }

  /** When the store is to be tried again, or when the patience is over if that is before. */
  long pauseUntil(long now) {
    long patient = since + patience;
    return isBeyondPatience(now) || patient - tryAt > 0 ? tryAt : patient;
  }

  /**
   * Until when a try that begins now may last: until the patience is over; or if it is over, or the
   * store isn't known to be away, for as long as the patience lasts.
   */
  long limit(long now) {
    return away && !isBeyondPatience(now) ? since + longestTry : now + longestTry;
  }
}
