package dev.seriatim.service.object;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Holds one object's outcomes back until the commits that they depend on are durable. Safe for any
 * number of threads.
 *
 * <p>The committer must not be held up by clients, nor run their code: what it lets go is sent by a
 * virtual thread, which may begin on the committer's while that has nothing else to do.
 */
final class OutputGate {
  /** What is known to be lost: these commits, for this cause. */
  private record Loss(long first, long last, BreakCause cause) {}

  private volatile long durable;

  /** Those with outcomes that wait; null while there are none. Guarded by this. */
  private @Nullable Set<OutcomeQueue> waiting;

  /** Whether a thread is on its way to flush. Guarded by this. */
  private boolean releasing;

  /** The last loss. Guarded by this. */
  private @Nullable Loss loss;

  /** Whether an outcome that depends on this commit may leave; 0 depends on none. */
  boolean isOpen(long commit) {
    return commit <= durable;
  }

  /** Lets a stub's outcomes know when this commit is durable or lost. */
  void await(OutcomeQueue outcomes, long commit) {
    Loss lost = null;
    synchronized (this) {
      // Commits are decided in order: one below the last loss that isn't durable was lost, too.
      if (loss != null && commit <= loss.last() && !isOpen(commit)) {
        lost = loss;
      } else {
        if (waiting == null) {
          waiting = new LinkedHashSet<>();
        }
        waiting.add(outcomes);
      }
    }
    if (lost != null) {
      outcomes.commitFailed(Math.min(commit, lost.first()), lost.cause());
      outcomes.flush();
    } else if (isOpen(commit)) {
      outcomes.flush();
    }
  }

  /**
   * Commits up to and including this one are durable.
   *
   * @param starter starts the thread that sends what may leave now, if that may begin on the
   *     caller's
   */
  void open(long commit, MountedThread.@Nullable Starter starter) {
    durable = commit;
    release(starter);
  }

  /**
   * These commits are lost. When this returns, every stub that waited for one of them is broken: it
   * begins no turn any more.
   */
  void fail(long first, long last, BreakCause cause) {
    synchronized (this) {
      loss = new Loss(first, last, cause);
      if (waiting != null) {
        for (OutcomeQueue outcomes : waiting) {
          outcomes.commitFailed(first, cause);
        }
      }
    }
    release(null);
  }

  private void release(MountedThread.@Nullable Starter starter) {
    synchronized (this) {
      if (waiting == null || releasing) {
        return;
      }
      releasing = true;
    }
    if (starter == null) {
      Thread.startVirtualThread(this::flush);
    } else {
      starter.startHere(_ -> flush());
    }
  }

  private void flush() {
    List<OutcomeQueue> flushed;
    synchronized (this) {
      releasing = false;
      if (waiting == null) {
        return;
      }
      flushed = new ArrayList<>(waiting);
      long open = durable;
      waiting.removeIf(outcomes -> !outcomes.waitsFor(open));
      if (waiting.isEmpty()) {
        waiting = null;
      }
    }
    for (OutcomeQueue outcomes : flushed) {
      outcomes.flush();
    }
  }
}
