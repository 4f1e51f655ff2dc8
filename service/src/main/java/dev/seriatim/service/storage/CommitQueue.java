package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The objects that have something to commit, in the order in which they said so. Filled by any
 * thread, emptied by the committer's.
 */
final class CommitQueue {
  private static final Logger LOGGER = LoggerFactory.getLogger(CommitQueue.class);

  private final Object lock = new Object();

  @GuardedBy("lock")
  private ArrayDeque<StoredLog> arrived = new ArrayDeque<>();

  @GuardedBy("lock")
  private boolean waiting;

  @GuardedBy("lock")
  private boolean poked;

  @GuardedBy("lock")
  private boolean closing;

  /** Taken from those that arrived, in one step, but not yet into a group. The committer's. */
  private ArrayDeque<StoredLog> next = new ArrayDeque<>();

  /** This object has something to commit. Doesn't block. */
  void add(StoredLog object) {
    synchronized (lock) {
      arrived.add(object);
      if (waiting) {
        waiting = false;
        lock.notifyAll();
      }
    }
  }

  /** Who waits here for something to commit goes on without. */
  void poke() {
    synchronized (lock) {
      poked = true;
      if (waiting) {
        waiting = false;
        lock.notifyAll();
      }
    }
  }

  /** Nothing more will come: who waits here goes on. */
  void close() {
    synchronized (lock) {
      closing = true;
      lock.notifyAll();
    }
  }

  boolean isClosing() {
    synchronized (lock) {
      return closing;
    }
  }

  // ---- the committer's

  /**
   * Waits until there is something to commit, or until it is poked; false if there will be nothing
   * any more.
   */
  boolean await() {
    if (!next.isEmpty()) {
      return true;
    }
    synchronized (lock) {
      while (arrived.isEmpty() && !poked) {
        if (closing) {
          return false;
        }
        waiting = true;
        awaitNotification(0);
      }
      waiting = false;
      poked = false;
      takeArrived();
      return true;
    }
  }

  @GuardedBy("lock")
  private void takeArrived() {
    ArrayDeque<StoredLog> empty = next;
    next = arrived;
    arrived = empty;
  }

  boolean isEmpty() {
    if (!next.isEmpty()) {
      return false;
    }
    synchronized (lock) {
      return arrived.isEmpty();
    }
  }

  /**
   * The object in front, which stays there until it is {@link #removeFirst removed}; null if there
   * is none.
   */
  @Nullable StoredLog first() {
    if (next.isEmpty()) {
      synchronized (lock) {
        takeArrived();
      }
    }
    return next.peekFirst();
  }

  /** The object in front has been looked after. */
  void removeFirst() {
    next.removeFirst();
  }

  /** How many objects are taken at most. */
  int size() {
    return next.size();
  }

  /**
   * Takes what the objects in front have submitted, of this size at most, or a little more, into a
   * group that has room for all of them. If something is thrown, what was taken is in the group,
   * and the others are here.
   */
  void takeInto(CommitGroup group, long maxBytes, Faults faults) {
    long bytes = 0;
    StoredLog object;
    while (bytes < maxBytes && (object = next.peekFirst()) != null) {
      faults.memory(Faults.Need.TO_TAKE);
      Batch batch = object.take(); // From here on nothing needs memory.
      if (batch != null) {
        group.batches.add(batch);
        bytes += batch.bytes;
      }
      next.removeFirst();
    }
  }

  /** Waits until this time on {@link System#nanoTime}, or until the queue is closed. */
  void pause(long until) {
    synchronized (lock) {
      long left;
      while (!closing && (left = until - System.nanoTime()) > 0) {
        awaitNotification(left / 1_000_000 + 1);
      }
    }
  }

  /**
   * The same, but goes on as soon as something arrives.
   *
   * @return whether something has
   */
  boolean pauseUntilAnArrival(long until) {
    synchronized (lock) {
      long left;
      while (!closing && arrived.isEmpty() && (left = until - System.nanoTime()) > 0) {
        waiting = true;
        awaitNotification(left / 1_000_000 + 1);
      }
      waiting = false;
      return !arrived.isEmpty();
    }
  }

  @GuardedBy("lock")
  @SuppressWarnings("WaitNotInLoop") // all callers loop
  private void awaitNotification(long millis) {
    try {
      lock.wait(millis);
    } catch (InterruptedException e) {
      LOGGER.warn("the committer was interrupted; it goes on");
    }
  }
}
