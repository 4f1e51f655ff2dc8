package dev.seriatim.service.storage;

import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many alarms there are, for those who watch: counted in the store when somebody asks, but not
 * more often than each ten seconds, on a thread of its own. Safe for any number of threads.
 */
final class AlarmCounts {
  private static final Logger logger = LoggerFactory.getLogger(AlarmCounts.class);
  private static final long AGAIN_NANOS = 10_000_000_000L;

  /** Counts them. */
  interface Source {
    Map<String, Long> alarmsOfAll() throws SQLException;
  }

  /** What was found, and when. */
  private record Counted(Map<String, Long> alarms, long nanos) {}

  private final Source source;
  private final AtomicBoolean counts = new AtomicBoolean();
  private volatile @Nullable Counted last;

  AlarmCounts(Source source) {
    this.source = source;
  }

  /** What was found last; null if nothing was yet. Has them counted anew if that is long ago. */
  @Nullable Map<String, Long> recent() {
    Counted found = last;
    if ((found == null || System.nanoTime() - found.nanos() >= AGAIN_NANOS)
        && counts.compareAndSet(false, true)) {
      boolean begun = false;
      try {
        Thread.ofVirtual().name("seriatim-alarm-counts").start(this::count);
        begun = true;
      } finally {
        if (!begun) {
          counts.set(false);
        }
      }
    }
    return found == null ? null : found.alarms();
  }

  private void count() {
    try {
      last = new Counted(Map.copyOf(source.alarmsOfAll()), System.nanoTime());
    } catch (SQLException | RuntimeException e) { // Closed, maybe, or the store is away.
      logger.debug("the alarms could not be counted: {}", e.toString());
    } finally {
      counts.set(false);
    }
  }
}
