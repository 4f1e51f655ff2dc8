package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Lets a few slots at a time leave this host, so that each is without an owner for a short time
 * only. A slot has left when its next owner was heard of, or {@link #PATIENCE} after it was given
 * up. Safe for any number of threads; has no clock.
 */
final class HandOffs {
  /** How many slots may be on their way at the same time. */
  static final int MOST = 8;

  /** How long a slot that was given up is waited for to have an owner. */
  static final Duration PATIENCE = Duration.ofMillis(500);

  /** Those that wait for their turn, and what they do then. */
  @GuardedBy("this")
  private final Map<Integer, Runnable> waiting = new LinkedHashMap<>();

  /** Those that are leaving, and when they were given up; 0 is not yet. */
  @GuardedBy("this")
  private final Map<Integer, Long> leaving = new HashMap<>();

  @GuardedBy("this")
  private int most = MOST;

  /** This slot is to leave, and may do so when that is run: now or later. It must not block. */
  synchronized void enter(int slot, Runnable mayLeave) {
    waiting.put(slot, mayLeave);
    letLeave();
  }

  /** This slot isn't this host's any more. */
  synchronized void given(int slot, long now) {
    leaving.computeIfPresent(slot, (same, before) -> now | 1);
  }

  /** This slot has another owner, or isn't leaving for another reason. */
  synchronized void done(int slot) {
    waiting.remove(slot);
    leaving.remove(slot);
    letLeave();
  }

  /** Nobody is there to take them, so it is all the same how many leave at a time. */
  synchronized void letAllLeave() {
    most = Integer.MAX_VALUE;
    letLeave();
  }

  /** Waits no longer for those that were given up long ago. */
  synchronized void look(long now) {
    leaving.values().removeIf(given -> given != 0 && now - given >= PATIENCE.toNanos());
    letLeave();
  }

  @GuardedBy("this")
  private void letLeave() {
    var next = waiting.entrySet().iterator();
    while (leaving.size() < most && next.hasNext()) {
      Map.Entry<Integer, Runnable> entry = next.next();
      leaving.put(entry.getKey(), 0L);
      Runnable mayLeave = entry.getValue();
      next.remove();
      mayLeave.run();
    }
  }
}
