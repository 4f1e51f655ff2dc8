package dev.seriatim.service.storage;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.service.HostListener;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.threads.Enduring;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps objects in a database. */
final class CommittingEngine extends StorageEngine {
  private static final Logger LOGGER = LoggerFactory.getLogger(CommittingEngine.class);

  /** For closing, beside what the store may take for what was written. */
  private static final Duration LAST_STEPS = Duration.ofSeconds(1);

  private final JdbcStore store;
  private final Committer committer;
  private final Budget budget;
  private final CacheRoom cacheRoom;

  /** An engine that commits nothing until its committer is started. */
  CommittingEngine(StorageOptions options, JdbcStore store, Faults faults) {
    super(options, faults);
    this.store = store;
    this.committer = new Committer(options, store, faults);
    this.budget = new Budget(options.maxUncommittedBytes());
    this.cacheRoom = new CacheRoom(options.cacheBytes());
  }

  static CommittingEngine open(StorageOptions options, JdbcStore store, Faults faults) {
    boolean opened = false;
    try {
      CommittingEngine engine = new CommittingEngine(options, store, faults);
      engine.committer.start();
      store.ownership().listen(engine.new Changes());
      opened = true;
      return engine;
    } finally {
      if (!opened) {
        store.close();
      }
    }
  }

  @Override
  ObjectLog log(ObjectKey key, @Nullable String name, CommitListener listener) {
    return new StoredLog(this, key, name, listener);
  }

  @Override
  public StoredView view() {
    try {
      return new JdbcView(store, store.beginRead());
    } catch (SQLException e) {
      throw store.failed(store + " can't be read", e);
    }
  }

  @Override
  public StoreCopy copy() {
    return store.copy();
  }

  @Override
  AlarmPage nearestAlarms(String namespace, AlarmPlace after, int limit) throws SQLException {
    return store.nearestAlarms(namespace, after, limit);
  }

  @Override
  Map<String, Long> alarmsOfOthers(Set<String> namespaces) throws SQLException {
    return store.alarmsOfOthers(namespaces);
  }

  @Override
  Map<String, Long> alarmsOfAll() throws SQLException {
    return store.alarmsOfOthers(Set.of());
  }

  @Override
  int sweepSessions(int most) throws SQLException {
    int swept = store.sweepSessions(most);
    committer.betweenGroups();
    return swept;
  }

  @Override
  public void loseAll() {
    store.loseAll();
  }

  @Override
  public Slots slots() {
    return store.slots();
  }

  @Override
  public StoreFigures figures() {
    return new StoreFigures(
        committer.isStoreAway() || store.ownership().hangs(),
        store.ownership().certainFor(),
        store.ownership().owned(),
        committer.inDoubt(),
        budget.used(),
        cacheRoom.used());
  }

  @Override
  public void listen(HostListener listener) {
    committer.listen(listener);
  }

  @Override
  String whyNotServing() {
    return store.ownership().reason();
  }

  /** What can't be done in time, since the store doesn't answer, is done when it does. */
  @Override
  public void close() {
    Thread closing = Enduring.thread("seriatim-close", this::closeAll);
    closing.start();
    Duration patience = Outage.tryTime(options().storePatience()).plus(LAST_STEPS);
    Uninterruptibles.joinUninterruptibly(closing, patience);
    if (closing.isAlive()) {
      LOGGER.warn(
          "{} has not answered for {} ms; it is closed when it does", store, patience.toMillis());
    }
  }

  private void closeAll() {
    closeStep(super::close);
    closeStep(committer::close);
    closeStep(store::close);
  }

  /** The next ones have to be taken all the same. */
  private void closeStep(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      LOGGER.warn("{} was not closed well", store, e);
    }
  }

  @Override
  public String toString() {
    return store.toString();
  }

  /** What is thrown when something of this object could not be read. */
  StorageException notRead(ObjectKey key, SQLException e) {
    return store.failed("storage of object " + key + " could not be read", e);
  }

  JdbcStore store() {
    return store;
  }

  Committer committer() {
    return committer;
  }

  Ownership ownership() {
    return store.ownership();
  }

  /** What uncommitted writes hold. */
  Budget budget() {
    return budget;
  }

  /** What caches hold. */
  CacheRoom cacheRoom() {
    return cacheRoom;
  }

  /** Passes on what changes in the ownership. */
  private final class Changes implements Ownership.Listener {
    @Override
    public void slotsChanged() {
      alarms().ownershipChanged();
    }

    @Override
    public void serves(boolean serves) {
      serving().set(serves);
    }
  }
}
