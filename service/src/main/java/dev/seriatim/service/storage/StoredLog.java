package dev.seriatim.service.storage;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import java.sql.SQLException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The log of one object in a database: what it has submitted that is not durable yet, and what it
 * has read or written lately.
 *
 * <p>Guarded by this, if not said otherwise. The turn thread submits; the committer takes, settles
 * and fails. No lock is held while the database works.
 */
final class StoredLog extends ObjectLog {
  /** The object's row is not known. */
  static final long UNKNOWN_ROW = -1;

  /** The object has no row, and so nothing is stored. */
  static final long NO_ROW = 0;

  private final CommittingEngine engine;
  private final CommitListener listener;
  private final int slot;

  /** The newest commit. Written by the turn thread, holding this; read by it without. */
  private long lastSubmitted;

  /** Every commit up to here is durable, or lost and reported. Written holding this. */
  private volatile long settled;

  /** Under which ownership the current life runs; null before the first. */
  private volatile Ownership.@Nullable Tenure tenure;

  /** Counts what has made memory and store disagree: failed commits and changes of the owner. */
  @GuardedBy("this")
  private int life;

  /** Whether the listener is being told of a loss; no new life begins meanwhile. */
  @GuardedBy("this")
  private boolean tellingLoss;

  /** What has been submitted since the committer last took something. */
  @GuardedBy("this")
  private @Nullable Batch pending;

  /** What the committer is committing. */
  @GuardedBy("this")
  private @Nullable Batch taken;

  /** Whether the committer knows that there is something to take. */
  @GuardedBy("this")
  private boolean queued;

  /** The newest uncommitted write of each key; null while there is none. */
  @GuardedBy("this")
  private @Nullable TreeMap<String, Write> uncommitted;

  /** The newest uncommitted removal of everything; 0 while there is none. */
  @GuardedBy("this")
  private long clearedBy;

  /** Durable values, those used longest ago first; null while there is none. */
  @GuardedBy("this")
  private @Nullable LinkedHashMap<String, Write> cache;

  @GuardedBy("this")
  private int cacheBytes;

  /** The alarm as of the last commit, if that is known. */
  @GuardedBy("this")
  private @Nullable AlarmTime alarm;

  @GuardedBy("this")
  private boolean alarmKnown;

  /** The object's durable row. */
  @GuardedBy("this")
  private long row = UNKNOWN_ROW;

  /** Whether the row has the object's name. */
  @GuardedBy("this")
  private boolean nameStored;

  StoredLog(
      CommittingEngine engine, ObjectKey key, @Nullable String name, CommitListener listener) {
    super(engine, key, name);
    this.engine = engine;
    this.listener = listener;
    this.slot = key.slot();
  }

  int slot() {
    return slot;
  }

  // ---- called by the object layer

  @Override
  public long pendingCommit() {
    long last = lastSubmitted;
    return last > settled ? last : 0;
  }

  @Override
  public synchronized void close() {
    Preconditions.checkState(
        lastSubmitted <= settled, "commit %s of object %s is pending", lastSubmitted, key);
    clearCache();
  }

  // ---- called by the instance, on the turn thread

