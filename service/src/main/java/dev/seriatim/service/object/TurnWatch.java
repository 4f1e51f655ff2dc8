package dev.seriatim.service.object;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.threads.Enduring;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.event.Level;

/**
 * Holds turns to the host's limit. Looks at the objects that have had a turn thread lately, some
 * eight times during the limit, so that a turn costs nothing for being watched; a turn is cut off
 * at the limit or up to an eighth later.
 */
final class TurnWatch {
  private static final long MAX_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long MIN_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** The turn of an object that was seen last. Written by the watch. */
  static final class Seen {
    private volatile long turn;
    private volatile long sinceNanos;
  }

  /** The objects that have a turn thread, or had one lately. */
  private final Map<LiveObject, Seen> active;

  private final Duration limit;
  private final LongSupplier nanos;
  private final StuckTurns stuck;
  private final HeldTransport held;

  TurnWatch(Duration limit, LongSupplier nanos, StuckTurns stuck, HeldTransport held) {
    this(limit, nanos, stuck, held, new ConcurrentHashMap<>());
  }

  /** Keeps the objects that it looks at in this map, which is safe for any number of threads. */
  TurnWatch(
      Duration limit,
      LongSupplier nanos,
      StuckTurns stuck,
      HeldTransport held,
      Map<LiveObject, Seen> active) {
    this.held = held;
    this.stuck = stuck;
    this.limit = limit;
    this.nanos = nanos;
    this.active = active;
  }

  void start(ScheduledExecutorService timer) {
    long interval = Math.clamp(limit.toNanos() / 8, MIN_INTERVAL_NANOS, MAX_INTERVAL_NANOS);
    var _ =
        timer.scheduleWithFixedDelay(
            Enduring.task("what watches turns", this::check),
            interval,
            interval,
            TimeUnit.NANOSECONDS);
  }

  /** The objects that have a turn thread, or had one lately. */
  Set<LiveObject> active() {
    return active.keySet();
  }

  /** From now on looks at this object, until it is found to rest. */
  void add(LiveObject object) {
    object.setWatched(true);
    boolean added = false;
    try {
      active.put(object, new Seen());
      added = true;
    } finally {
      if (!added) {
        object.setWatched(false);
      }
    }
  }

  /** For how long this turn has been seen to run. Any thread may ask. */
  Duration seenFor(LiveObject object, Turn turn) {
    Seen seen = active.get(object);
    if (seen == null || seen.turn != turn.number()) {
      return Duration.ZERO;
    }
    return Duration.ofNanos(Math.max(0, nanos.getAsLong() - seen.sinceNanos));
  }

  private void check(LiveObject object, Seen seen, long now) {
    if (object.hasTurnThread()) {
      checkLimit(object, seen, now);
      return;
    }
    active.remove(object);
    object.setWatched(false);
    if (object.hasTurnThread()) {
      add(object); // It may have begun in the belief that it is still watched.
    }
  }

  private void checkLimit(LiveObject object, Seen seen, long now) {
    Turn turn = object.turn();
    if (turn == null || turn.number() != seen.turn) {
      seen.turn = turn == null ? 0 : turn.number();
      seen.sinceNanos = now;
      return;
    }
    held.look(turn);
    if (now - seen.sinceNanos >= limit.toNanos()) {
      object
          .cutOff()
          .turn(
              turn,
              BreakCause.of(
                  BreakReason.INVOCATION_TIMED_OUT,
                  "%s was still running at the host's limit on a turn of %s"
                      .formatted(turn, limit)));
    }
  }

  void check() {
    long now = nanos.getAsLong();
    stuck.report(now);
    active.forEach(
        (object, seen) -> {
          try {
            check(object, seen, now);
          } catch (RuntimeException | Error e) {
            // Thrown further, it would end the watch for every object.
            Turn turn = object.turn();
            object.log(
                Level.WARN,
                e,
                "the turn can't be watched",
                turn == null ? LogSubject.OBJECT : LogSubject.of(turn));
          }
        });
  }
}
