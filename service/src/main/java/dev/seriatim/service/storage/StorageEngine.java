package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.HostListener;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectId;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The storage of one host: a store, the thread that commits to it, and the alarms. Safe for any
 * number of threads.
 */
public abstract sealed class StorageEngine implements AutoCloseable
    permits MemoryEngine, CommittingEngine {
  private final StorageOptions options;
  private final Faults faults;
  private final AlarmScheduler alarms;
  private final AlarmCounts alarmCounts = new AlarmCounts(this::alarmsOfAll);
  private final Serving serving = new Serving();
  private final ConcurrentMap<String, MessageTypes> types = new ConcurrentHashMap<>();
  private final SessionSweeper sweeper = new SessionSweeper(this::sweepSessions);

  StorageEngine(StorageOptions options, Faults faults) {
    this.faults = faults;
    this.options = options;
    this.alarms =
        new AlarmScheduler(
            new Alarms(),
            options.clock(),
            options.alarmIndexSize(),
            options.maxOutstandingAlarms(),
            options.maxLongAlarms());
  }

  /**
   * Opens the store, makes its tables if there are none, and makes this host the owner of its
   * objects, unless another host owns them. Then it waits in the background until it can have them;
   * until {@link #isServing} nothing can be read or written.
   *
   * @throws StorageException if the store can't be opened, or was written by a newer version
   */
  public static StorageEngine openAtOnce(StorageOptions options) {
    return openAtOnce(options, Faults.NONE);
  }

  /**
   * Begins in the background what takes long and is the same for every store of that kind, for a
   * program that has more to do before it opens one. If it fails, {@link #openAtOnce} does, too.
   */
  public static void prepare(StorageOptions.Location location) {
    if (location instanceof StorageOptions.Sqlite) {
      SqliteLibrary.loadAhead();
    }
  }

  /**
   * As {@link #openAtOnce(StorageOptions)}, but blocks until this host serves.
   *
   * @throws StorageException also if another host keeps the objects for longer than {@link
   *     StorageOptions#ownershipWait}
   */
  public static StorageEngine open(StorageOptions options) {
    return open(options, Faults.NONE);
  }

  /** The same, with faults that happen when they are meant to. For tests. */
  static StorageEngine open(StorageOptions options, Faults faults) {
    StorageEngine engine = openAtOnce(options, faults);
    boolean serves = false;
    try {
      engine.awaitServing();
      serves = true;
      return engine;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException("interrupted while waiting for " + engine, e);
    } finally {
      if (!serves) {
        engine.close();
      }
    }
  }

  /** As {@link #openAtOnce(StorageOptions)}, with faults that happen when they are meant to. */
  public static StorageEngine openAtOnce(StorageOptions options, Faults faults) {
    StorageEngine engine =
        switch (options.location()) {
          case StorageOptions.Memory memory -> new MemoryEngine(options, faults);
          case StorageOptions.Sqlite sqlite ->
              CommittingEngine.open(
                  options, SqliteStore.open(options, sqlite.directory(), faults), faults);
          case StorageOptions.Postgres postgres ->
              CommittingEngine.open(options, PostgresStore.open(options, postgres), faults);
        };
    engine.sweeper.start();
    return engine;
  }

  /**
   * The slots that this host shares with others; always the same.
   *
   * @throws IllegalStateException if it shares none: its store isn't a PostgreSQL that was opened
   *     with {@link StorageOptions#withSharedSlots}
   */
  public abstract Slots slots();

  static String noSlots(Object store) {
    return store
        + " belongs to one host as a whole, expected a PostgreSQL that was opened with"
        + " StorageOptions.withSharedSlots()";
  }

  /**
   * Whether this host owns its objects now; one that shares slots, whether it is certain of those
   * that it has.
   */
  public final boolean isServing() {
    return serving.is();
  }

  /**
   * Tells this listener whether the host owns its objects: at once, and whenever that changes. It
   * must not block.
   */
  public final void onServing(Consumer<Boolean> listener) {
    serving.listen(listener);
  }

  /**
   * Waits until this host owns its objects.
   *
   * @throws StorageException if another host keeps them for longer than {@link
   *     StorageOptions#ownershipWait}, or the engine was closed
   */
  public final void awaitServing() throws InterruptedException {
    if (!serving.await(options.ownershipWait())) {
      if (serving.isClosed()) {
        throw new StorageException(this + " was closed");
      }
      throw new StorageException(
          this
              + " is in use: "
              + whyNotServing()
              + ", and it has not been given up within "
              + options.ownershipWait().toMillis()
              + " ms (ownershipWait)");
    }
  }

  /**
   * The log of one object. The caller keeps it as long as the object is live or has pending
   * commits, and never has two for one object.
   */
  public final ObjectLog log(String namespace, DurableObjectId id, CommitListener listener) {
    return log(new ObjectKey(namespace, id), id.name().orElse(null), listener);
  }

  /**
   * The same for an object of a namespace that isn't served, so that nobody else can have it.
   *
   * @param id its 32 bytes
   */
  public final ObjectLog logOfUnserved(String namespace, ByteString id, CommitListener listener) {
    return log(new ObjectKey(namespace, id), /* name= */ null, listener);
  }

  abstract ObjectLog log(ObjectKey key, @Nullable String name, CommitListener listener);

  /**
   * A copy of all that is committed, as it was between two groups of commits, while the host goes
   * on. Blocks until it is made and checked.
   *
   * @throws IllegalStateException if it isn't a store that copies itself
   * @throws StoreCopy.NoRoomException if there isn't enough room on the disk
   * @throws StorageException if it can't be made
   */
  public abstract StoreCopy copy();

  /** The messages that the objects of this namespace have stored. */
  public final MessageTypes types(String namespace) {
    return types.computeIfAbsent(namespace, n -> new MessageTypes());
  }

  /**
   * A look at what is committed, whoever owns it.
   *
   * @throws StorageException if the store can't be reached
   */
  public abstract StoredView view();

  /**
   * Begins to offer the alarms of these namespaces, those that are overdue first. Called once.
   * Alarms of other namespaces stay in the store.
   */
  public final void startAlarms(Set<String> namespaces, AlarmListener listener) {
    alarms.start(namespaces, listener);
  }

  /** The clock was set: alarms follow it at once. For whoever sets it. */
  public final void clockChanged() {
    alarms.clockChanged();
  }

  /**
   * Waits until no alarm is due by the clock, or is running, or isn't durable yet.
   *
   * @return when the next one is due, or at least not before, in milliseconds since 1970; {@link
   *     Long#MAX_VALUE} if there is none
   * @throws TimeoutException if that takes longer than this; names some of them
   */
  public final long awaitNoneDue(Duration limit) throws InterruptedException, TimeoutException {
    return alarms.awaitNoneDue(limit);
  }

  /**
   * Loses all objects, as if this host had been taken for dead: another one may take them. For
   * tests.
   *
   * @throws IllegalStateException if the store isn't a file
   */
  public abstract void loseAll();

  /** Offers no alarm from now on. */
  public final void stopAlarms() {
    alarms.stop();
  }

  /**
   * Stops the alarms, waits until everything submitted is durable or has failed, gives up the
   * ownership and closes the store. No turn may be running any more: what is submitted after this
   * is never committed, and nobody is told.
   */
  @Override
  public void close() {
    sweeper.close();
    serving.close();
    alarms.close();
  }

  /** Why this host doesn't own its objects. */
  abstract String whyNotServing();

  /** As {@link AlarmScheduler.Source#nearestAlarms}. */
  abstract AlarmPage nearestAlarms(String namespace, AlarmPlace after, int limit)
      throws SQLException;

  /** As {@link AlarmScheduler.Source#alarmsOfOthers}. */
  abstract Map<String, Long> alarmsOfOthers(Set<String> namespaces) throws SQLException;

  /** How many alarms this host has, by namespace. */
  abstract Map<String, Long> alarmsOfAll() throws SQLException;

  /**
   * How many alarms this host had a short while ago, in each namespace that has some; null if they
   * weren't counted yet. Doesn't block.
   */
  public final @Nullable Map<String, Long> alarmsSet() {
    return alarmCounts.recent();
  }

  /** As {@link SessionSweeper.Rows#sweep}. */
  abstract int sweepSessions(int most) throws SQLException;

  private final class Alarms implements AlarmScheduler.Source {
    @Override
    public AlarmPage nearestAlarms(String namespace, AlarmPlace after, int limit)
        throws SQLException {
      return StorageEngine.this.nearestAlarms(namespace, after, limit);
    }

    @Override
    public Map<String, Long> alarmsOfOthers(Set<String> namespaces) throws SQLException {
      return StorageEngine.this.alarmsOfOthers(namespaces);
    }
  }

  final Faults faults() {
    return faults;
  }

  /** What the store is like now. */
  public abstract StoreFigures figures();

  /**
   * Tells this listener of commits, and of the store.
   *
   * @param listener must not throw
   */
  public abstract void listen(HostListener listener);

  /** Whether what is stored goes with the host's memory. */
  public final boolean isVolatile() {
    return this instanceof MemoryEngine;
  }

  /** How it was opened. */
  public final StorageOptions options() {
    return options;
  }

  final Serving serving() {
    return serving;
  }

  final AlarmScheduler alarms() {
    return alarms;
  }
}
