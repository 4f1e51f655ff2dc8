package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The turns of a host that don't let go of what they have: those that were cut off and whose thread
 * is still inside the object's code, and those that spin, so that no other turn gets their
 * processor's thread. Neither can be stopped. So they are counted, and when there are too many,
 * turns of the same methods don't begin.
 *
 * <p>Starts no thread, and looks at no clock but for how long a waiting turn waits. Safe for any
 * number of threads.
 */
final class StuckTurns {
  private static final Logger logger = LoggerFactory.getLogger(StuckTurns.class);

  private static final long REPORT_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final int maxStray;
  private final int maxSpinning;

  @GuardedBy("this")
  private final Set<Turn> strays = new HashSet<>();

  @GuardedBy("this")
  private final Set<Turn> spinning = new HashSet<>();

  @GuardedBy("this")
  private boolean closed;

  /** Whether there are too many of either kind, so that a turn that begins has to ask. */
  private volatile boolean crowded;

  // What was last told of the strays, and when.
  @GuardedBy("this")
  private int reported;

  @GuardedBy("this")
  private long reportedNanos;

  /**
   * @param maxStray as {@link dev.seriatim.service.HostLimits#maxStrayTurns}
   * @param maxSpinning as {@link dev.seriatim.service.HostLimits#maxSpinningTurns}
   */
  StuckTurns(int maxStray, int maxSpinning) {
    this.maxStray = maxStray;
    this.maxSpinning = maxSpinning;
  }

  // ---- what happens to turns

  /** This turn has been cut off. Its thread may be inside the object's code. */
  synchronized void cutOff(Turn turn) {
    if (!turn.hasLeft()) { // Who leaves says so first, and then removes it here.
      strays.add(turn);
      look();
    }
  }

  /** This turn was cut off, and its thread has come back from the object's code. */
  void left(Turn turn) {
    turn.leave();
    synchronized (this) {
      strays.remove(turn);
      look();
    }
  }

  /** This turn keeps the thread that it runs on to itself. */
  synchronized void spins(Turn turn) {
    spinning.add(turn);
    look();
  }

  /** This turn has ended, or has let others run. */
  synchronized void spinsNoMore(Turn turn) {
    spinning.remove(turn);
    look();
  }

  @GuardedBy("this")
  private void look() {
    crowded = strays.size() >= maxStray || spinning.size() >= maxSpinning;
    notifyAll();
  }

  /** The host stops: nobody waits here any more. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }

  // ---- turns that begin

  /** Whether a turn that is to begin must {@link #awaitRoom ask}. */
  boolean isCrowded() {
    return crowded;
  }

  /**
   * Waits until a turn of this method may begin, but no longer than this.
   *
   * @return why it may not begin at all, or null
   */
  synchronized @Nullable BreakCause awaitRoom(Namespace namespace, String method, long nanos) {
    String name = name(namespace, method);
    long end = nanos == Long.MAX_VALUE ? 0 : System.nanoTime() + nanos;
    while (true) {
      if (strays.size() >= maxStray && has(strays, name)) {
        return BreakCause.of(
            BreakReason.OVERLOADED,
            "the host has %d turns that were cut off and still run, of %s among others, expected fewer"
                    .formatted(strays.size(), name)
                + " than %d (maxStrayTurns)".formatted(maxStray));
      }
      if (spinning.size() < maxSpinning || !has(spinning, name)) {
        return null;
      }
      if (closed) {
        return ObjectDirectory.drainCause();
      }
      long left = nanos == Long.MAX_VALUE ? 0 : end - System.nanoTime();
      if (left <= 0 && nanos != Long.MAX_VALUE) {
        return null; // It finds out itself that its time is up.
      }
      try {
        wait(left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1));
      } catch (InterruptedException e) {
        // It is no turn yet: nobody who may has interrupted it.
      }
    }
  }

  private static boolean has(Set<Turn> turns, String method) {
    return turns.stream().anyMatch(turn -> name(turn).equals(method));
  }

  private static String name(Turn turn) {
    return name(turn.instance().object().namespace(), turn.method());
  }

  /** A method of all objects of a class, for the log and in errors. */
  private static String name(Namespace namespace, String method) {
    return namespace.name() + " " + method;
  }

  // ---- what there is

  /** The turns that were cut off and still run. A copy. */
  synchronized List<Turn> strays() {
    return List.copyOf(strays);
  }

  /** The turns that spin. A copy. */
  synchronized List<Turn> spinning() {
    return List.copyOf(spinning);
  }

  /** Logs how many turns were cut off and still run, if that is news. Called now and then. */
  synchronized void report(long nowNanos) {
    if (strays.isEmpty()) {
      reported = 0;
      return;
    }
    if (reported > 0 && strays.size() < 2 * reported && nowNanos - reportedNanos < REPORT_NANOS) {
      return;
    }
    int count = strays.size();
    reported = count;
    reportedNanos = nowNanos;
    TreeMap<String, Integer> methods = new TreeMap<>();
    for (Turn turn : strays) {
      methods.merge(name(turn), 1, Integer::sum);
    }
    logger.warn(
        "{} turns were cut off and still run: {}; their threads can't be stopped. From {} on"
            + " (maxStrayTurns) their methods are refused",
        count,
        methods,
        maxStray);
  }
}
