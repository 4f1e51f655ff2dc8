package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/**
 * What the database has of one object, as far as it is known here: its row, its alarm, and values
 * that were read or written lately. What isn't known is read, and then known.
 *
 * <p>Guarded by the monitor of the object's log, which the methods that read from the database take
 * for themselves: it isn't held while the database works. The others are called by who holds it.
 */
final class StoredState implements ObjectReads {
  private final StoredLog log;

  /** The object's durable row. */
  private long row = ObjectRow.UNKNOWN_ROW;

  /** Whether the row has the object's name. */
  private boolean nameStored;

  private boolean alarmKnown;

  /** The alarm as of the last commit, if that is known. */
  private @Nullable AlarmTime alarm;

  /** Null as long as nothing was cached. */
  private @Nullable ValueCache cache;

  StoredState(StoredLog log) {
    this.log = log;
  }

  // ---- what is known, for those who hold the monitor

  /** The row, as far as it is known. */
  long row() {
    return row;
  }

  /** Whether the row has the object's name, as far as that is known. */
  boolean hasName() {
    return nameStored;
  }

  /** Whether there is a row that is known not to have it. */
  boolean lacksName() {
    return !nameStored && row > ObjectRow.NO_ROW;
  }

  /** The alarm is this one as of the last commit. */
  void setAlarm(AlarmTime newAlarm) {
    alarm = newAlarm.equals(AlarmTime.REMOVED) ? null : newAlarm;
    alarmKnown = true;
  }

  void forgetAlarm() {
    alarm = null;
    alarmKnown = false;
  }

  /** Nothing that is known may be so any more. */
  void forget() {
    clearCache();
    row = ObjectRow.UNKNOWN_ROW;
    nameStored = false;
    forgetAlarm();
  }

  /** This batch is durable; its writes have still to be {@link #cache cached}. */
  void committed(Batch batch) {
    if (batch.changesObject()) {
      row = batch.row;
    }
    nameStored =
        row > ObjectRow.NO_ROW && (nameStored || batch.newName != null || batch.storedName != null);
  }

  // ---- the cache

  @Nullable Write cached(String key) {
    return cache == null ? null : cache.get(key);
  }

  /** Who has called this calls {@link #makeRoom} when it holds no monitor any more. */
  void cache(Write value) {
    int limit = log.engine().options().cacheBytesPerObject();
    CacheRoom room = log.engine().cacheRoom();
    int bytes = value.bytes();
    if (bytes > limit || !room.fits(bytes)) {
      return;
    }
    ValueCache values = cache;
    if (values == null) {
      values = new ValueCache(this);
      cache = values;
      room.enter(values);
    }
    values.put(value, limit, room);
  }

  /** Lets other objects give way to what was cached. Called by who holds no monitor. */
  void makeRoom() {
    log.engine().cacheRoom().make(cache);
  }

  /** This value isn't so any more. */
  void uncache(String key) {
    if (cache != null) {
      cache.remove(key, log.engine().cacheRoom());
    }
  }

  void clearCache() {
    if (cache != null) {
      cache.drop(log.engine().cacheRoom());
      cache = null;
    }
  }

  /** Others need the room of this cache, which is let off if it was used. Any thread. */
  void giveWay(ValueCache asked) {
    synchronized (log) {
      if (cache == asked && !asked.wasUsed()) {
        clearCache();
      }
    }
  }

  // ---- reads, for an instance, whose caller doesn't hold the monitor: the database may be asked

  /** Reads a value, as it is when all that was submitted is durable. */
  @Override
  public @Nullable ByteString read(TurnBracket instance, String key) {
    long knownRow;
    synchronized (log) {
      Write known = known(log.pending(), key);
      if (known != null) {
        return known.value;
      }
      knownRow = row;
    }
    ByteString value =
        knownRow == ObjectRow.UNKNOWN_ROW
            ? readFirst(instance, key)
            : this.<@Nullable ByteString>ask(
                instance, knownRow, null, (store, at) -> store.get(at, key));
    synchronized (log) {
      if (log.isCurrent(instance)) {
        cache(new Write(key, value));
      }
    }
    makeRoom();
    return value;
  }

  /** Reads a value together with the object's row, which isn't known yet. */
  private @Nullable ByteString readFirst(TurnBracket instance, String key) {
    try {
      FirstValue found = log.engine().store().findValue(log.key, key);
      rowFound(instance, found.row());
      return found.value();
    } catch (SQLException e) {
      throw log.engine().notRead(log.key, e);
    }
  }

