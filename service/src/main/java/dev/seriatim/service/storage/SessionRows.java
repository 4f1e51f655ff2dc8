package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageOptions;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The table {@code sessions} of a database. Its rows belong to the object's id, and not to its row,
 * which {@code deleteAll} takes away.
 *
 * <p>Times are whole minutes, rounded up: so the index of them changes once a minute, and not with
 * each commit.
 */
final class SessionRows {
  /** How much is handed to the driver at once, beside one frame. */
  private static final long MOST_BYTES = 4L << 20;

  private static final String OF_OBJECT = "id = ? AND namespace = ?";

  private final JdbcStore store;
  private final Duration sessionRetention;
  private final Duration idempotencyRetention;

  SessionRows(JdbcStore store, StorageOptions options) {
    this.store = store;
    this.sessionRetention = options.sessionRetention();
    this.idempotencyRetention = options.idempotencyRetention();
  }

  /** How long a row is kept. */
  static Duration retention(SessionRow row, StorageOptions options) {
    return row.isKey() ? options.idempotencyRetention() : options.sessionRetention();
  }

  /** The row of this session, unless it has expired. */
  @Nullable SessionRow read(ObjectKey object, SessionId session) throws SQLException {
    String sql =
        "SELECT connection, completed, fingerprint, frame FROM sessions WHERE "
            + OF_OBJECT
            + " AND session = ? AND expires >= "
            + store.minute();
    return store.<@Nullable SessionRow>read(
        statements -> {
          PreparedStatement select = statements.prepare(sql);
          setObject(select, object);
          select.setBytes(3, session.bytes().toByteArray());
          store.setMinute(select, 4, Duration.ZERO);
          try (ResultSet results = select.executeQuery()) {
            return results.next() ? row(results) : null;
          }
        });
  }

  private static SessionRow row(ResultSet results) throws SQLException {
    byte[] fingerprint = results.getBytes(3);
    return new SessionRow(
        (int) results.getLong(1),
        results.getLong(2),
        fingerprint == null ? null : ByteString.copyFrom(fingerprint),
        JdbcStore.value(results, 4));
  }

  /** How many rows this object has that have not expired. */
  SessionCounts count(ObjectKey object) throws SQLException {
    String sql =
        "SELECT count(*), coalesce(sum(CASE WHEN connection = 0 THEN 1 ELSE 0 END), 0)"
            + " FROM sessions WHERE "
            + OF_OBJECT
            + " AND expires >= "
            + store.minute();
    return store.read(
        statements -> {
          PreparedStatement select = statements.prepare(sql);
          setObject(select, object);
          store.setMinute(select, 3, Duration.ZERO);
          try (ResultSet results = select.executeQuery()) {
            results.next();
            long keys = results.getLong(2);
            return new SessionCounts(results.getLong(1) - keys, keys);
          }
        });
  }

  /** Names keys of this object that have not expired, at most so many. */
  List<SessionId> keys(ObjectKey object, int most) throws SQLException {
    String sql =
        "SELECT session FROM sessions WHERE "
            + OF_OBJECT
            + " AND connection = 0 AND expires >= "
            + store.minute()
            + " LIMIT ?";
    return store.read(
        statements -> {
          PreparedStatement select = statements.prepare(sql);
          setObject(select, object);
          store.setMinute(select, 3, Duration.ZERO);
          select.setInt(4, most);
          List<SessionId> keys = new ArrayList<>();
          try (ResultSet results = select.executeQuery()) {
            while (results.next()) {
              keys.add(SessionId.of(ByteString.copyFrom(results.getBytes(1))));
            }
          }
          return keys;
        });
  }

  /** Writes what these batches say of sessions, in the writer's transaction. The committer's. */
  void write(JdbcWriter writer, List<Batch> group) throws SQLException {
    PreparedStatement upsert = null;
    PreparedStatement delete = null;
    long bytes = 0;
    for (Batch batch : group) {
      for (SessionWrite write : batch.sessions()) {
        SessionRow row = write.row();
        if (row == null) {
          if (delete == null) {
            delete = writer.prepare("DELETE FROM sessions WHERE " + OF_OBJECT + " AND session = ?");
          }
          setObject(delete, batch.object.key);
          delete.setBytes(3, write.session().bytes().toByteArray());
          delete.addBatch();
        } else {
          if (upsert == null) {
            upsert = writer.prepare(upsert());
          }
          set(upsert, batch.object.key, write.session(), row);
          upsert.addBatch();
          bytes += row.frame().size();
          if (bytes >= MOST_BYTES) {
            upsert.executeBatch();
            bytes = 0;
          }
        }
      }
    }
    if (delete != null) {
      delete.executeBatch();
    }
    if (upsert != null) {
      upsert.executeBatch();
    }
  }

  private String upsert() {
    return "INSERT INTO sessions"
        + " (id, namespace, session, connection, completed, fingerprint, frame, expires)"
        + " VALUES (?, ?, ?, ?, ?, ?, ?, "
        + store.minute()
        + ") ON CONFLICT (id, namespace, session) DO UPDATE SET connection = excluded.connection,"
        + " completed = excluded.completed, fingerprint = excluded.fingerprint,"
        + " frame = excluded.frame, expires = excluded.expires";
  }

  private void set(PreparedStatement upsert, ObjectKey object, SessionId session, SessionRow row)
      throws SQLException {
    setObject(upsert, object);
    upsert.setBytes(3, session.bytes().toByteArray());
    upsert.setLong(4, Integer.toUnsignedLong(row.connection()));
    upsert.setLong(5, row.completed());
    ByteString fingerprint = row.fingerprint();
    upsert.setBytes(6, fingerprint == null ? null : fingerprint.toByteArray());
    upsert.setBytes(7, row.frame().toByteArray());
    store.setMinute(upsert, 8, row.isKey() ? idempotencyRetention : sessionRetention);
  }

  private static void setObject(PreparedStatement statement, ObjectKey object) throws SQLException {
    statement.setBytes(1, object.id().toByteArray());
    statement.setString(2, object.namespace());
  }
}
