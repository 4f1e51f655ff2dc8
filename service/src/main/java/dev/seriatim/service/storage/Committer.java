package dev.seriatim.service.storage;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.service.HostListener;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.threads.Enduring;
import java.sql.SQLException;
import java.util.ArrayDeque;
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
 * <p>Where the store may keep the committer's thread for as long as it likes, another one stands in
 * for it meanwhile: see {@link HangWatch}.
 *
 * <p>Whatever is thrown, each batch that is taken ends as durable, as lost or in doubt, and its
 * object is told; what is taken and not told is in {@link #groups}, and gone on with.
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
  private final StoreNews news;
  private final Doubt doubt = new Doubt();
  private final GroupTelling telling;
  private final CommitConnection connection;

  /** What was taken and not told yet: mostly one, and more if one was divided. */
  private final ArrayDeque<CommitGroup> groups = new ArrayDeque<>();

  Committer(StorageOptions options, JdbcStore store, Faults faults) {
    this.faults = faults;
    this.options = options;
    this.store = store;
    this.outage = new Outage(options.storePatience());
    this.news = new StoreNews(store, options.location().kind(), outage);
    this.telling = new GroupTelling(faults);
    this.connection = new CommitConnection(store, new StandIn());
    this.thread = Enduring.thread("seriatim-committer", this::run);
  }

  void listen(HostListener told) {
    news.listen(told);
  }

  boolean isStoreAway() {
    return news.isAway();
  }

  int inDoubt() {
    return doubt.size();
  }

  void start() {
    connection.start();
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
    while (true) {
      try {
        if (!work()) {
          break;
        }
      } catch (RuntimeException | Error e) { // Thrown further, it would end the commits of all.
        Enduring.log("what commits", e);
        boolean _ = connection.abandon();
        Enduring.pause();
      }
    }
    connection.close();
  }

  /** False if nothing is to be done any more. */
  private boolean work() {
    CommitGroup group = groups.peekFirst();
    if (group == null) {
      if (!queue.await()) {
        return false;
      }
      group = new CommitGroup(queue.size());
      groups.addFirst(group);
      queue.takeInto(group, options.maxGroupBytes(), faults);
    }
    try {
      commit(group);
    } catch (RuntimeException | Error e) {
      group.thrown = e;
      throw e;
    }
    groups.removeFirst();
    connection.betweenGroups(outage.limit(System.nanoTime()));
    return true;
  }

  /** Commits a group, or goes on with it: when this returns, each of its objects was told. */
  private void commit(CommitGroup group) {
    Throwable thrown = group.thrown;
    if (thrown != null) {
      if (!group.sent) {
        failAll(group, thrown);
      }
    }
    while (!group.isEmpty()) {
      Fate fate = group.sent ? resolve(group) : tryToCommit(group);
      switch (fate) {
        case DURABLE -> {
          settle(group, null);
          news.committed(group);
          group.clear();
        }
        case TOLD -> group.clear();
        case LOST -> lost(group);
        case FORGOTTEN -> group.sent = false; // This host owns nothing now: all is rejected.
      }
    }
  }

  /** Tries once. */
  private Fate tryToCommit(CommitGroup group) {
    rejectLost(group);
    long began = System.nanoTime();
    if (group.isEmpty()) {
      return Fate.TOLD;
    }
    if (outage.isHopeless(began) || (group.waited && outage.isBeyondPatience(began))) {
      failAll(group, outage.failure(began));
      return Fate.TOLD;
    }
    group.began = began;
    group.number = store.groups().next();
    try {
      // Another thread may tell them meanwhile, and take them out of the group.
      List<Batch> batches = List.copyOf(group.batches);
      JdbcWriter current = connection.use(outage.limit(began));
      faults.at(Faults.Step.BEFORE_BEGIN, current.connection());
      JdbcStore.Fence fence = current.begin(batches, group.number);
      if (fence != JdbcStore.Fence.PASSED) {
        current.rollback();
        if (fence == JdbcStore.Fence.WENT_BACK) {
          resetAll(current, current.lastGroup());
        }
        connection.used();
        return Fate.FORGOTTEN;
      }
      faults.at(Faults.Step.AFTER_FENCE, current.connection());
      current.write(batches);
      faults.at(Faults.Step.AFTER_WRITES, current.connection());
      connection.requireInTime();
      group.sent = true;
      connection.goOn();
      current.commit();
      faults.at(Faults.Step.AFTER_COMMIT, current.connection());
      group.inPlace = store.isInPlace();
      connection.used();
      news.back();
      if (group.doubted) {
        return doubtIsOver(group, Fate.DURABLE);
      }
      settle(group, current);
    } catch (SQLException | RuntimeException | Error e) { // Memory may be short.
      group.failure = e;
      group.failure = connection.abandon(e, began);
      if (group.isEmpty()) {
        return Fate.TOLD; // By another thread, since this one took too long.
      }
      return group.sent ? resolve(group) : Fate.LOST;
    }
    news.committed(group);
    return Fate.TOLD;
  }

  /** A try was for nothing: another one, or the end. */
  private void lost(CommitGroup group) {
    group.sent = false;
    SQLException failure = failure(group);
    if (group.size() > 1 && store.isDamaged(failure)) {
      // Only what is damaged shall suffer for it.
      CommitGroup half = new CommitGroup(group.size());
      groups.addLast(half);
      group.giveHalf(half);
    } else if (mayComeBack(failure, group.began)) {
      queue.pause(outage.pauseUntil(System.nanoTime()));
      group.waited = true;
    } else {
      failAll(group, failure);
    }
  }

  private static SQLException failure(CommitGroup group) {
    Throwable failure = group.failure;
    return failure instanceof SQLException e
        ? e
        : new SQLException(String.valueOf(failure), failure);
  }

  /** Fails what belongs to slots that this host has lost, and takes it out of the group. */
  private void rejectLost(CommitGroup group) {
    Ownership ownership = store.ownership();
    Set<Batch> lost = new HashSet<>();
    for (Batch batch : group.batches) {
      if (ownership.tenure(batch.object.slot()) != batch.tenure) {
        lost.add(batch);
      }
    }
    for (Batch batch : lost) {
      telling.lost(batch.object, ownership.refusal(batch.object.key));
    }
    group.batches.removeAll(lost);
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

  private void settle(CommitGroup group, @Nullable JdbcWriter current) {
    store.groups().committed(group.number);
    if (!group.inPlace) {
      // It is durable where nobody will look for it.
      rejectLost(group);
    }
    if (current != null) {
      try {
        faults.at(Faults.Step.BEFORE_NOTIFY, current.connection());
      } catch (SQLException e) {
        LOGGER.warn("a fault after a commit; it is durable", e);
        connection.drop();
      }
    }
    telling.durable(group, group.size() == 1 && queue.isEmpty());
  }

  private void failAll(CommitGroup group, Throwable cause) {
    faults.memory(Faults.Need.TO_FAIL);
    String what = "the commit failed";
    StorageException failure =
        cause instanceof SQLException e
            ? store.failed(what, e)
            : new StorageException(what + ": " + cause.getMessage(), cause);
    telling.lost(group, failure);
  }

  /** Whether it is worth to try again, after a try that began then has failed like this. */
  private boolean mayComeBack(SQLException failure, long began) {
    if (!store.isAway(failure)) {
      news.failed(failure);
      return false;
    }
    news.away(failure, began);
    return !queue.isClosing() && !outage.isBeyondPatience(System.nanoTime());
  }

  /** Finds out what became of a group whose commit was not answered. */
  private Fate resolve(CommitGroup group) {
    SQLException failure = failure(group);
    LOGGER
        .atLevel(store.isFull(failure) ? Level.DEBUG : Level.WARN)
        .log(
            "a commit was not answered; asking the store what became of it: {}",
            failure.getMessage());
    if (outage.isLate(group.began, System.nanoTime())) {
      news.away(failure, group.began);
    }
    long trying = group.began;
    while (true) {
      if (outage.isBeyondPatience(System.nanoTime())) {
        tell(group);
        failArrivals();
        trying = System.nanoTime();
      } else if (outage.isAway()) {
        queue.pause(outage.pauseUntil(System.nanoTime()));
        trying = System.nanoTime();
      }
      try {
        JdbcWriter current = connection.use(outage.limit(trying));
        long found = current.lastGroup();
        Fate fate = found == group.number ? Fate.DURABLE : Fate.LOST;
        if (fate == Fate.LOST && found != store.groups().last()) {
          resetAll(current, found);
          fate = Fate.FORGOTTEN;
        }
        group.inPlace = store.isInPlace();
        connection.used();
        news.back();
        if (failure instanceof Faults.Unanswered unanswered) {
          group.doubted |= doubt.tell(group.batches, unanswered);
        }
        return group.doubted ? doubtIsOver(group, fate) : fate;
      } catch (SQLException | RuntimeException | Error e) { // Memory may be short.
        news.away(connection.abandon(e, trying), trying);
      }
      if (queue.isClosing()) {
        tell(group);
        LOGGER.error(
            "closed without knowing what became of the last commits of {} objects", group.size());
        return Fate.TOLD;
      }
    }
  }

  /** Tells this group that nobody knows what became of it, unless it was told. */
  private void tell(CommitGroup group) {
    if (!group.doubted) {
      long away = outage.lasted(System.nanoTime()).toMillis();
      String why = "the store has not said for " + away + " ms whether it is durable";
      LOGGER.warn("the last commits of {} objects are in doubt: {}", group.size(), why);
      doubt.begin(group.batches, new StorageException(why));
      group.doubted = true;
    }
  }

  private void failThoseThatWait(long now) {
    StorageException cause = store.failed("the commit failed", outage.failure(now));
    StoredLog object;
    while ((object = queue.first()) != null) {
      Batch _ = object.take();
      telling.lost(object, cause);
      queue.removeFirst();
    }
  }

  /** Fails what comes, until it is time to try the store again. */
  private void failArrivals() {
    while (true) {
      long now = System.nanoTime();
      failThoseThatWait(now);
      if (!outage.isHopeless(now) || queue.isClosing()) {
        return;
      }
      boolean _ = queue.pauseUntilAnArrival(outage.pauseUntil(now));
    }
  }

  /** What another thread does while the store keeps the committer's for too long. */
  private final class StandIn implements HangWatch.StandIn {
    @Override
    public void standIn(long since) {
      long now = System.nanoTime();
      if (!outage.isAway()) {
        long millis = (now - since) / 1_000_000;
        news.away(new SQLException("it has not answered for " + millis + " ms"), since);
      }
      store.ownership().commitsHang(true);
      for (CommitGroup group : groups) {
        if (group.sent) {
          tell(group);
        } else if (!group.isEmpty()) {
          failAll(group, outage.failure(now));
        }
      }
      failThoseThatWait(now);
    }

    @Override
    public void isBack() {
      news.back();
      store.ownership().commitsHang(false);
    }
  }

  /** The store has said what became of a group that had been told that nobody knows. */
  private Fate doubtIsOver(CommitGroup group, Fate fate) {
    LOGGER.info(
        "the last commits of {} objects, which were in doubt, are {}",
        group.size(),
        fate == Fate.DURABLE ? "durable" : "lost");
    if (fate == Fate.DURABLE) {
      store.groups().committed(group.number);
    }
    doubt.end(group.batches);
    return Fate.TOLD;
  }
}
