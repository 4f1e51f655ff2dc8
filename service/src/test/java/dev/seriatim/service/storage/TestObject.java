package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.StorageException;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Does with one object's storage what a host does: brackets turns, waits for commits, discards
 * instances. Turns are run by one thread, the test's.
 */
final class TestObject {
  static final DurableObjectIds IDS = new DurableObjectIds("storage test");
  private static final long PATIENCE_SECONDS = 30;

  private final StorageEngine engine;
  private final String namespace;
  private final DurableObjectId id;
  private Commits commits = new Commits();
  private ObjectLog storage;
  private @Nullable TurnStorage instance;

  TestObject(StorageEngine engine, String name) {
    this(engine, "TEST", name);
  }

  TestObject(StorageEngine engine, String namespace, String name) {
    this(engine, namespace, IDS.fromName(name));
  }

  TestObject(StorageEngine engine, String namespace, DurableObjectId id) {
    this.engine = engine;
    this.namespace = namespace;
    this.id = id;
    this.storage = engine.log(namespace, id, commits);
  }

  /** The object of this name, opened by its id: nobody has said what it is called. */
  static TestObject byIdOf(StorageEngine engine, String name) {
    return new TestObject(engine, "TEST", IDS.fromString(IDS.fromName(name).toString()));
  }

  DurableObjectId id() {
    return id;
  }

  ObjectLog storage() {
    return storage;
  }

  /** The current instance, or a new one if there is none. */
  TurnStorage instance() {
    if (instance == null || instance.refusal() != null) {
      instance = storage.newStorage();
    }
    return instance;
  }

  /** The current instance, if there is one, in whatever state. */
  @Nullable TurnStorage currentInstance() {
    return instance;
  }

  /** Whether no commit has been lost that the test has not taken note of. */
  boolean lossless() {
    return commits.lossless();
  }

  /** The test has taken note of all losses. */
  void lossesKnown() {
    commits.lossesKnown();
  }

  void discard() {
    if (instance != null) {
      instance.discard();
      instance = null;
    }
  }

  /** Discards the instance and lets go of the storage, as an eviction does. */
  void evict() {
    awaitDurable(storage.pendingCommit());
    discard();
    storage.close();
    // The next one numbers its commits from 1 again, and what the committer has still to tell of
    // this one's is nothing to it.
    commits = new Commits();
    storage = engine.log(namespace, id, commits);
  }

  /** Runs a turn, and returns the commit that its outcome must wait for. */
  long submit(Body body) {
    return submit(body, null, false);
  }

  /** The same, with what becomes durable with what the turn wrote, or always. */
  long submit(Body body, @Nullable SessionWrite session, boolean always) {
    TurnStorage current = instance();
    current.beginTurn();
    boolean completed = false;
    try {
      body.run(current);
      long commit = session == null ? current.endTurn() : current.endTurn(List.of(session), always);
      completed = true;
      return commit;
    } finally {
      if (!completed && current.rollback()) {
        discard();
      }
    }
  }

  /** Runs a turn, and waits until its outcome could be sent. */
  void turn(Body body) {
    awaitDurable(submit(body));
  }

  /** Runs a turn and waits for it. */
  <T> T query(Query<T> query) {
    List<T> result = new ArrayList<>(1);
    turn(s -> result.add(query.run(s)));
    return result.getFirst();
  }

  void awaitDurable(long commit) {
    commits.awaitDurable(commit);
  }

  /** Waits for the failure of this commit, and returns its cause. */
  Throwable awaitFailure(long commit) {
    return commits.awaitFailure(commit);
  }

  /** Waits until it is told that nobody knows what became of this commit, and returns the cause. */
  Throwable awaitDoubt(long commit) {
    return commits.awaitDoubt(commit);
  }

  long durable() {
    return commits.durable();
  }

  List<Long> failed() {
    return commits.failed();
  }

  /** What one storage of the object has been told of its commits. */
  private static final class Commits implements CommitListener {
    // Guarded by this.
    private long durable;
    private final List<Long> failed = new ArrayList<>();

    /** From the first to the last commit of each failure. */
    private final NavigableMap<Long, Long> lost = new TreeMap<>();

    /** From the first to the last of those that were in doubt together. */
    private final NavigableMap<Long, Long> doubted = new TreeMap<>();

    private @Nullable Throwable cause;
    private int knownLosses;

