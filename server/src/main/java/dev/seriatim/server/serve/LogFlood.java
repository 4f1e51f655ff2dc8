package dev.seriatim.server.serve;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;

/**
 * Loggers of which so much was left out that it isn't looked at any more. To see of what kind a
 * record is, its stack has to be walked, and a client may make the transport's thread do that very
 * often. So once a thousand records of a logger and a level were left out within a minute, all
 * others of these are denied for that minute, before they are made. They are counted, and the count
 * is logged.
 *
 * <p>Safe for any number of threads.
 */
final class LogFlood extends TurboFilter {
  static final int MOST = 1_000;
  private static final Duration WINDOW = Duration.ofMinutes(1);

  private record Of(Logger logger, Level level) {}

  private static final class Minute {
    private final long sinceNanos;

    @GuardedBy("this")
    private int leftOut;

    @GuardedBy("this")
    private long denied;

    Minute(long sinceNanos) {
      this.sinceNanos = sinceNanos;
    }

    synchronized void leftOut() {
      leftOut++;
    }

    synchronized boolean deny() {
      if (leftOut < MOST) {
        return false;
      }
      denied++;
      return true;
    }

    synchronized long denied() {
      return denied;
    }
  }

  private final LongSupplier nanos;
  private final ConcurrentMap<Of, Minute> minutes = new ConcurrentHashMap<>();

  LogFlood(LongSupplier nanos) {
    this.nanos = nanos;
    start();
  }

  /** This record of the logger was left out. */
  void leftOut(Logger logger, ILoggingEvent event) {
    minutes
        .computeIfAbsent(new Of(logger, event.getLevel()), _ -> new Minute(nanos.getAsLong()))
        .leftOut();
  }

  @Override
  public FilterReply decide(
      @Nullable Marker marker,
      Logger logger,
      Level level,
      @Nullable String format,
      Object @Nullable [] arguments,
      @Nullable Throwable thrown) {
    if (minutes.isEmpty() || !level.isGreaterOrEqual(logger.getEffectiveLevel())) {
      return FilterReply.NEUTRAL;
    }
    Of of = new Of(logger, level);
    Minute minute = minutes.get(of);
    if (minute == null || end(of, minute) || !minute.deny()) {
      return FilterReply.NEUTRAL;
    }
    return FilterReply.DENY;
  }

  /** Ends the minutes that are over, and logs how many records were denied in them. */
  void endMinutes() {
    minutes.forEach(this::end);
  }

  private boolean end(Of of, Minute minute) {
    if (nanos.getAsLong() - minute.sinceNanos < WINDOW.toNanos()) {
      return false;
    }
    if (minutes.remove(of, minute)) {
      long denied = minute.denied();
      if (denied > 0) {
        of.logger.warn(
            "{} more records of level {} were left out within a minute", denied, of.level);
      }
    }
    return true;
  }
}
