package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Writes groups of batches, each in one transaction. Owned by the committer's thread. */
final class JdbcWriter implements AutoCloseable {
  private final JdbcStore store;
  private final Connection connection;

  /** Null if the database can't be silent. */
  private final @Nullable SilenceWatch watch;

  private final Map<String, PreparedStatement> prepared = new HashMap<>();

  JdbcWriter(JdbcStore store, Connection connection, @Nullable SilenceWatch watch) {
    this.store = store;
    this.connection = connection;
    this.watch = watch;
  }

  /** What comes has to be done by then, on {@link System#nanoTime}, or fails. */
  void use(long until) {
    if (watch != null) {
      watch.begin(connection, until);
    }
  }

  /**
   * It is done, or has failed.
   *
   * @return whether it took too long
   */
  boolean used() {
    return watch != null && watch.end();
  }

  Connection connection() {
    return connection;
  }

  /** A statement that is kept as long as the connection. */
  PreparedStatement prepare(String sql) throws SQLException {
    PreparedStatement statement = prepared.get(sql);
    if (statement == null) {
      statement = connection.prepareStatement(sql);
      prepared.put(sql, statement);
    }
    return statement;
  }

  /** Begins a transaction in which this host stays the owner of what the group belongs to. */
  JdbcStore.Fence begin(List<Batch> group, long number) throws SQLException {
    Map<Integer, Ownership.Tenure> tenures = new TreeMap<>();
    for (Batch batch : group) {
      Ownership.Tenure tenure = batch.tenure;
      if (tenure != null) {
        tenures.put(tenure.slot, tenure);
      }
    }
    return store.begin(this, tenures, number);
  }

  void write(List<Batch> group) throws SQLException {
    findRows(group);
    writeObjects(group);
    writeEntries(group);
    writeAlarms(group);
    store.sessions().write(this, group);
  }

  void commit() throws SQLException {
    connection.commit();
  }

  void rollback() throws SQLException {
    connection.rollback();
  }

  /** The number of the last group that is committed, when that can't change any more. */
  long lastGroup() throws SQLException {
    return store.lastGroup(this);
  }

  /** Something has failed. The server may not listen, so that nothing must be said to it. */
  void abandon() {
    if (watch != null) {
      SilenceWatch.abort(connection);
    } else {
      close();
    }
  }

  @Override
  public void close() {
    // Without a commit, closing rolls back.
    JdbcStore.closeQuietly(connection);
  }

  private void findRows(List<Batch> group) throws SQLException {
    List<Batch> unknown = new ArrayList<>();
    for (Batch batch : group) {
      batch.rowIsNew = false;
      batch.storedName = null;
      batch.row = batch.object.row();
      if (batch.row == ObjectRow.UNKNOWN_ROW && batch.changesObject()) {
        batch.row = ObjectRow.NO_ROW;
        unknown.add(batch);
      }
    }
    if (!unknown.isEmpty()) {
      store.findRows(this, unknown);
    }
    for (Batch batch : group) {
      if (batch.row == ObjectRow.NO_ROW && batch.keepsSomething()) {
        batch.row = store.newRow(this);
        batch.rowIsNew = true;
      }
    }
  }

  private void writeObjects(List<Batch> group) throws SQLException {
    PreparedStatement insert = null;
    for (Batch batch : group) {
      if (batch.rowIsNew) {
        if (insert == null) {
          insert = prepare("INSERT INTO objects (object, namespace, id, name) VALUES (?, ?, ?, ?)");
        }
        insert.setLong(1, batch.row);
        insert.setString(2, batch.object.key.namespace());
        insert.setBytes(3, batch.object.key.id().toByteArray());
        store.setName(insert, 4, batch.newName);
        insert.addBatch();
      }
    }
    if (insert != null) {
      insert.executeBatch();
    }
    writeNames(group);
    removeCleared(group);
  }

