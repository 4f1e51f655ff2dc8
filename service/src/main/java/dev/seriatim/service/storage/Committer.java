package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Commits what objects submit, in groups: it takes every batch that is waiting, of all objects, and
 * commits them in one database transaction; what is submitted meanwhile is the next group. So the
 * slower the store, the larger the groups. No timer, and one thread.
 *
 * <p>If the store goes away, a group waits for it as long as {@link StorageOptions#storePatience}
 * allows, and then fails; until the store is back, what comes after that fails at once. A group
 * whose commit was sent but not answered is told neither way before the store has said what became
 * of it.
 */
final class Committer implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(Committer.class.getName());

  private static final Duration FIRST_PAUSE = Duration.ofMillis(20);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

  private final StorageOptions options;
  private final Faults faults;
  private final JdbcStore store;
  private final Thread thread;
  private final Object lock = new Object();

  /** The objects that have something to commit. */
  @GuardedBy("lock")
  private ArrayDeque<CommittedObjectStorage> queue = new ArrayDeque<>();

  @GuardedBy("lock")
  private boolean waiting;

  @GuardedBy("lock")
  private boolean closing;

  // The rest is the committer thread's own.

  private @Nullable JdbcWriter writer;
  private long groupNumber;

  /** When the store was last found to be away, on {@link System#nanoTime}; 0 while it is there. */
  private long awaySince;

  /** Objects taken from the queue that had no room in the last group. */
  private ArrayDeque<CommittedObjectStorage> waitingObjects = new ArrayDeque<>();

  Committer(StorageOptions options, JdbcStore store, Faults faults) {
    this.faults = faults;
    this.options = options;
    this.store = store;
    this.thread = Thread.ofPlatform().name("seriatim-committer").daemon().unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /** This object has something to commit. Doesn't block. */
  void enqueue(CommittedObjectStorage object) {
    synchronized (lock) {
      queue.add(object);
      if (waiting) {
        waiting = false;
        lock.notifyAll();
      }
    }
  }

  /** Commits what was submitted before, and ends. */
  @Override
  public void close() {
    synchronized (lock) {
      closing = true;
      lock.notifyAll();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    while (awaitObjects()) {
      List<Batch> group = takeGroup();
      if (!group.isEmpty()) {
        try {
          commit(group);
        } catch (RuntimeException | Error e) {
          LOGGER.log(System.Logger.Level.ERROR, "a group of commits failed", e);
          closeWriter();
          failAll(group, e);
        }
      }
    }
    closeWriter();
  }

  /** Waits until there is something to commit; false if there will be nothing any more. */
  private boolean awaitObjects() {
    if (!waitingObjects.isEmpty()) {
      return true;
    }
    synchronized (lock) {
      while (queue.isEmpty()) {
        if (closing) {
          return false;
        }
        waiting = true;
        try {
          lock.wait();
        } catch (InterruptedException e) {
          LOGGER.log(System.Logger.Level.WARNING, "the committer was interrupted; it goes on");
        }
      }
      waiting = false;
      ArrayDeque<CommittedObjectStorage> empty = waitingObjects;
      waitingObjects = queue;
      queue = empty;
      return true;
    }
  }

  private boolean isIdle() {
    if (!waitingObjects.isEmpty()) {
      return false;
    }
    synchronized (lock) {
      return queue.isEmpty();
    }
  }

  private List<Batch> takeGroup() {
    List<Batch> group = new ArrayList<>(waitingObjects.size());
    long bytes = 0;
    CommittedObjectStorage object;
    while (bytes < options.maxGroupBytes() && (object = waitingObjects.poll()) != null) {
      Batch batch = object.take();
      if (batch != null) {
        group.add(batch);
        bytes += batch.bytes;
      }
    }
    return group;
  }

  private void commit(List<Batch> group) {
    Duration pause = FIRST_PAUSE;
    while (true) {
      rejectLost(group);
      if (group.isEmpty()) {
        return;
      }
      boolean sent = false;
      SQLException failure;
      try {
        JdbcWriter current = writer();
        long number = ++groupNumber;
        faults.at(Faults.Step.BEFORE_BEGIN, current.connection());
        if (current.begin(group, number)) {
          faults.at(Faults.Step.AFTER_FENCE, current.connection());
          current.write(group);
          faults.at(Faults.Step.AFTER_WRITES, current.connection());
          sent = true;
          current.commit();
          faults.at(Faults.Step.AFTER_COMMIT, current.connection());
          storeIsBack();
          settle(group, current);
          return;
        }
        current.rollback();
        continue;
      } catch (SQLException e) {
        failure = e;
        closeWriter();
      } catch (RuntimeException | Error e) { // Memory may be short. What was sent may be done.
        failure = new SQLException(e.toString(), e);
        closeWriter();
      }
      if (sent) {
        Boolean applied = resolve(group, groupNumber, failure);
        if (applied == null) {
          return;
        }
        if (applied) {
          settle(group, null);
          return;
        }
      }
      if (!mayComeBack(failure)) {
        failAll(group, failure);
        return;
      }
      pause = pause(pause);
    }
  }

  private JdbcWriter writer() throws SQLException {
    JdbcWriter open = writer;
    if (open == null) {
      open = store.openWriter();
      writer = open;
    }
    return open;
  }

  private void closeWriter() {
    JdbcWriter open = writer;
    writer = null;
    if (open != null) {
      open.close();
    }
  }

  /** Fails what belongs to slots that this host has lost, and takes it out of the group. */
  private void rejectLost(List<Batch> group) {
    Ownership ownership = store.ownership();
    Set<Batch> lost = new HashSet<>();
    for (Batch batch : group) {
      if (ownership.epoch(batch.object.slot()) != batch.epoch) {
        lost.add(batch);
      }
    }
    if (!lost.isEmpty()) {
      group.removeAll(lost);
      for (Batch batch : lost) {
        fail(
            batch.object,
            new StorageException(
                "slot "
                    + batch.object.slot()
                    + " of object "
                    + batch.object.key
                    + " has been taken over by another host"));
      }
    }
  }

  private void settle(List<Batch> group, @Nullable JdbcWriter current) {
    if (current != null) {
      try {
        faults.at(Faults.Step.BEFORE_NOTIFY, current.connection());
      } catch (SQLException e) {
        LOGGER.log(System.Logger.Level.WARNING, "a fault after a commit; it is durable", e);
        closeWriter();
      }
    }
    boolean idle = group.size() == 1 && isIdle();
    for (Batch batch : group) {
      try {
        batch.object.settle(batch, idle);
      } catch (RuntimeException | Error e) { // It is durable all the same, and so are the others.
        LOGGER.log(System.Logger.Level.ERROR, "the listener of " + batch.object.key + " failed", e);
      }
    }
  }

  private void failAll(List<Batch> group, Throwable cause) {
    StorageException failure =
        new StorageException("the commit failed: " + cause.getMessage(), cause);
    for (Batch batch : group) {
      fail(batch.object, failure);
    }
  }

  private static void fail(CommittedObjectStorage object, Throwable cause) {
    try {
      object.fail(cause);
    } catch (RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "the listener of " + object.key + " failed", e);
    }
  }

  /** Whether it is worth to try again, after the store has failed like this. */
  private boolean mayComeBack(SQLException failure) {
    if (!store.isAway(failure)) {
      LOGGER.log(System.Logger.Level.ERROR, "a group of commits failed", failure);
      return false;
    }
    storeIsAway(failure);
    synchronized (lock) {
      if (closing) {
        return false;
      }
    }
    return !patienceIsOver();
  }

  private void storeIsAway(SQLException failure) {
    if (awaySince == 0) {
      awaySince = System.nanoTime();
      LOGGER.log(
          System.Logger.Level.WARNING, "the store {0} is away: {1}", store, failure.getMessage());
    }
  }

  private boolean patienceIsOver() {
    return awaySince != 0 && System.nanoTime() - awaySince > options.storePatience().toNanos();
  }

  private void storeIsBack() {
    if (awaySince != 0) {
      LOGGER.log(
          System.Logger.Level.INFO,
          "the store {0} is back after {1} ms",
          store,
          (System.nanoTime() - awaySince) / 1_000_000);
      awaySince = 0;
    }
  }

  /**
   * Finds out what became of a group whose commit was not answered; null if the host was closed
   * before that could be known.
   */
  private @Nullable Boolean resolve(List<Batch> group, long number, SQLException failure) {
    LOGGER.log(
        System.Logger.Level.WARNING,
        "a commit was not answered; asking the store what became of it: {0}",
        failure.getMessage());
    Duration pause = FIRST_PAUSE;
    while (true) {
      try {
        boolean applied = writer().isApplied(number);
        storeIsBack();
        return applied;
      } catch (SQLException e) {
        closeWriter();
        storeIsAway(e);
      }
      synchronized (lock) {
        if (closing) {
          LOGGER.log(
              System.Logger.Level.ERROR,
              "closed without knowing what became of the last commits of {0} objects",
              group.size());
          return null;
        }
      }
      if (patienceIsOver()) {
        failWaiting(group, failure);
      }
      pause = pause(pause);
    }
  }

  /** Fails what waits, but for the objects whose commits are in doubt. */
  private void failWaiting(List<Batch> inDoubt, SQLException failure) {
    Set<CommittedObjectStorage> undecided = new HashSet<>();
    for (Batch batch : inDoubt) {
      undecided.add(batch.object);
    }
    List<CommittedObjectStorage> failed = new ArrayList<>();
    synchronized (lock) {
      queue.removeIf(object -> !undecided.contains(object) && failed.add(object));
    }
    waitingObjects.removeIf(object -> !undecided.contains(object) && failed.add(object));
    StorageException cause =
        new StorageException("the store is away: " + failure.getMessage(), failure);
    for (CommittedObjectStorage object : failed) {
      object.take();
      fail(object, cause);
    }
  }

  /** Waits, unless the host is closing, and says how long to wait the next time. */
  private Duration pause(Duration pause) {
    long until = System.nanoTime() + pause.toNanos();
    synchronized (lock) {
      long left;
      while (!closing && (left = until - System.nanoTime()) > 0) {
        try {
          lock.wait(left / 1_000_000 + 1);
        } catch (InterruptedException e) {
          LOGGER.log(System.Logger.Level.WARNING, "the committer was interrupted; it goes on");
        }
      }
    }
    Duration doubled = pause.multipliedBy(2);
    return doubled.compareTo(LONGEST_PAUSE) < 0 ? doubled : LONGEST_PAUSE;
  }
}
