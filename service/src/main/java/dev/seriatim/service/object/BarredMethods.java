package dev.seriatim.service.object;

import dev.seriatim.service.dispatch.ObjectMethod;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongSupplier;

/**
 * The methods whose turns begin on no thread of the transport for a time, since one of them held
 * such a thread. Each time that this happens to a method it is for twice as long. Safe for any
 * number of threads.
 */
final class BarredMethods {
  /** For so long, the first time. */
  static final Duration FIRST = Duration.ofMinutes(1);

  /** It doubles so often: to some two hours. */
  static final int MOST_DOUBLED = 7;

  /** How often a method has held a thread, and until when it is barred, if it still is. */
  private record Bar(int times, long untilNanos, boolean isOver) {}

  private final LongSupplier nanos;
  private final ConcurrentMap<ObjectMethod, Bar> bars = new ConcurrentHashMap<>();

  BarredMethods(LongSupplier nanos) {
    this.nanos = nanos;
  }

  /** From now on a method is barred. Returns for how long. */
  Duration bar(ObjectMethod method) {
    long now = nanos.getAsLong();
    Bar bar =
        bars.compute(
            method,
            (_, before) -> {
              int times = before == null ? 0 : before.times;
              return new Bar(times + 1, now + timeAfter(times).toNanos(), /* isOver= */ false);
            });
    method.pace().bar();
    return timeAfter(bar.times - 1);
  }

  private static Duration timeAfter(int times) {
    return FIRST.multipliedBy(1L << Math.min(times, MOST_DOUBLED));
  }

  /** Lets the methods whose time is over begin there again, once they were short for some time. */
  void letGo() {
    if (bars.isEmpty()) {
      return;
    }
    long now = nanos.getAsLong();
    bars.forEach(
        (method, bar) -> {
          if (!bar.isOver
              && now - bar.untilNanos >= 0
              && bars.replace(
                  method, bar, new Bar(bar.times, bar.untilNanos, /* isOver= */ true))) {
            method.pace().unbar();
          }
        });
  }
}
