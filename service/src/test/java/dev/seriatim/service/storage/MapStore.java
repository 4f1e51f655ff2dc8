package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectId;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A store in the heap, and no committer: the test is the committer, and does each of its steps when
 * it likes. So what lies between a turn and the database can be tested for itself, also by a model
 * checker, which would not get far inside a database.
 */
final class MapStore extends JdbcStore {
  /** Whoever listens to commits has nothing to do. */
  static final CommitListener DEAF =
      new CommitListener() {
        @Override
        public void durable(long commit, boolean idle) {}

        @Override
        public void failed(long first, long last, Throwable cause) {}

        @Override
        public void inDoubt(long first, long lastInDoubt, long last, Throwable cause) {}
      };

  private final Ownership ownership = Ownership.exclusive();

  /** What happens in the middle of the next read of a value, a list or an alarm. */
  @Nullable Runnable inNextRead;

  /** How often values, lists and alarms were read. */
  final AtomicInteger reads = new AtomicInteger();

  // Guarded by this.
  private final Map<ObjectKey, Long> rows = new HashMap<>();
  private final Map<Long, TreeMap<String, ByteString>> entries = new HashMap<>();
  private final Map<Long, AlarmTime> alarms = new HashMap<>();
  private final Map<SessionId, SessionRow> sessions = new HashMap<>();
  private long lastRow;

  MapStore() {
    super(StorageOptions.memory());
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      ownership.own(slot, 1);
    }
  }

  /** The storage of an object in this store. */
  StoredLog log(
      StorageOptions options, String namespace, DurableObjectId id, CommitListener listener) {
    CommittingEngine engine = new CommittingEngine(options, this, Faults.NONE);
    return (StoredLog) engine.log(namespace, id, listener);
  }

  /** The database commits this batch; the object is told nothing. */
  synchronized void commit(Batch batch) {
    for (SessionWrite write : batch.sessions()) {
      SessionRow row = write.row();
      if (row == null) {
        sessions.remove(write.session());
      } else {
        sessions.put(write.session(), row);
      }
    }
    ObjectKey key = batch.object.key;
    batch.row = rows.getOrDefault(key, ObjectRow.NO_ROW);
    boolean gone = batch.cleared && !batch.keepsSomething();
    if (gone) {
      rows.remove(key);
      entries.remove(batch.row);
      alarms.remove(batch.row);
      batch.row = ObjectRow.NO_ROW;
    } else if (batch.row == ObjectRow.NO_ROW && batch.keepsSomething()) {
      batch.row = ++lastRow;
      rows.put(key, batch.row);
    }
    if (batch.row == ObjectRow.NO_ROW) {
      return;
    }
    TreeMap<String, ByteString> of =
        entries.computeIfAbsent(batch.row, row -> new TreeMap<>(Keys.ORDER));
    if (batch.cleared) {
      of.clear();
    }
    for (Write write : batch.writes) {
      if (write.value == null) {
        of.remove(write.key);
      } else {
        of.put(write.key, write.value);
      }
    }
    if (AlarmTime.REMOVED.equals(batch.alarm)) {
      alarms.remove(batch.row);
    } else if (batch.alarm != null) {
      alarms.put(batch.row, batch.alarm);
    }
  }

  @Override
  synchronized ObjectRow findRow(ObjectKey object) {
    return new ObjectRow(rows.getOrDefault(object, ObjectRow.NO_ROW), null);
  }

  @Override
  FirstValue findValue(ObjectKey object, String key) {
    ObjectRow row = findRow(object);
    return new FirstValue(row, row.row() == ObjectRow.NO_ROW ? null : get(row.row(), key));
  }

  @Override
  @Nullable ByteString get(long row, String key) {
    happen();
    synchronized (this) {
      TreeMap<String, ByteString> of = entries.get(row);
      return of == null ? null : of.get(key);
    }
  }

  @Override
  Map<String, ByteString> get(long row, List<String> keys) {
    happen();
    synchronized (this) {
      Map<String, ByteString> values =
          new HashMap<>(entries.getOrDefault(row, new TreeMap<>(Keys.ORDER)));
      values.keySet().retainAll(keys);
      return values;
    }
  }

  @Override
  Map<String, ByteString> list(long row, Range range, long limit) {
    happen();
    synchronized (this) {
      // More than the limit does no harm.
      TreeMap<String, ByteString> of = entries.get(row);
      return of == null ? Collections.emptyMap() : new LinkedHashMap<>(range.of(of));
    }
  }

  @Override
  @Nullable AlarmTime alarm(long row) {
    happen();
    synchronized (this) {
      return alarms.get(row);
    }
  }

  /** Of whichever object. */
  @Override
  @Nullable SessionRow readSession(ObjectKey object, SessionId session) {
    happen();
    synchronized (this) {
      return sessions.get(session);
    }
  }

  /** How many sessions there are, of whichever object: nothing else is read in this way. */
  @Override
  @SuppressWarnings("unchecked")
  synchronized <T extends @Nullable Object> T read(Read<T> read) {
    return (T) new SessionCounts(sessions.size(), /* keys= */ 0);
  }

  private void happen() {
    reads.incrementAndGet();
    Runnable happening = inNextRead;
    inNextRead = null;
    if (happening != null) {
      happening.run();
    }
  }

  @Override
  Ownership ownership() {
    return ownership;
  }

  @Override
  public void close() {}

  // ---- what only a committer and alarms need

  @Override
  JdbcWriter openWriter(long until) {
    throw new UnsupportedOperationException();
  }

  @Override
  ReadTransaction beginRead() {
    throw new UnsupportedOperationException();
  }

  @Override
  boolean isAway(java.sql.SQLException failure) {
    throw new UnsupportedOperationException();
  }

  @Override
  boolean isDamaged(java.sql.SQLException failure) {
    throw new UnsupportedOperationException();
  }

  @Override
  boolean isFull(java.sql.SQLException failure) {
    throw new UnsupportedOperationException();
  }

  @Override
  Fence begin(JdbcWriter writer, Map<Integer, Ownership.Tenure> tenures, long number) {
    throw new UnsupportedOperationException();
  }

  @Override
  boolean isInPlace() {
    throw new UnsupportedOperationException();
  }

  @Override
  void betweenGroups(JdbcWriter writer) {
    throw new UnsupportedOperationException();
  }

  @Override
  void resetAll(JdbcWriter writer, String why, long number) {
    throw new UnsupportedOperationException();
  }

  @Override
  void findRows(JdbcWriter writer, List<Batch> batches) {
    throw new UnsupportedOperationException();
  }

  @Override
  long newRow(JdbcWriter writer) {
    throw new UnsupportedOperationException();
  }

  @Override
  long lastGroup(JdbcWriter writer) {
    throw new UnsupportedOperationException();
  }

  @Override
  int entriesInStatement() {
    throw new UnsupportedOperationException();
  }

  @Override
  void setKey(PreparedStatement statement, int index, String key) {
    throw new UnsupportedOperationException();
  }

  @Override
  String key(ResultSet results, int index) {
    throw new UnsupportedOperationException();
  }

  @Override
  void setName(PreparedStatement statement, int index, @Nullable String name) {
    throw new UnsupportedOperationException();
  }

  @Override
  @Nullable String name(ResultSet results, int index) {
    throw new UnsupportedOperationException();
  }

  @Override
  String minute() {
    return "0"; // Nothing expires.
  }

  @Override
  void setMinute(PreparedStatement statement, int index, Duration fromNow) {
    throw new UnsupportedOperationException();
  }

  @Override
  int sweepSessions(int most) {
    throw new UnsupportedOperationException();
  }
}
