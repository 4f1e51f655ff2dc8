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
 * virtual thread.
 */
final class OutputGate {
  /** What is known to be lost: these commits, for this cause. */
  private record Loss(long first, long last, BreakCause cause) {}

  private volatile long durable;

  /** Stubs with outcomes that wait; null while there are none. Guarded by this. */
  private @Nullable Set<StubQueue> waiting;

  /** Whether a thread is on its way to flush. Guarded by this. */
  private boolean releasing;

  /** The last loss. Guarded by this. */
  private @Nullable Loss loss;

  /** Whether an outcome that depends on this commit may leave; 0 depends on none. */
  boolean isOpen(long commit) {
    return commit <= durable;
  }

  /** Lets a stub know when this commit is durable or lost. */
  void await(StubQueue stub, long commit) {
    Loss lost = null;
    synchronized (this) {
      // Commits are decided in order: one below the last loss that isn't durable was lost, too.
      if (loss != null && commit <= loss.last() && !isOpen(commit)) {
        lost = loss;
      } else {
        if (waiting == null) {
          waiting = new LinkedHashSet<>();
        }
        waiting.add(stub);
      }
    }
    if (lost != null) {
      stub.commitFailed(Math.min(commit, lost.first()), lost.cause());
      stub.gateOpened();
    } else if (isOpen(commit)) {
      stub.gateOpened();
    }
  }

  /** Commits up to and including this one are durable. */
  void open(long commit) {
    durable = commit;
    release();
  }

  /**
   * These commits are lost. When this returns, every stub that waited for one of them is broken: it
   * begins no turn any more.
   */
  void fail(long first, long last, BreakCause cause) {
    synchronized (this) {
      loss = new Loss(first, last, cause);
      if (waiting != null) {
        for (StubQueue stub : waiting) {
          stub.commitFailed(first, cause);
        }
      }
    }
    release();
  }

  private void release() {
    synchronized (this) {
      if (waiting == null || releasing) {
        return;
      }
      releasing = true;
    }
    Thread.startVirtualThread(this::flush);
  }

  private void flush() {
    List<StubQueue> flushed;
    synchronized (this) {
      releasing = false;
      if (waiting == null) {
        return;
      }
      flushed = new ArrayList<>(waiting);
      long open = durable;
      waiting.removeIf(stub -> !stub.waitsFor(open));
      if (waiting.isEmpty()) {
        waiting = null;
      }
    }
    for (StubQueue stub : flushed) {
      stub.gateOpened();
    }
  }
}
