package dev.seriatim.cluster;

import com.google.common.collect.ImmutableSet;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The slots of this host whose keepers have stopped, so that Pekko starts others elsewhere. Each is
 * served here as ever until its next keeper asks for it: so it is without an owner for as long as
 * it takes to give and to claim it, and not for as long as Pekko takes to say where it goes.
 *
 * <p>And only a few leave at a time, since their objects are all read anew by the next owner. One
 * is waited for until that owner has it, but for no longer than {@link #PATIENCE} while its last
 * turns end, and as long again from when it was given up. When half of them have gone, the next
 * ones leave together, so that they are given, and claimed, in one transaction each. Safe for any
 * number of threads; has no clock.
 */
final class HandOffs {
  /** How many slots are waited for at the same time. */
  static final int MOST = 16;

  /** How many may still be waited for when the next ones leave. */
  static final int FEW = MOST / 2;

  static final Duration PATIENCE = Duration.ofMillis(500);

  /** Those that no next keeper has asked for. */
  @GuardedBy("this")
  private final Set<Integer> kept = new HashSet<>();

  /** Those whose next keepers wait: what is done when it is their turn. */
  @GuardedBy("this")
  private final Map<Integer, Runnable> waiting = new LinkedHashMap<>();

  /** Those that leave, and since when they are waited for. */
  @GuardedBy("this")
  private final Map<Integer, Long> leaving = new HashMap<>();

  /** Whether as many left as may, and more than a few of them are still waited for. */
  @GuardedBy("this")
  private boolean full;

  @GuardedBy("this")
  private boolean nobody;

  /** A new membership begins. */
  synchronized void begin() {
    nobody = false;
  }

  /**
   * The keeper of this slot has stopped for another one to start.
   *
   * @return whether the slot is kept until then; if not, it is to be given up at once
   */
  synchronized boolean keep(int slot) {
    if (!nobody) {
      kept.add(slot);
    }
    return !nobody;
  }

  /**
   * The next keeper of this slot runs, on another host. If one before it has waited, this one takes
   * its place.
   *
   * @param has whether this host has the slot, and no keeper of it
   * @param leave gives the slot up, if it was kept: now or later. It must not block
   */
  void wanted(int slot, boolean has, Runnable leave, long now) {
    synchronized (this) {
      boolean waits = waiting.containsKey(slot);
      boolean wasKept = kept.remove(slot) || (has && !leaving.containsKey(slot));
      if (!waits && !wasKept) {
        return;
      }
      waiting.put(slot, leave);
    }
    letLeave(now);
  }

  /** This slot isn't this host's any more. */
  synchronized void given(int slot, long now) {
    leaving.computeIfPresent(slot, (_, _) -> now);
  }

  /** Another host has this slot. */
  void arrived(int slot, long now) {
    synchronized (this) {
      if (leaving.remove(slot) == null) {
        return;
      }
    }
    letLeave(now);
  }

  /** The slot has a keeper here again, or has been lost. */
  void forget(int slot, long now) {
    synchronized (this) {
      kept.remove(slot);
      waiting.remove(slot);
    }
    arrived(slot, now);
  }

  /** Waits no longer for those that take too long. */
  void look(long now) {
    synchronized (this) {
      leaving.values().removeIf(since -> now - since >= PATIENCE.toNanos());
    }
    letLeave(now);
  }

  /** Nobody is there to take slots. Returns those to be given up for that. */
  synchronized ImmutableSet<Integer> nobodyElse() {
    nobody = true;
    ImmutableSet<Integer> all =
        ImmutableSet.<Integer>builder().addAll(kept).addAll(waiting.keySet()).build();
    kept.clear();
    waiting.clear();
    return all;
  }

  /**
   * Nobody will be asked any more who takes a slot. Returns those to be given up for that; the
   * others' next keepers are known.
   */
  synchronized ImmutableSet<Integer> dropUnasked() {
    ImmutableSet<Integer> unasked = ImmutableSet.copyOf(kept);
    kept.clear();
    return unasked;
  }

  private void letLeave(long now) {
    List<Runnable> turns = new ArrayList<>();
    synchronized (this) {
      full &= leaving.size() > FEW;
      var next = waiting.entrySet().iterator();
      while (!full && next.hasNext()) {
        Map.Entry<Integer, Runnable> entry = next.next();
        leaving.put(entry.getKey(), now);
        turns.add(entry.getValue());
        next.remove();
        full = leaving.size() == MOST;
      }
    }
    turns.forEach(Runnable::run);
  }
}
