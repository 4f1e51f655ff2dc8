package dev.seriatim.service.object;

import java.lang.management.ManagementFactory;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;

/**
 * Finds the turns that compute for long on a thread of the transport, whose methods were short as a
 * rule. What counts is the thread's processor time, since a machine that is busy, or pauses, makes
 * any turn long.
 *
 * <p>It is told when to look, some forty times a second, by the one thread to which all of it
 * belongs.
 */
final class TransportWatch {
  /** If a thread takes so long for turns that are to be short, it is for one of them. */
  private static final long LONG_NANOS = TimeUnit.MILLISECONDS.toNanos(75);

  /** The turns that a thread was seen at, and its processor time then. */
  private record Seen(int number, long cpuNanos) {}

  private final HeldTransport held;
  private final BarredMethods barred;
  private final Collection<LiveObject> active;
  private final ToLongFunction<Thread> cpuNanos;
  private Map<Thread, Seen> seen = new HashMap<>();

  /**
   * A watch that has seen nothing.
   *
   * @param active the objects that have turn threads, or had lately
   */
  TransportWatch(HeldTransport held, BarredMethods barred, Collection<LiveObject> active) {
    this(
        held,
        barred,
        active,
        thread -> ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.threadId()));
  }

  TransportWatch(
      HeldTransport held,
      BarredMethods barred,
      Collection<LiveObject> active,
      ToLongFunction<Thread> cpuNanos) {
    this.held = held;
    this.barred = barred;
    this.active = active;
    this.cpuNanos = cpuNanos;
  }

  /**
   * Looks at the transport's threads.
   *
   * @param atTurns those that are at turns, and at which
   */
  void look(Map<Thread, Integer> atTurns) {
    barred.letGo();
    if (atTurns.isEmpty() && seen.isEmpty()) {
      return;
    }
    Map<Thread, Seen> now = new HashMap<>();
    atTurns.forEach(
        (thread, number) -> {
          Seen before = seen.get(thread);
          if (before == null || before.number != number) {
            now.put(thread, new Seen(number, cpuNanos.applyAsLong(thread)));
            return;
          }
          now.put(thread, before);
          if (cpuNanos.applyAsLong(thread) - before.cpuNanos >= LONG_NANOS) {
            holds(thread);
          }
        });
    seen = now;
  }

  private void holds(Thread thread) {
    for (LiveObject object : active) {
      Turn turn = object.turn();
      if (turn != null && Carriers.placeOf(turn.thread()).equals(thread.getName())) {
        held.look(turn);
      }
    }
  }
}
