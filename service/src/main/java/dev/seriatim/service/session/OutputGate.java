package dev.seriatim.service.session;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds one object's outcomes back until the commits that they depend on are durable. Safe for any
 * number of threads.
 *
 * <p>The committer must not be held up by clients, nor run their code: what it lets go is sent by a
 * virtual thread, which may begin on the committer's while that has nothing else to do.
 */
public final class OutputGate {
  private static final Logger logger = LoggerFactory.getLogger(OutputGate.class);

  /**
   * For so many stubs is sent at a time. Behind them others' senders have their turn: thousands of
   * stubs may break at once.
   */
  private static final int SLICE = 16;

  /** One stub's outcomes. Safe for any number of threads. */
  interface Waiter {
    /** Whether something still waits for a commit above this one. */
    boolean waitsFor(long durable);

    /**
     * These commits will not be durable, as far as anyone is told. Tells the client nothing yet.
     */
    void commitsLost(Loss loss);

    /** Sends whatever may leave. */
    void flush();
  }

  /** Whoever wants to know what became of one commit. */
  public interface Follower {
    /** It is durable. */
    void durable();

    /** It is lost, or nobody knows what became of it. */
    void failed(BreakCause cause);
  }

  private volatile long durable;

  /** Those with outcomes that wait; null while there are none. Guarded by this. */
  private @Nullable SequencedSet<Waiter> waiting;

  /** Whether a thread is on its way to flush. Guarded by this. */
  private boolean releasing;

  /** How many of those that wait it has still to look at, the first ones. Guarded by this. */
  private int unseen;

  /** The last loss. Guarded by this. */
  private @Nullable Loss loss;

  /** Whether an outcome that depends on this commit may leave; 0 depends on none. */
  boolean isOpen(long commit) {
    return commit <= durable;
  }

  /** Lets a stub's outcomes know when this commit is durable or lost. */
  void await(Waiter outcomes, long commit) {
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
      outcomes.commitsLost(lost.from(commit));
      outcomes.flush();
    } else if (isOpen(commit)) {
      outcomes.flush();
    }
  }

  /** Tells what became of this commit, once: now if that is known, or else on another thread. */
  public void follow(Follower follower, long commit) {
    if (isOpen(commit)) {
      follower.durable();
    } else {
      await(new Followed(follower, commit), commit);
    }
  }

  /** One commit that is followed. What becomes of it is told with no lock held. */
  private final class Followed implements Waiter {
    private final Follower follower;
    private final long commit;

    /** Set where the gate's lock is held, or before it is known here. */
    private volatile @Nullable BreakCause lost;

    Followed(Follower follower, long commit) {
      this.follower = follower;
      this.commit = commit;
    }

    @Override
    public boolean waitsFor(long durable) {
      return lost == null && commit > durable;
    }

    @Override
    public void commitsLost(Loss loss) {
      if (loss.first() <= commit) {
        lost = loss.cause();
      }
    }

    @Override
    public void flush() {
      BreakCause cause = lost;
      if (cause != null) {
        follower.failed(cause);
      } else if (isOpen(commit)) {
        follower.durable();
      }
    }
  }

  /**
   * Commits up to and including this one are durable.
   *
   * @param senders runs what sends, on threads that may be held up
   */
  public void open(long commit, Executor senders) {
    durable = commit;
    release(senders);
  }

  /**
   * Commits are lost, or in doubt. When this returns, every stub that waited for one of them is
   * broken: it begins no turn any more.
   *
   * @param senders runs what sends, on threads that may be held up
   */
  public void fail(Loss newest, Executor senders) {
    synchronized (this) {
      loss = loss == null ? newest : newest.after(loss.lastInDoubt());
      if (waiting != null) {
        for (Waiter outcomes : waiting) {
          outcomes.commitsLost(newest);
        }
      }
    }
    release(senders);
  }

  private void release(Executor senders) {
    synchronized (this) {
      if (waiting == null) {
        return;
      }
      unseen = waiting.size();
      if (releasing) {
        return; // Who is on the way looks at all of them.
      }
      releasing = true;
    }
    try {
      senders.execute(() -> flush(senders));
    } catch (RuntimeException | Error e) { // No memory for a thread: better here than never.
      flush(senders);
    }
  }

  private void flush(Executor senders) {
    while (flushSlice()) {
      try {
        senders.execute(() -> flush(senders));
        return;
      } catch (RuntimeException | Error e) {
        // As above.
      }
    }
  }

  /** Whether there are more to be looked at. */
  private boolean flushSlice() {
    boolean looked = false;
    boolean more;
    try {
      List<Waiter> slice = nextSlice();
      looked = true;
      slice.forEach(OutputGate::flush);
    } finally {
      synchronized (this) {
        more = looked && unseen > 0; // Without memory, whoever comes next begins anew.
        releasing = more;
      }
    }
    return more;
  }

  private static void flush(Waiter outcomes) {
    try {
      outcomes.flush();
    } catch (RuntimeException | Error e) { // It concerns this one alone.
      logger.warn("what waited for a commit can't be sent", e);
    }
  }

  /** The next of those that wait, who don't any more unless it is for another commit. */
  private synchronized List<Waiter> nextSlice() {
    SequencedSet<Waiter> all = waiting;
    if (all == null) {
      unseen = 0;
      return List.of();
    }
    List<Waiter> slice = new ArrayList<>(Math.min(unseen, SLICE));
    Iterator<Waiter> first = all.iterator();
    while (slice.size() < unseen && slice.size() < SLICE) {
      slice.add(first.next());
    }
    unseen -= slice.size();
    for (Waiter outcomes : slice) { // From here on without memory: none may be lost.
      if (outcomes.waitsFor(durable)) {
        all.addLast(outcomes); // It is there, and goes behind all that are still to be looked at.
      } else {
        all.remove(outcomes);
      }
    }
    if (all.isEmpty()) {
      waiting = null;
    }
    return slice;
  }
}
