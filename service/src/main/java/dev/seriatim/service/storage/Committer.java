package dev.seriatim.service.storage;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.service.HostListener;
import dev.seriatim.service.HostListener.StoreEvent;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Commits what objects submit, in groups: it takes every batch that is waiting, of all objects, and
 * commits them in one database transaction; what is submitted meanwhile is the next group. So the
 * slower the store, the larger the groups. No timer, and one thread.
 *
 * <p>If the store goes away, a group waits for it as long as {@link StorageOptions#storePatience}
 * allows, and then fails; until the store is back, what comes after that fails at once. If the
 * commit of a group was sent but not answered, the store is asked what became of it. If that takes
 * longer than the patience, the group is told that it is in {@link Doubt}; nothing else is
 * committed before the store has said it.
 *
 * <p>Everything here is the committer thread's own, but for {@link #enqueue} and {@link #close}.
 */
final class Committer implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(Committer.class);

  /** What became of a group whose commit was sent and not answered. */
  private enum Fate {
    DURABLE,
    LOST,
    /** The store has gone back to a time before it; so it is lost, and more with it. */
    FORGOTTEN,
    /** Everyone was told that nobody knows. */
    TOLD
  }

  private final StorageOptions options;
  private final Faults faults;
  private final JdbcStore store;
  private final Thread thread;
  private final CommitQueue queue = new CommitQueue();
  private final Outage outage;
  private final FailureLog failures = new FailureLog();
  private final Doubt doubt = new Doubt();
  private @Nullable JdbcWriter writer;

  // Written by any thread, before the host starts; and by the committer's, for others to see.
  private volatile HostListener listener = new HostListener() {};
  private volatile boolean storeAway;

  Committer(StorageOptions options, JdbcStore store, Faults faults) {
    this.faults = faults;
    this.options = options;
    this.store = store;
    this.outage = new Outage(options.storePatience());
    this.thread =
        Thread.ofPlatform()
            .name("seriatim-committer")
            .daemon()
            .inheritInheritableThreadLocals(false)
            .unstarted(this::run);
  }

  void listen(HostListener told) {
    listener = told;
  }

  boolean isStoreAway() {
    return storeAway;
  }

  int inDoubt() {
    return doubt.size();
  }

  void start() {
    thread.start();
  }

  /** This object has something to commit. Doesn't block. */
  void enqueue(StoredLog object) {
    queue.add(object);
  }

  /** There may be something to do between two groups; if no group comes, at once. Any thread. */
  void betweenGroups() {
    queue.poke();
  }

  /** Whether the store has still to say what became of commits of this object. Any thread. */
  boolean isInDoubt(ObjectKey object) {
    return doubt.has(object);
  }

  /** Commits what was submitted before, and ends. */
  @Override
  public void close() {
    queue.close();
    Uninterruptibles.joinUninterruptibly(thread);
  }

  private void run() {
    while (queue.await()) {
      List<Batch> group = List.of();
      try {
        group = queue.takeGroup(options.maxGroupBytes());
        if (!group.isEmpty()) {
          commit(group);
        } else if (writer != null) {
          store.betweenGroups(writer);
        }
      } catch (RuntimeException | Error e) { // Thrown further, it would end the commits of all.
        LOGGER.error("a group of commits failed", e);
        abandonWriter();
        failAll(group, e);
      }
    }
    closeWriter();
  }

  private void commit(List<Batch> group) {
    boolean waited = false;
    while (true) {
      rejectLost(group);
      if (group.isEmpty()) {
        return;
      }
      long began = System.nanoTime();
      if (outage.isHopeless(began) || (waited && outage.isBeyondPatience(began))) {
        failAll(group, outage.failure(began));
        return;
      }
      long number = store.groups().next();
      boolean sent = false;
      SQLException failure;
      try {
        JdbcWriter current = writer(outage.limit(began));
        faults.at(Faults.Step.BEFORE_BEGIN, current.connection());
        JdbcStore.Fence fence = current.begin(group, number);
        if (fence != JdbcStore.Fence.PASSED) {
          current.rollback();
          if (fence == JdbcStore.Fence.WENT_BACK) {
            resetAll(current, current.lastGroup());
          }
          boolean _ = current.used();
          continue;
        }
        faults.at(Faults.Step.AFTER_FENCE, current.connection());
        current.write(group);
        faults.at(Faults.Step.AFTER_WRITES, current.connection());
        sent = true;
        current.commit();
        faults.at(Faults.Step.AFTER_COMMIT, current.connection());
        boolean _ = current.used();
        long tookNanos = System.nanoTime() - began;
        storeIsBack();
        settle(group, number, current);
        CommittedGroup.tell(listener, group, options.location().kind(), tookNanos);
        if (writer == current) {
          store.betweenGroups(current);
        }
        return;
      } catch (SQLException | RuntimeException | Error e) { // Memory may be short.
        failure = abandonWriter(e, began);
      }
      Fate fate = sent ? resolve(group, number, failure, began) : Fate.LOST;
      switch (fate) {
        case DURABLE -> {
          settle(group, number, null);
          CommittedGroup.tell(
              listener, group, options.location().kind(), System.nanoTime() - began);
          return;
        }
        case TOLD -> {
          return;
        }
        case LOST -> {
          if (group.size() > 1 && store.isDamaged(failure)) {
            // Only what is damaged shall suffer for it.
            commit(new ArrayList<>(group.subList(0, group.size() / 2)));
            commit(new ArrayList<>(group.subList(group.size() / 2, group.size())));
            return;
          }
          if (!mayComeBack(failure, began)) {
            failAll(group, failure);
            return;
          }
          queue.pause(outage.pauseUntil(System.nanoTime()));
          waited = true;
        }
        case FORGOTTEN -> {} // This host owns nothing now, and so all of it is rejected.
      }
    }
  }

  /**
   * The writer, which may be used until then.
   *
   * @param until as {@link JdbcWriter#use}
   */
  private JdbcWriter writer(long until) throws SQLException {
    JdbcWriter open = writer;
    if (open == null) {
      open = store.openWriter(until);
      writer = open;
    } else {
      open.use(until);
    }
    return open;
  }

  /** Something that was begun then has failed. Says why, as a failure of the store. */
  private SQLException abandonWriter(Throwable failure, long began) {
    if (abandonWriter()) {
      long millis = (System.nanoTime() - began) / 1_000_000;
      return new SQLException("it has said nothing for " + millis + " ms", "08006");
    }
    // A batch that fails says what was to be written, and that is the object's own.
    return failure instanceof BatchUpdateException batch && batch.getNextException() != null
        ? batch.getNextException()
        : failure instanceof SQLException e ? e : new SQLException(failure.toString(), failure);
  }

  /** Whether it was used for too long. */
  private boolean abandonWriter() {
    JdbcWriter open = writer;
    writer = null;
    if (open == null) {
      return false;
    }
    boolean late = open.used();
    open.abandon();
    return late;
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
      if (ownership.tenure(batch.object.slot()) != batch.tenure) {
        lost.add(batch);
      }
    }
    if (!lost.isEmpty()) {
      group.removeAll(lost);
      for (Batch batch : lost) {
        fail(batch.object, ownership.refusal(batch.object.key));
      }
    }
  }

  /** The store has an older group as this host's last: nothing in memory may be true any more. */
  private void resetAll(JdbcWriter current, long found) throws SQLException {
    String why = JdbcStore.wentBack(found, store.groups().last());
    LOGGER.error(
        "{}: {}. What was committed lately may be lost; all objects are reset", store, why);
    long number = store.groups().next();
    store.resetAll(current, why, number);
    store.groups().committed(number);
  }

  private void settle(List<Batch> group, long number, @Nullable JdbcWriter current) {
    store.groups().committed(number);
    if (!store.isInPlace()) {
      // It is durable where nobody will look for it.
      rejectLost(group);
    }
    if (current != null) {
      try {
        faults.at(Faults.Step.BEFORE_NOTIFY, current.connection());
      } catch (SQLException e) {
        LOGGER.warn("a fault after a commit; it is durable", e);
        closeWriter();
      }
    }
    boolean idle = group.size() == 1 && queue.isEmpty();
    for (Batch batch : group) {
      try {
        batch.object.settle(batch, idle);
      } catch (RuntimeException | Error e) { // It is durable all the same, and so are the others.
        batch.object.key.logEvent(LOGGER, Level.ERROR, null).setCause(e).log("a listener failed");
      }
    }
  }

  private void failAll(List<Batch> group, Throwable cause) {
    String what = "the commit failed";
    StorageException failure =
        cause instanceof SQLException e
            ? store.failed(what, e)
            : new StorageException(what + ": " + cause.getMessage(), cause);
    for (Batch batch : group) {
      fail(batch.object, failure);
    }
  }

  private static void fail(StoredLog object, Throwable cause) {
    try {
      object.fail(cause);
    } catch (RuntimeException | Error e) {
      object.key.logEvent(LOGGER, Level.ERROR, null).setCause(e).log("a listener failed");
    }
  }

  /** Whether it is worth to try again, after a try that began then has failed like this. */
  private boolean mayComeBack(SQLException failure, long began) {
    if (!store.isAway(failure)) {
      log(failure);
      return false;
    }
    storeIsAway(failure, began);
    return !queue.isClosing() && !outage.isBeyondPatience(System.nanoTime());
  }

  private void log(SQLException failure) {
    String kind = failure.getSQLState() + " " + failure.getErrorCode();
    if (!failures.isNews(kind, System.nanoTime())) {
      LOGGER.debug("a group of commits failed", failure);
    } else if (store.isFull(failure)) {
      LOGGER.error(
          "{} is full: commits fail until there is room ({})", store, failure.getMessage());
    } else {
      LOGGER.error("a group of commits failed", failure);
    }
  }

  private void storeIsAway(SQLException failure, long began) {
    if (outage.found(began, System.nanoTime(), failure)) {
      storeAway = true;
      listener.store(new StoreEvent(true, Duration.ZERO));
      LOGGER.warn("the store {} is away: {}", store, failure.getMessage());
    }
  }

  private void storeIsBack() {
    if (outage.isAway()) {
      Duration lasted = outage.lasted(System.nanoTime());
      LOGGER.info("the store {} is back after {} ms", store, lasted.toMillis());
      storeAway = false;
      listener.store(new StoreEvent(false, lasted));
      outage.over();
    }
  }

  /** Finds out what became of a group whose commit was not answered, in a try that began then. */
  private Fate resolve(List<Batch> group, long number, SQLException failure, long began) {
    LOGGER
        .atLevel(store.isFull(failure) ? Level.DEBUG : Level.WARN)
        .log(
            "a commit was not answered; asking the store what became of it: {}",
            failure.getMessage());
    if (outage.isLate(began, System.nanoTime())) {
      storeIsAway(failure, began);
    }
    boolean told = false;
    long trying = began;
    while (true) {
      if (outage.isBeyondPatience(System.nanoTime())) {
        told = tell(group, told);
        failArrivals();
        trying = System.nanoTime();
      } else if (outage.isAway()) {
        queue.pause(outage.pauseUntil(System.nanoTime()));
        trying = System.nanoTime();
      }
      try {
        JdbcWriter current = writer(outage.limit(trying));
        long found = current.lastGroup();
        Fate fate = found == number ? Fate.DURABLE : Fate.LOST;
        storeIsBack();
        if (fate == Fate.LOST && found != store.groups().last()) {
          resetAll(current, found);
          fate = Fate.FORGOTTEN;
        }
        boolean _ = current.used();
        told |= failure instanceof Faults.Unanswered unanswered && doubt.tell(group, unanswered);
        return told ? doubtIsOver(group, number, fate) : fate;
      } catch (SQLException | RuntimeException | Error e) { // Memory may be short.
        storeIsAway(abandonWriter(e, trying), trying);
      }
      if (queue.isClosing()) {
        boolean _ = tell(group, told);
        LOGGER.error(
            "closed without knowing what became of the last commits of {} objects", group.size());
        return Fate.TOLD;
      }
    }
  }

  /** Tells this group that nobody knows what became of it, unless it was told. */
  private boolean tell(List<Batch> group, boolean told) {
    if (!told) {
      long away = outage.lasted(System.nanoTime()).toMillis();
      String why = "the store has not said for " + away + " ms whether it is durable";
      LOGGER.warn("the last commits of {} objects are in doubt: {}", group.size(), why);
      doubt.begin(group, new StorageException(why));
    }
    return true;
  }

  /** Fails what comes, until it is time to try the store again. */
  private void failArrivals() {
    while (true) {
      long now = System.nanoTime();
      StorageException cause = store.failed("the commit failed", outage.failure(now));
      for (StoredLog object : queue.remove(object -> true)) {
        Batch _ = object.take();
        fail(object, cause);
      }
      if (!outage.isHopeless(now) || queue.isClosing()) {
        return;
      }
      boolean _ = queue.pauseUntilAnArrival(outage.pauseUntil(now));
    }
  }

  /** The store has said what became of a group that had been told that nobody knows. */
  private Fate doubtIsOver(List<Batch> group, long number, Fate fate) {
    LOGGER.info(
        "the last commits of {} objects, which were in doubt, are {}",
        group.size(),
        fate == Fate.DURABLE ? "durable" : "lost");
    if (fate == Fate.DURABLE) {
      store.groups().committed(number);
    }
    doubt.end(group);
    return Fate.TOLD;
  }
}