  /** Reads the values of those of these keys that have one, likewise. Asks for all of them once. */
  @Override
  public Map<String, ByteString> read(TurnBracket instance, Collection<String> keys) {
    Map<String, ByteString> values = new HashMap<>();
    List<String> unknown = new ArrayList<>();
    long knownRow;
    synchronized (log) {
      PendingWrites pending = log.pending();
      for (String key : keys) {
        Write known = known(pending, key);
        if (known == null) {
          unknown.add(key);
        } else if (known.value != null) {
          values.put(key, known.value);
        }
      }
      knownRow = row;
    }
    if (unknown.isEmpty()) {
      return values;
    }
    Map<String, ByteString> stored =
        ask(instance, knownRow, Collections.emptyMap(), (store, at) -> store.get(at, unknown));
    synchronized (log) {
      if (log.isCurrent(instance)) {
        for (String key : unknown) {
          cache(new Write(key, stored.get(key)));
        }
      }
    }
    makeRoom();
    values.putAll(stored);
    return values;
  }

  /** What this key has when all that was submitted is durable; null if that isn't known here. */
  private @Nullable Write known(@Nullable PendingWrites pending, String key) {
    Write write = pending == null ? null : pending.get(key);
    if (write == null && pending != null && pending.clearsAll()) {
      return new Write(key, null);
    }
    return write == null ? cached(key) : write;
  }

  /** Reads the first entries of a range, these writes of a turn laid over what was submitted. */
  @Override
  public Map<String, ByteString> list(
      TurnBracket instance, Range range, NavigableMap<String, Write> own) {
    NavigableMap<String, Write> newer;
    long known;
    synchronized (log) {
      PendingWrites pending = log.pending();
      newer = pending == null ? own : pending.under(own, range);
      known = pending != null && pending.clearsAll() ? ObjectRow.NO_ROW : row;
    }
    long limit = (long) range.limit() + newer.size();
    return Merge.merge(
        range,
        newer,
        ask(instance, known, Collections.emptyMap(), (store, at) -> store.list(at, range, limit)));
  }

  /** Reads the alarm, as of the last commit. */
  @Override
  public @Nullable AlarmTime readAlarm(TurnBracket instance) {
    long known;
    synchronized (log) {
      if (alarmKnown) {
        return alarm;
      }
      known = row;
    }
    AlarmTime stored =
        this.<@Nullable AlarmTime>ask(instance, known, null, (store, at) -> store.alarm(at));
    synchronized (log) {
      if (log.isCurrent(instance)) {
        alarm = stored;
        alarmKnown = true;
      }
    }
    return stored;
  }

  /** Sees to it that the object's name is known, if the database has it. */
  void readName(TurnBracket instance) {
    long known;
    synchronized (log) {
      known = row;
    }
    try {
      long _ = lookUp(instance, known);
    } catch (SQLException e) {
      throw log.engine().notRead(log.key, e);
    }
  }

  /** A question to the store about the object in this row. */
  private interface Question<T extends @Nullable Object> {
    T of(JdbcStore store, long row) throws SQLException;
  }

  /**
   * Asks the store.
   *
   * @param nothing the answer for an object that has no row
   */
  private <T extends @Nullable Object> T ask(
      TurnBracket instance, long known, T nothing, Question<T> question) {
    try {
      long at = lookUp(instance, known);
      return at == ObjectRow.NO_ROW ? nothing : question.of(log.engine().store(), at);
    } catch (SQLException e) {
      throw log.engine().notRead(log.key, e);
    }
  }

  /** The row, from the database if it isn't known yet. */
  private long lookUp(TurnBracket instance, long known) throws SQLException {
    if (known != ObjectRow.UNKNOWN_ROW) {
      return known;
    }
    ObjectRow found = log.engine().store().findRow(log.key);
    rowFound(instance, found);
    return found.row();
  }

  private void rowFound(TurnBracket instance, ObjectRow found) {
    synchronized (log) {
      log.nameFound(found.name());
      // A commit may have made the row known meanwhile; what was looked for was there before.
      if (row == ObjectRow.UNKNOWN_ROW && log.isCurrent(instance)) {
        row = found.row();
        nameStored = found.name() != null;
        log.rememberName();
      }
    }
  }
}
