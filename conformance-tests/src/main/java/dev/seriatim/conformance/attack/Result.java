package dev.seriatim.conformance.attack;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What came of an attack.
 *
 * @param before what the neighbour met before it: those that read, those that write
 * @param during what it met during the attack
 * @param heapBefore in MiB, after a collection, as is the next
 * @param heapAfter when the attacker has gone
 * @param resident the most that the process had of the machine's memory, in MiB
 * @param logged how much was logged, in bytes
 * @param answers what the attacker was told, and how often
 */
record Result(
    Attack attack,
    List<Latencies> before,
    List<Latencies> during,
    long heapBefore,
    long heapAfter,
    long resident,
    long logged,
    Map<String, Integer> answers,
    boolean alive,
    boolean outOfMemory,
    @Nullable Throwable thrown,
    String log) {
  /** What a neighbour's p99 may be. */
  private static final double MAX_P99_MILLIS = 250;

  /** What the heap may be larger than it was, in MiB: caches that are bounded by themselves. */
  private static final long HEAP_SLACK = 96;

  private static final long MAX_LOGGED = 256 << 10;

  /** What isn't as it ought to be, but for times. */
  List<String> faults() {
    List<String> faults = new ArrayList<>();
    if (!alive) {
      faults.add("the host died");
    }
    if (outOfMemory) {
      faults.add("the host ran out of memory");
    }
    if (heapAfter > heapBefore + HEAP_SLACK) {
      faults.add("the heap did not come back");
    }
    if (during.get(0).failures() > 0) {
      faults.add("the neighbour's calls failed: " + during.get(0).failure());
    }
    if (logged > MAX_LOGGED) {
      faults.add("the log grew by %,d bytes".formatted(logged));
    }
    if (thrown != null) {
      faults.add("the attack failed: " + thrown);
    }
    return faults;
  }

  /** What isn't as it ought to be, times too. */
  List<String> allFaults() {
    List<String> faults = faults();
    if (during.get(0).p99() > MAX_P99_MILLIS) {
      faults.add("the neighbour's p99 is over %.0f ms".formatted(MAX_P99_MILLIS));
    }
    return faults;
  }

  static String heading() {
    return "%-24s %-24s %-24s %-24s %-15s %9s %8s  %s"
        .formatted(
            "attack",
            "p50 / p99 / max before",
            "reads during",
            "writes during",
            "heap: was, is",
            "resident",
            "logged",
            "answers; faults");
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%-24s %-24s %-24s %-24s %4d -> %4d MiB %5d MiB %8d  %s%s",
        attack.name(),
        before.get(0),
        during.get(0),
        during.get(1),
        heapBefore,
        heapAfter,
        resident,
        logged,
        answers,
        allFaults().isEmpty() ? "" : "; FAULTS: " + allFaults());
  }
}