  /** Names that were told after their objects had been stored without. */
  private void writeNames(List<Batch> group) throws SQLException {
    PreparedStatement update = null;
    for (Batch batch : group) {
      if (batch.newName != null && batch.storedName == null && hasRow(batch) && !batch.rowIsNew) {
        if (update == null) {
          update = prepare("UPDATE objects SET name = ? WHERE object = ? AND name IS NULL");
        }
        store.setName(update, 1, batch.newName);
        update.setLong(2, batch.row);
        update.addBatch();
      }
    }
    if (update != null) {
      update.executeBatch();
    }
  }

  /** Removes what was there before a {@code deleteAll}, and the object if nothing comes after. */
  private void removeCleared(List<Batch> group) throws SQLException {
    List<Batch> gone = new ArrayList<>();
    PreparedStatement clear = null;
    for (Batch batch : group) {
      if (batch.cleared && hasRow(batch) && !batch.rowIsNew) {
        if (clear == null) {
          clear = prepare("DELETE FROM entries WHERE object = ?");
        }
        clear.setLong(1, batch.row);
        clear.addBatch();
        if (!batch.keepsSomething()) {
          gone.add(batch);
        }
      }
    }
    if (clear == null) {
      return;
    }
    clear.executeBatch();
    if (gone.isEmpty()) {
      return;
    }
    PreparedStatement alarm = prepare("DELETE FROM alarms WHERE object = ?");
    PreparedStatement object = prepare("DELETE FROM objects WHERE object = ?");
    for (Batch batch : gone) {
      alarm.setLong(1, batch.row);
      alarm.addBatch();
      object.setLong(1, batch.row);
      object.addBatch();
      batch.row = ObjectRow.NO_ROW;
    }
    alarm.executeBatch();
    object.executeBatch();
  }

  private void writeEntries(List<Batch> group) throws SQLException {
    EntryUpserts upserts = new EntryUpserts(store);
    PreparedStatement delete = null;
    for (Batch batch : group) {
      if (!hasRow(batch)) {
        continue;
      }
      for (Write write : batch.writes) {
        ByteString value = write.value;
        if (value != null) {
          upserts.add(batch.row, write.key, value);
        } else if (!batch.cleared && !batch.rowIsNew) {
          if (delete == null) {
            delete = prepare("DELETE FROM entries WHERE object = ? AND key = ?");
          }
          delete.setLong(1, batch.row);
          store.setKey(delete, 2, write.key);
          delete.addBatch();
        }
      }
    }
    if (delete != null) {
      delete.executeBatch();
    }
    upserts.write(this);
  }

  private void writeAlarms(List<Batch> group) throws SQLException {
    PreparedStatement upsert = null;
    PreparedStatement delete = null;
    for (Batch batch : group) {
      AlarmTime alarm = batch.alarm;
      if (alarm == null || !hasRow(batch)) {
        continue;
      }
      if (!alarm.equals(AlarmTime.REMOVED)) {
        if (upsert == null) {
          upsert =
              prepare(
                  "INSERT INTO alarms (object, namespace, slot, due, retries)"
                      + " VALUES (?, ?, ?, ?, ?)"
                      + " ON CONFLICT (object) DO UPDATE"
                      + " SET due = excluded.due, retries = excluded.retries");
        }
        upsert.setLong(1, batch.row);
        upsert.setString(2, batch.object.key.namespace());
        upsert.setInt(3, batch.object.slot());
        upsert.setLong(4, alarm.dueMillis());
        upsert.setInt(5, alarm.retries());
        upsert.addBatch();
      } else if (!batch.rowIsNew) {
        if (delete == null) {
          delete = prepare("DELETE FROM alarms WHERE object = ?");
        }
        delete.setLong(1, batch.row);
        delete.addBatch();
      }
    }
    if (delete != null) {
      delete.executeBatch();
    }
    if (upsert != null) {
      upsert.executeBatch();
    }
  }

  private static boolean hasRow(Batch batch) {
    return batch.row > ObjectRow.NO_ROW;
  }
}
