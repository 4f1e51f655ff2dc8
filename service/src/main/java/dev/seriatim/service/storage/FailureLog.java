package dev.seriatim.service.storage;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * Remembers which failures were logged lately, so that a store that fails each of a thousand groups
 * in the same way is not logged a thousand times. Times are of a monotonic clock, in nanoseconds.
 * The committer's.
 */
final class FailureLog {
  private static final long QUIET_NANOS = Duration.ofMinutes(1).toNanos();
  private static final int MOST_KINDS = 1_000;

  private final Map<String, Long> logged = new HashMap<>();

  /** Whether a failure of this kind is to be logged now. */
  boolean isNews(String kind, long now) {
    Long last = logged.get(kind);
    if (last != null && now - last < QUIET_NANOS) {
      return false;
    }
    if (logged.size() >= MOST_KINDS) {
      logged.clear();
    }
    logged.put(kind, now);
    return true;
  }
}