    /** What the committer should not have told; told to the test's thread. */
    private @Nullable String breach;

    synchronized boolean lossless() {
      assertWithMessage("a breach").that(breach).isNull();
      return knownLosses == failed.size();
    }

    synchronized void lossesKnown() {
      knownLosses = failed.size();
    }

    synchronized void awaitDurable(long commit) {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      while (durable < commit) {
        Throwable why = causeOfLoss(commit);
        if (why != null) {
          throw new CommitLostException(commit, why);
        }
        if (isDoubted(commit)) {
          throw new CommitInDoubtException(commit, cause);
        }
        await(deadline, "commit " + commit + " was neither durable nor failed");
      }
    }

    synchronized Throwable awaitFailure(long commit) {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      while (true) {
        Throwable why = causeOfLoss(commit);
        if (why != null) {
          return why;
        }
        assertWithMessage("commit %s is durable", commit).that(durable).isLessThan(commit);
        await(deadline, "commit " + commit + " did not fail");
      }
    }

    synchronized Throwable awaitDoubt(long commit) {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      while (true) {
        if (isDoubted(commit) && cause != null) {
          return cause;
        }
        assertWithMessage("commit %s is durable", commit).that(durable).isLessThan(commit);
        assertWithMessage("what commit %s is lost for", commit).that(causeOfLoss(commit)).isNull();
        await(deadline, "commit " + commit + " was not in doubt");
      }
    }

    synchronized long durable() {
      assertWithMessage("a breach").that(breach).isNull();
      return durable;
    }

    synchronized List<Long> failed() {
      return List.copyOf(failed);
    }

    @Override
    public synchronized void durable(long commit, boolean idle) {
      if (commit <= durable) {
        breach = "commit " + commit + " is durable after " + durable;
      }
      durable = commit;
      notifyAll();
    }

    @Override
    public synchronized void failed(long first, long last, Throwable why) {
      if (first <= durable || last < first) {
        breach = "commits " + first + " to " + last + " are lost after " + durable + " was durable";
      }
      failed.add(first);
      lost.put(first, last);
      cause = why;
      notifyAll();
    }

    @Override
    public synchronized void inDoubt(long first, long lastInDoubt, long last, Throwable why) {
      if (first <= durable || lastInDoubt < first || last < lastInDoubt) {
        breach =
            "commits %d to %d of %d are in doubt after %d was durable"
                .formatted(first, lastInDoubt, last, durable);
      }
      doubted.put(first, lastInDoubt);
      if (lastInDoubt < last) {
        failed.add(lastInDoubt + 1);
        lost.put(lastInDoubt + 1, last);
      }
      cause = why;
      notifyAll();
    }

    private boolean isDoubted(long commit) {
      Map.Entry<Long, Long> range = doubted.floorEntry(commit);
      return range != null && commit <= range.getValue();
    }

    private @Nullable Throwable causeOfLoss(long commit) {
      Map.Entry<Long, Long> range = lost.floorEntry(commit);
      return range != null && commit <= range.getValue() ? cause : null;
    }

    @SuppressWarnings("WaitNotInLoop") // all callers loop
    private void await(long deadline, String what) {
      assertWithMessage("a breach").that(breach).isNull();
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        throw new AssertionError(what + " within " + PATIENCE_SECONDS + " s");
      }
      try {
        wait(left / 1_000_000 + 1);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** A turn. */
  interface Body {
    void run(DurableObjectStorage storage);
  }

  /** A turn with a result. */
  interface Query<T> {
    T run(DurableObjectStorage storage);
  }

  /** Has a turn run again and again until the store lets it. */
  static void untilItSucceeds(Runnable turn) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      try {
        turn.run();
        return;
      } catch (StorageException | CommitLostException | CommitInDoubtException e) {
        if (System.nanoTime() > deadline) {
          throw new AssertionError("the store did not let it within 60 s", e);
        }
      }
    }
  }

  /** Nobody knows whether the commit that a turn waited for is durable. */
  static final class CommitInDoubtException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CommitInDoubtException(long commit, @Nullable Throwable cause) {
      super("commit " + commit + " is in doubt", cause);
    }
  }

  /** The commit that a turn waited for is lost. */
  static final class CommitLostException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CommitLostException(long commit, Throwable cause) {
      super("commit " + commit + " is lost", cause);
    }
  }
}
