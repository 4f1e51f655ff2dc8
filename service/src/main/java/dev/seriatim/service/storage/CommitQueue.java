package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
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
      ArrayDeque<StoredLog> empty = next;
      next = arrived;
      arrived = empty;
      return true;
    }
  }

  boolean isEmpty() {
    if (!next.isEmpty()) {
      return false;
    }
    synchronized (lock) {
      return arrived.isEmpty();
    }
  }

  /** What the objects in front have submitted, of this size at most, or a little more. */
  List<Batch> takeGroup(long maxBytes) {
    List<Batch> group = new ArrayList<>(next.size());
    long bytes = 0;
    StoredLog object;
    while (bytes < maxBytes && (object = next.poll()) != null) {
      Batch batch = object.take();
      if (batch != null) {
        group.add(batch);
        bytes += batch.bytes;
      }
    }
    return group;
  }

  /** Takes these objects out, wherever they stand. */
  List<StoredLog> remove(Predicate<StoredLog> which) {
    List<StoredLog> removed = new ArrayList<>();
    Predicate<StoredLog> remove = object -> which.test(object) && removed.add(object);
    next.removeIf(remove);
    synchronized (lock) {
      arrived.removeIf(remove);
    }
    return removed;
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
