package dev.seriatim.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Lets a few slots at a time leave this host, so that each is without an owner for a short time
 * only. One is waited for until its next owner was heard of, but for no longer than {@link
 * #PATIENCE} while its last turns end, and as long again from when it was given up. Safe for any
 * number of threads; has no clock.
 */
final class HandOffs {
  /** How many slots are waited for at the same time. */
  static final int MOST = 8;

  static final Duration PATIENCE = Duration.ofMillis(500);

  /** Those that wait for their turn, and what they do then. */
  @GuardedBy("this")
  private final Map<Integer, Runnable> waiting = new LinkedHashMap<>();

  /** Those that are waited for, and since when. */
  @GuardedBy("this")
  private final Map<Integer, Long> leaving = new HashMap<>();

  @GuardedBy("this")
  private int most = MOST;

  /** This slot is to leave, and may do so when that is run: now or later. It must not block. */
  synchronized void enter(int slot, Runnable mayLeave, long now) {
    waiting.put(slot, mayLeave);
    letLeave(now);
  }

  /** This slot isn't this host's any more. */
  synchronized void given(int slot, long now) {
    leaving.computeIfPresent(slot, (same, before) -> now);
  }

  /** This slot has another owner, or isn't leaving for another reason. */
  synchronized void done(int slot, long now) {
    waiting.remove(slot);
    leaving.remove(slot);
    letLeave(now);
  }

  /** Nobody is there to take them, so it is all the same how many leave at a time. */
  synchronized void letAllLeave(long now) {
    most = Integer.MAX_VALUE;
    letLeave(now);
  }

  /** Waits no longer for those that take too long. */
  synchronized void look(long now) {
    leaving.values().removeIf(since -> now - since >= PATIENCE.toNanos());
    letLeave(now);
  }

  @GuardedBy("this")
  private void letLeave(long now) {
    var next = waiting.entrySet().iterator();
    while (leaving.size() < most && next.hasNext()) {
      Map.Entry<Integer, Runnable> entry = next.next();
      leaving.put(entry.getKey(), now);
      Runnable mayLeave = entry.getValue();
      next.remove();
      mayLeave.run();
    }
  }
}
