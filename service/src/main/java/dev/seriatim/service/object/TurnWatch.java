package dev.seriatim.service.object;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Holds turns to the host's limit. Looks at the objects that have had a turn thread lately, some
 * eight times during the limit, so that a turn costs nothing for being watched; a turn is cut off
 * at the limit or up to an eighth later.
 */
final class TurnWatch {
  private static final Logger logger = Logger.getLogger(TurnWatch.class.getName());

  private static final long MAX_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long MIN_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final Set<LiveObject> active;
  private final long limitNanos;
  private final LongSupplier nanos;
  private final StuckTurns stuck;

  TurnWatch(Duration limit, LongSupplier nanos, StuckTurns stuck) {
    this(limit, nanos, stuck, ConcurrentHashMap.newKeySet());
  }

  /** Keeps the objects that it looks at in this set, which is safe for any number of threads. */
  TurnWatch(Duration limit, LongSupplier nanos, StuckTurns stuck, Set<LiveObject> active) {
    this.stuck = stuck;
    this.limitNanos = limit.toNanos();
    this.nanos = nanos;
    this.active = active;
  }

  void start(ScheduledExecutorService timer) {
    long interval = Math.clamp(limitNanos / 8, MIN_INTERVAL_NANOS, MAX_INTERVAL_NANOS);
    var _ = timer.scheduleWithFixedDelay(this::check, interval, interval, TimeUnit.NANOSECONDS);
  }

  /** The objects that have a turn thread, or had one lately. */
  Set<LiveObject> active() {
    return active;
  }

  /** From now on looks at this object, until it is found to rest. */
  void add(LiveObject object) {
    object.setWatched(true);
    boolean added = false;
    try {
      active.add(object);
      added = true;
    } finally {
      if (!added) {
        object.setWatched(false);
      }
    }
  }

  private void check(LiveObject object, long now) {
    if (object.hasTurnThread()) {
      object.checkTurnLimit(now, limitNanos);
      return;
    }
    active.remove(object);
    object.setWatched(false);
    if (object.hasTurnThread()) {
      add(object); // It may have begun in the belief that it is still watched.
    }
  }

  void check() {
    try {
      checkAll();
    } catch (RuntimeException | Error e) { // Likewise.
      logger.log(Level.WARNING, "turns can't be watched", e);
    }
  }

  private void checkAll() {
    long now = nanos.getAsLong();
    stuck.report(now);
    for (LiveObject object : active) {
      try {
        check(object, now);
      } catch (RuntimeException | Error e) {
        // Thrown further, it would end the watch for every object.
        logger.log(Level.WARNING, e, () -> "the turn of " + object + " can't be watched");
      }
    }
  }
}