  @Override
  @GuardedBy("this")
  void beginLife() {
    try {
      while (tellingLoss) {
        wait();
      }
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
    Ownership.Tenure owned = engine.ownership().tenure(slot);
    if (owned == null) {
      throw notOwned();
    }
    if (engine.committer().isInDoubt(key)) {
      throw new StorageException(
          "the store has not said yet what became of the last commits of object " + key);
    }
    if (owned != tenure) {
      if (lastSubmitted > settled) {
        throw new StorageException(
            "the commits of object " + key + " from before it changed hands are not settled yet");
      }
      life++;
      forgetDurable();
      tenure = owned;
    }
  }

  @Override
  void checkOwned(TurnStorage instance) {
    instance.requireUsable();
    if (!isOwned()) {
      synchronized (this) {
        lose(notOwned());
      }
      instance.requireUsable();
    }
  }

  /** Whether this host has owned the object since the current life began. */
  private boolean isOwned() {
    return engine.ownership().tenure(slot) == tenure;
  }

  /** Why nothing can be done with the object. */
  StorageException notOwned() {
    return new StorageException(
        "slot "
            + slot
            + " of object "
            + key
            + " is not owned by this host: "
            + engine.ownership().reason());
  }

  @Override
  long gate(TurnStorage instance) {
    long last = lastSubmitted;
    if (last > settled) {
      return last;
    }
    // A failure refuses the instance before it settles.
    instance.requireUsable();
    if (engine.ownership().isCertain() && isOwned()) {
      return 0;
    }
    // A commit of nothing, which passes through the fence.
    return submit(instance, null, 0);
  }

  @Override
  long submit(TurnStorage instance, WriteSet turn) {
    return submit(instance, turn, turn.bytes());
  }

  private long submit(TurnStorage instance, @Nullable WriteSet turn, long turnBytes) {
    if (turnBytes > 0) {
      engine.budget().awaitRoom(instance);
    }
    long commit;
    long added;
    synchronized (this) {
      awaitRoom(instance, turnBytes);
      instance.requireUsable();
      commit = ++lastSubmitted;
      Batch batch = pendingFor(commit);
      long before = batch.bytes;
      if (turn != null) {
        add(batch, turn);
      }
      added = batch.bytes - before;
      enqueue();
    }
    engine.budget().add(added);
    return commit;
  }

  @Override
  void submitAlarm(int ofLife, AlarmTime newAlarm) {
    synchronized (this) {
      if (ofLife == life) {
        Batch batch = pendingFor(++lastSubmitted);
        setAlarm(batch, newAlarm);
        enqueue();
        return;
      }
    }
    // The store still has the alarm, for it was never durably removed.
    engine.alarms().lost(key);
  }

  @Override
  void answerAlarm(@Nullable AlarmTime durable) {
    long at;
    synchronized (this) {
      if ((pending != null && pending.alarm != null) || (taken != null && taken.alarm != null)) {
        return; // It isn't durable yet; its commit will tell.
      }
      at = row;
    }
    alarmIs(durable == null ? AlarmTime.REMOVED : durable, at);
  }

  @Override
  boolean isOwnedByHost() {
    return engine.ownership().tenure(slot) != null;
  }

  @Override
  synchronized int currentLife() {
    return life;
  }

  @Override
  @GuardedBy("this")
  void rememberName() {
    if (knownName() != null && !nameStored && row > NO_ROW) {
      pendingFor(++lastSubmitted);
      enqueue();
    }
  }

  @GuardedBy("this")
  private Batch pendingFor(long commit) {
    Batch batch = pending;
    if (batch == null) {
      batch = new Batch(this, tenure, commit);
      pending = batch;
    }
    batch.last = commit;
    return batch;
  }

  @GuardedBy("this")
  private void enqueue() {
    if (!queued) {
      queued = true;
      engine.committer().enqueue(this);
    }
  }

  @GuardedBy("this")
  private void add(Batch batch, WriteSet turn) {
    TreeMap<String, Write> newest = uncommitted;
    if (newest == null) {
      newest = new TreeMap<>(Keys.ORDER);
      uncommitted = newest;
    }
    if (turn.cleared) {
      newest.clear();
      clearCache();
      batch.cleared = true;
      batch.writes.clear();
      batch.bytes = 0;
      clearedBy = batch.last;
    }
    for (Write write : turn.writes.values()) {
      uncache(write.key);
      Write old = newest.get(write.key);
      if (old != null && old.pending) {
        batch.bytes += (long) write.bytes() - old.bytes();
        old.value = write.value;
      } else {
        newest.put(write.key, write);
        batch.writes.add(write);
        batch.bytes += write.bytes();
      }
    }
    if (turn.alarm != null) {
      setAlarm(batch, turn.alarm);
    }
  }

  @GuardedBy("this")
  private void setAlarm(Batch batch, AlarmTime newAlarm) {
    batch.alarm = newAlarm;
    alarm = newAlarm.equals(AlarmTime.REMOVED) ? null : newAlarm;
    alarmKnown = true;
  }

  @GuardedBy("this")
  private void awaitRoom(TurnStorage instance, long turnBytes) {
    try {
      while (instance.refusal() == null && !hasRoom(turnBytes)) {
        wait();
      }
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  @GuardedBy("this")
  private boolean hasRoom(long turnBytes) {
    if (lastSubmitted <= settled) {
      return true;
    }
    long bytes =
        (pending == null ? 0 : pending.bytes) + (taken == null ? 0 : taken.bytes) + turnBytes;
    return bytes <= engine.options().maxUncommittedBytesPerObject()
        && lastSubmitted - settled < engine.options().maxUncommittedTurnsPerObject();
  }

  @Override
  void awaitDurable(TurnStorage instance) {
    synchronized (this) {
      long target = lastSubmitted;
      try {
        while (settled < target && instance.refusal() == null) {
          wait();
        }
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
    }
    instance.requireUsable();
  }

  private static StorageException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new StorageException("interrupted while waiting for a commit", e);
  }

  // ---- reads, by the instance

  @Override
  @Nullable ByteString read(TurnStorage instance, String entryKey) {
    long at;
    synchronized (this) {
      Write write = uncommitted == null ? null : uncommitted.get(entryKey);
      if (write == null && clearedBy == 0 && cache != null) {
        write = cache.get(entryKey);
      }
      if (write != null) {
        return write.value;
      }
      if (clearedBy != 0) {
        return null;
      }
      at = row;
    }
    ByteString value = null;
    try {
      at = lookUp(instance, at);
      if (at != NO_ROW) {
        value = engine.store().get(at, entryKey);
      }
    } catch (SQLException e) {
      throw readFailed(e);
    }
    synchronized (this) {
      if (isCurrent(instance)) {
        cache(new Write(entryKey, value));
      }
    }
    return value;
  }

  @Override
  Map<String, ByteString> list(TurnStorage instance, Range range, NavigableMap<String, Write> own) {
    NavigableMap<String, Write> newer = own;
    long at;
    synchronized (this) {
      if (uncommitted != null) {
        NavigableMap<String, Write> earlier = range.of(uncommitted);
        if (!earlier.isEmpty()) {
          // Reversed if the range is.
          newer = new TreeMap<>(earlier);
          newer.putAll(own);
        }
      }
      at = clearedBy != 0 ? NO_ROW : row;
    }
    Map<String, ByteString> stored = Collections.emptyMap();
    try {
      at = lookUp(instance, at);
      if (at != NO_ROW) {
        stored = engine.store().list(at, range, (long) range.limit() + newer.size());
      }
    } catch (SQLException e) {
      throw readFailed(e);
    }
    return Merge.merge(range, newer, stored);
  }

  @Override
  @Nullable AlarmTime readAlarm(TurnStorage instance) {
    long at;
    synchronized (this) {
      if (alarmKnown) {
        return alarm;
      }
      at = row;
    }
    AlarmTime stored = null;
    try {
      at = lookUp(instance, at);
      if (at != NO_ROW) {
        stored = engine.store().alarm(at);
      }
    } catch (SQLException e) {
      throw readFailed(e);
    }
    synchronized (this) {
      if (isCurrent(instance)) {
        alarm = stored;
        alarmKnown = true;
      }
    }
    return stored;
  }

  @Override
  @Nullable String readName(TurnStorage instance) {
    long at;
    synchronized (this) {
      at = row;
    }
    if (knownName() == null && at == UNKNOWN_ROW) {
      try {
        lookUp(instance, at);
      } catch (SQLException e) {
        throw readFailed(e);
      }
    }
    return knownName();
  }

  /** The row, from the store if it isn't known yet. */
  private long lookUp(TurnStorage instance, long known) throws SQLException {
    if (known != UNKNOWN_ROW) {
      return known;
    }
    ObjectRow found = engine.store().findRow(key);
    synchronized (this) {
      nameFound(found.name());
      // A commit may have made the row known meanwhile; what was looked for was there before.
      if (row == UNKNOWN_ROW && isCurrent(instance)) {
        row = found.row();
        nameStored = found.name() != null;
        rememberName();
      }
    }
    return found.row();
  }

  private StorageException readFailed(SQLException e) {
    return engine.store().failed("storage of object " + key + " could not be read", e);
  }

  // ---- called by the committer

  /** What is to be committed next, or null if there is nothing any more. */
  synchronized @Nullable Batch take() {
    queued = false;
    Batch batch = pending;
    pending = null;
    taken = batch;
    if (batch != null) {
      batch.newName = nameStored ? null : knownName();
      for (Write write : batch.writes) {
        write.pending = false;
      }
    }
    return batch;
  }

  /** The object's durable row, as far as it is known. */
  synchronized long row() {
    return row;
  }

  /**
   * The batch that was taken is durable.
   *
   * @param idle whether there is nothing else to commit
   */
  void settle(Batch batch, boolean idle) {
    synchronized (this) {
      if (taken != batch) {
        return;
      }
      taken = null;
      if (batch.hasWrites()) {
        row = batch.row;
      }
      nameFound(batch.storedName);
      nameStored =
          row > NO_ROW && (nameStored || batch.newName != null || batch.storedName != null);
      if (clearedBy <= batch.last) {
        clearedBy = 0;
      }
      TreeMap<String, Write> newest = uncommitted;
      if (newest != null) {
        for (Write write : batch.writes) {
          if (newest.get(write.key) == write) {
            newest.remove(write.key);
            if (clearedBy == 0) {
              cache(write);
            }
          }
        }
        if (newest.isEmpty()) {
          uncommitted = null;
        }
      }
      settled = batch.last;
      notifyAll();
    }
    engine.budget().remove(batch.bytes);
    if (batch.alarm != null) {
      alarmIs(batch.alarm, batch.row);
    }
    listener.durable(batch.last, idle);
  }

  /** Everything that was submitted and isn't durable is lost. */
  void fail(Throwable cause) {
    lose(/* inDoubt= */ null, cause);
  }

  /**
   * The store has not said in time what became of the batch that was taken, and everything that was
   * submitted on top of it is lost.
   */
  void doubt(Batch batch, Throwable cause) {
    lose(batch, cause);
  }

  /** What became of a batch that was in doubt is known, and can be read. */
  void doubtIsOver(Batch batch) {
    if (batch.alarm != null) {
      engine.alarms().lost(key);
    }
  }

  private void lose(@Nullable Batch inDoubt, Throwable cause) {
    long first;
    long last;
    long bytes = 0;
    boolean alarmLost = false;
    synchronized (this) {
      if (lastSubmitted <= settled) {
        return;
      }
      first = settled + 1;
      if (taken != null) {
        bytes += taken.bytes;
        alarmLost = taken.alarm != null;
      }
      if (pending != null) {
        bytes += pending.bytes;
        alarmLost |= pending.alarm != null;
      }
      taken = null;
      pending = null;
      uncommitted = null;
      clearedBy = 0;
      alarm = null;
      alarmKnown = false;
      if (inDoubt != null) {
        forgetDurable();
      }
      life++;
      lose(cause);
      last = lastSubmitted;
      settled = last;
      tellingLoss = true;
      notifyAll();
    }
    engine.budget().remove(bytes);
    if (alarmLost) {
      engine.alarms().lost(key);
    }
    try {
      if (inDoubt == null) {
        listener.failed(first, last, cause);
      } else {
        listener.inDoubt(first, inDoubt.last, last, cause);
      }
    } finally {
      synchronized (this) {
        tellingLoss = false;
        notifyAll();
      }
    }
  }

  // ---- the cache

  @GuardedBy("this")
  private void forgetDurable() {
    clearCache();
    row = UNKNOWN_ROW;
    nameStored = false;
    alarm = null;
    alarmKnown = false;
  }

  @GuardedBy("this")
  private void cache(Write write) {
    int bytes = write.bytes();
    int limit = engine.options().cacheBytesPerObject();
    if (bytes > limit || !engine.cacheBudget().tryAdd(bytes)) {
      return;
    }
    LinkedHashMap<String, Write> entries = cache;
    if (entries == null) {
      entries = new LinkedHashMap<>(4, 0.75f, true);
      cache = entries;
    }
    Write old = entries.put(write.key, write);
    cacheBytes += bytes;
    if (old != null) {
      uncached(old);
    }
    while (cacheBytes > limit) {
      uncached(entries.pollFirstEntry().getValue());
    }
  }

  @GuardedBy("this")
  private void uncache(String entryKey) {
    if (cache != null) {
      Write old = cache.remove(entryKey);
      if (old != null) {
        uncached(old);
        if (cache.isEmpty()) {
          cache = null;
        }
      }
    }
  }

  @GuardedBy("this")
  private void uncached(Write write) {
    cacheBytes -= write.bytes();
    engine.cacheBudget().remove(write.bytes());
  }

  @GuardedBy("this")
  private void clearCache() {
    engine.cacheBudget().remove(cacheBytes);
    cacheBytes = 0;
    cache = null;
  }
}
