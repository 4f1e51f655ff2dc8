package dev.seriatim.stub;

import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Wakes one stub's {@link Timeouts} when something may be due: a call's deadline, the beginning and
 * the end of what carries the stub. Knows nothing of what is due.
 *
 * <p>Threads: any. The fields are guarded by this; they are woken on the scheduler's thread,
 * without a lock.
 */
final class Watchdog {
  private static final Logger LOGGER = Logger.getLogger(Watchdog.class.getName());

  /** It doesn't wake more often, however close to each other the deadlines are. */
  private static final long SHORTEST_NANOS = 1_000_000;

  private final Timeouts timeouts;
  private final ClientOptions options;

  private @Nullable ScheduledFuture<?> deadline;
  private @Nullable ScheduledFuture<?> opening;
  private @Nullable ScheduledFuture<?> ending;
  private boolean over; // Nothing is left to be watched but the end.
  private boolean ended;

  Watchdog(Timeouts timeouts, ClientOptions options) {
    this.timeouts = timeouts;
    this.options = options;
  }

  /** Has {@link Timeouts#checkDeadlines} called in so many nanoseconds, or before. */
  synchronized void lookIn(long nanos) {
    ScheduledFuture<?> known = deadline;
    if (over || (known != null && known.getDelay(TimeUnit.NANOSECONDS) <= nanos)) {
      return;
    }
    cancel(known);
    deadline = schedule(this::deadlinePassed, Math.max(nanos, SHORTEST_NANOS));
  }

  private void deadlinePassed() {
    synchronized (this) {
      deadline = null;
    }
    timeouts.checkDeadlines();
  }

  /** The call that carries the stub begins: has {@link Timeouts#openingOverdue} called in time. */
  synchronized void expectOpening() {
    if (!over && opening == null) {
      opening = schedule(timeouts::openingOverdue, nanos(options.openTimeout()));
    }
  }

  /** The host has answered: the stub is open, or broken. */
  synchronized void opened() {
    cancel(opening);
    opening = null;
  }

  /** Nothing is left of that call but its end: has {@link Timeouts#endOverdue} called in time. */
  synchronized void expectEnd() {
    if (!ended && ending == null) {
      ending = schedule(timeouts::endOverdue, nanos(options.endTimeout()));
    }
  }

  /** It has ended, and another one is to carry the stub. */
  synchronized void again() {
    cancel(ending);
    ending = null;
    opened();
  }

  /** It has ended, and was the last. */
  synchronized void stopAll() {
    ended = true;
    again();
  }

  /** No call waits for anything any more. */
  synchronized void stop() {
    over = true;
    cancel(deadline);
    deadline = null;
    opened();
  }

  private @Nullable ScheduledFuture<?> schedule(Runnable task, long nanos) {
    try {
      return options.scheduler().schedule(task, nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOGGER.log(
          Level.WARNING,
          "The scheduler of a client takes no tasks: nothing is watched any more.",
          e);
      return null;
    }
  }

  private static void cancel(@Nullable ScheduledFuture<?> task) {
    if (task != null) {
      task.cancel(false);
    }
  }

  private static long nanos(Duration time) {
    return TimeUnit.NANOSECONDS.convert(time);
  }
}
