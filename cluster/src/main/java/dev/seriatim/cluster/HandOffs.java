package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Lets a few runs of slots at a time leave this host, so that each is without an owner for a short
 * time only: a slot whose run waits for its turn is served as ever. The slots of a run leave
 * together. They are waited for until the next owner of each was heard of, but for no longer than
 * {@link #PATIENCE} while their last turns end, and as long again from when one was given up. Safe
 * for any number of threads; has no clock.
 */
final class HandOffs {
  /** How many runs are waited for at the same time. */
  static final int MOST = 2;

  static final Duration PATIENCE = Duration.ofMillis(500);

  /** Those that wait for their turn: what the slots of each run do then. */
  @GuardedBy("this")
  private final Map<Integer, Map<Integer, Runnable>> waiting = new LinkedHashMap<>();

  /** Those that are waited for. */
  @GuardedBy("this")
  private final Map<Integer, Leaving> leaving = new HashMap<>();

  @GuardedBy("this")
  private int most = MOST;

  /** The slots of a run that have no other owner as yet, and since when they are waited for. */
  private static final class Leaving {
    private final Set<Integer> slots = new HashSet<>();
    private long since;

    private Leaving(long now) {
      since = now;
    }
  }

  /** This slot is to leave, and may do so when that is run: now or later. It must not block. */
  synchronized void enter(int slot, Runnable mayLeave, long now) {
    Leaving turn = leaving.get(SlotRun.of(slot));
    if (turn == null) {
      waiting.computeIfAbsent(SlotRun.of(slot), _ -> new LinkedHashMap<>()).put(slot, mayLeave);
      letLeave(now);
    } else {
      turn.slots.add(slot);
      mayLeave.run();
    }
  }

  /** This slot isn't this host's any more. */
  synchronized void given(int slot, long now) {
    Leaving turn = leaving.get(SlotRun.of(slot));
    if (turn != null && turn.slots.contains(slot)) {
      turn.since = now;
    }
  }

  /** This slot has another owner, or isn't leaving for another reason. */
  synchronized void done(int slot, long now) {
    int run = SlotRun.of(slot);
    Map<Integer, Runnable> waits = waiting.get(run);
    if (waits != null && waits.remove(slot) != null && waits.isEmpty()) {
      waiting.remove(run);
    }
    Leaving turn = leaving.get(run);
    if (turn != null && turn.slots.remove(slot) && turn.slots.isEmpty()) {
      leaving.remove(run);
    }
    letLeave(now);
  }

  /** Nobody is there to take them, so it is all the same how many leave at a time. */
  synchronized void letAllLeave(long now) {
    most = Integer.MAX_VALUE;
    letLeave(now);
  }

  /** Waits no longer for those that take too long. */
  synchronized void look(long now) {
    leaving.values().removeIf(turn -> now - turn.since >= PATIENCE.toNanos());
    letLeave(now);
  }

  @GuardedBy("this")
  private void letLeave(long now) {
    var next = waiting.entrySet().iterator();
    while (leaving.size() < most && next.hasNext()) {
      Map.Entry<Integer, Map<Integer, Runnable>> entry = next.next();
      Leaving turn = new Leaving(now);
      turn.slots.addAll(entry.getValue().keySet());
      leaving.put(entry.getKey(), turn);
      next.remove();
      entry.getValue().values().forEach(Runnable::run);
    }
  }
}
