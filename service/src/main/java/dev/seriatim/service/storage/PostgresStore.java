package dev.seriatim.service.storage;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL database that several hosts may share. Each slot belongs to one of them, and the
 * others can't commit to it.
 */
final class PostgresStore extends JdbcStore {
  /** Rows are given out from blocks of this size; what is left of one is lost at the end. */
  static final int ROW_BLOCK = 1_000;

  private final StorageOptions.Postgres location;
  private final String host = HostName.make();
  private final Ownership ownership;
  private final PostgresSessions sessions;
  private final PostgresReads reads;
  private final PostgresLooks looks;
  private final SilenceWatch watch = new SilenceWatch("committer");
  private final HostLease lease;

  /** Null if this host shares none. */
  private final @Nullable SharedSlots slots;

  /** Whether the tables are of this version. Written by the starting thread or the lease's. */
  private volatile boolean upgraded;

  // The committer's.
  private long nextRow;
  private long rowsLeft;
  private boolean connectedBefore;

  private PostgresStore(StorageOptions options, StorageOptions.Postgres location) {
    super(options);
    this.location = location;
    this.ownership = Ownership.leased(options.ticker(), options.lease(), options.sharedSlots());
    this.sessions = new PostgresSessions(options, location, host);
    // To a host of many, objects come a crowd at a time, and all of them read.
    int atOnce = options.sharedSlots() ? options.readConnections() : 1;
    this.reads =
        new PostgresReads(
            sessions.pool(options.readConnections(), atOnce), options.storePatience());
    this.looks = new PostgresLooks(sessions);
    this.lease = new HostLease(this, sessions, options, ownership, host);
    this.slots = options.sharedSlots() ? new SharedSlots(host, lease, ownership, sessions) : null;
  }

  /** Opens the store, and takes what no other host owns. */
  static PostgresStore open(StorageOptions options, StorageOptions.Postgres location) {
    PostgresStore store = new PostgresStore(options, location);
    boolean opened = false;
    try {
      store.sessions.requireOwnSessions();
      store.prepare();
      store.lease.start();
      opened = true;
      return store;
    } catch (SQLException e) {
      throw new StorageException(location + " can't be opened: " + e.getMessage(), e);
    } finally {
      if (!opened) {
        store.close();
      }
    }
  }

  @Override
  Ownership ownership() {
    return ownership;
  }

  @Override
  Slots slots() {
    return slots == null ? super.slots() : slots;
  }

  @Override
  JdbcWriter openWriter(long until) throws SQLException {
    Connection connection = sessions.openCommitter(until, watch);
    boolean opened = false;
    try {
      if (connectedBefore) {
        // What the one before was doing holds a lock that this one will need.
        sessions.endCommitters(connection);
      }
      connectedBefore = true;
      if (single(connection, "SHOW synchronous_commit").equals("off")) {
        // A commit must be on disk when it returns, whatever the server's default is.
        execute(connection, "SET synchronous_commit TO on");
      }
      connection.commit();
      opened = true;
      return new JdbcWriter(this, connection, watch);
    } finally {
      if (!opened) {
        watch.end();
        SilenceWatch.abort(connection);
      }
    }
  }

  @Override
  <T extends @Nullable Object> T read(Read<T> read) throws SQLException {
    return reads.read(read);
  }

  @Override
  ReadTransaction beginRead() throws SQLException {
    return looks.begin();
  }

  @Override
  boolean isAway(SQLException failure) {
    return meansAway(failure);
  }

  /** As {@link #isAway}. */
  static boolean meansAway(SQLException failure) {
    String state = failure.getSQLState();
    return state != null
        && (state.startsWith("08") // connection failures
            || state.startsWith("57P") // shut down, crashed, starting
            || state.equals("53300") // too many connections
            || state.equals("25P03") // idle in transaction for too long: this host was stopped
            || state.equals("25006") // read only: a standby, until it is promoted
            || state.equals("40001")
            || state.equals("40P01")); // deadlock
  }

  @Override
  boolean isDamaged(SQLException failure) {
    String state = failure.getSQLState();
    return state != null && (state.equals("XX001") || state.equals("XX002"));
  }

  @Override
  boolean isFull(SQLException failure) {
    return "53100".equals(failure.getSQLState());
  }

  @Override
  Fence begin(JdbcWriter writer, Map<Integer, Ownership.Tenure> tenures, long number)
      throws SQLException {
    PreparedStatement select =
        writer.prepare(
            "SELECT slot, epoch, host FROM slots WHERE slot = ANY (?) ORDER BY slot FOR SHARE");
    Array array = writer.connection().createArrayOf("integer", tenures.keySet().toArray());
    select.setArray(1, array);
    Map<Integer, Ownership.Tenure> lost = new HashMap<>(tenures);
    try (ResultSet results = select.executeQuery()) {
      while (results.next()) {
        Ownership.Tenure tenure = tenures.get(results.getInt(1));
        // The host as well: a standby that has not seen this host take the slot may give the same
        // epoch out once more.
        if (tenure != null
            && results.getLong(2) == tenure.epoch
            && host.equals(results.getString(3))) {
          lost.remove(tenure.slot);
        }
      }
    } finally {
      array.free();
    }
    if (!lost.isEmpty()) {
      lost.values().forEach(tenure -> ownership.lose(tenure, HostLease.TAKEN_OVER));
      ownership.changed();
      return Fence.LOST;
    }
    PreparedStatement mark =
        writer.prepare(
            "UPDATE commit_groups SET number = ?, at = now() WHERE host = ? AND number = ?");
    mark.setLong(1, number);
    mark.setString(2, host);
    mark.setLong(3, groups().last());
    return mark.executeUpdate() == 1 ? Fence.PASSED : Fence.WENT_BACK;
  }

  @Override
  boolean isInPlace() {
    return true; // The server sees to that.
  }

  @Override
  void betweenGroups(JdbcWriter writer) {}

  @Override
  void resetAll(JdbcWriter writer, String why, long number) throws SQLException {
    lease.wentBack(why);
    PreparedStatement mark =
        writer.prepare(
            "INSERT INTO commit_groups (host, number) VALUES (?, ?)"
                + " ON CONFLICT (host) DO UPDATE SET number = excluded.number, at = now()");
    mark.setString(1, host);
    mark.setLong(2, number);
    mark.executeUpdate();
    writer.commit();
  }

  @Override
  void findRows(JdbcWriter writer, List<Batch> batches) throws SQLException {
    Map<ObjectKey, Batch> byKey = new HashMap<>();
    for (Batch batch : batches) {
      byKey.put(batch.object.key, batch);
    }
    Array ids =
        writer
            .connection()
            .createArrayOf(
                "bytea",
                batches.stream().map(b -> b.object.key.id().toByteArray()).toArray(byte[][]::new));
    PreparedStatement select =
        writer.prepare("SELECT namespace, id, object, name FROM objects WHERE id = ANY (?)");
    select.setArray(1, ids);
    try (ResultSet results = select.executeQuery()) {
      while (results.next()) {
        Batch batch =
            byKey.get(
                new ObjectKey(results.getString(1), ByteString.copyFrom(results.getBytes(2))));
        if (batch != null) {
          batch.row = results.getLong(3);
          batch.storedName = name(results, 4);
        }
      }
    } finally {
      ids.free();
    }
  }

  @Override
  long newRow(JdbcWriter writer) throws SQLException {
    if (rowsLeft == 0) {
      try (ResultSet results = writer.prepare("SELECT nextval('object_rows')").executeQuery()) {
        results.next();
        nextRow = results.getLong(1);
        rowsLeft = ROW_BLOCK;
      }
    }
    rowsLeft--;
    return nextRow++;
  }

  @Override
  long lastGroup(JdbcWriter writer) throws SQLException {
    // The server may still be working for the connection that was lost. It is told to stop; and
    // the lock on the row waits until it has stopped, one way or the other.
    sessions.endCommitters(writer.connection());
    PreparedStatement select =
        writer.prepare("SELECT number FROM commit_groups WHERE host = ? FOR UPDATE");
    select.setString(1, host);
    long number;
    try (ResultSet results = select.executeQuery()) {
      number = results.next() ? results.getLong(1) : -1;
    }
    writer.rollback();
    return number;
  }

  @Override
  int entriesInStatement() {
    return 1; // The driver sends a batch of statements as one.
  }

  @Override
  void setKey(PreparedStatement statement, int index, String key) throws SQLException {
    // Not text: text can't hold every character, and sorts as the database likes.
    statement.setBytes(index, key.getBytes(UTF_8));
  }

  @Override
  String key(ResultSet results, int index) throws SQLException {
    return new String(results.getBytes(index), UTF_8);
  }

  @Override
  void setName(PreparedStatement statement, int index, @Nullable String name) throws SQLException {
    statement.setBytes(index, name == null ? null : name.getBytes(UTF_8));
  }

  @Override
  @Nullable String name(ResultSet results, int index) throws SQLException {
    byte[] bytes = results.getBytes(index);
    return bytes == null ? null : new String(bytes, UTF_8);
  }

  @Override
  String minute() {
    return "ceil((extract(epoch FROM now()) + ? / 1000.0) / 60)::bigint";
  }

  @Override
  void setMinute(PreparedStatement statement, int index, Duration fromNow) throws SQLException {
    statement.setLong(index, fromNow.toMillis());
  }

  /** Those that somebody has locked are left out, so that nobody waits for another one. */
  @Override
  int sweepSessions(int most) throws SQLException {
    if (!upgraded) {
      return 0;
    }
    String sql =
        "DELETE FROM sessions WHERE ctid = ANY (ARRAY (SELECT ctid FROM sessions WHERE expires < "
            + minute()
            + " ORDER BY expires LIMIT ? FOR UPDATE SKIP LOCKED))";
    return read(
        statements -> {
          PreparedStatement delete = statements.prepare(sql);
          setMinute(delete, 1, Duration.ZERO);
          delete.setInt(2, most);
          return delete.executeUpdate();
        });
  }

  @Override
  public void close() {
    lease.close();
    reads.close();
    looks.close();
    watch.close();
  }

  @Override
  public String toString() {
    return location.toString();
  }

  /** Makes the tables if need be, and a row for this host's groups. */
  private void prepare() throws SQLException {
    try (Connection connection = sessions.open(PostgresSessions.Purpose.TABLES)) {
      boolean upToDate = PostgresSchema.prepare(connection, toString());
      try (PreparedStatement insert =
          connection.prepareStatement("INSERT INTO commit_groups (host, number) VALUES (?, 0)")) {
        insert.setString(1, host);
        insert.executeUpdate();
      }
      // Those of hosts that can't ask any more.
      execute(
          connection,
          "DELETE FROM commit_groups WHERE at < now() - interval '7 days'"
              + " AND host NOT IN (SELECT host FROM hosts)");
      connection.commit();
      upgraded = upToDate;
    }
  }

  /**
   * Makes the tables those of this version. Only once the slots are this host's: a host of the
   * older version that is still there writes the older tables.
   */
  void upgrade() throws SQLException {
    if (!upgraded) {
      try (Connection connection = sessions.open(PostgresSessions.Purpose.UPGRADE)) {
        PostgresSchema.upgrade(connection, toString());
        connection.commit();
      }
      upgraded = true;
    }
  }

  static String single(Connection connection, String sql) throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(sql);
        ResultSet results = select.executeQuery()) {
      results.next();
      return results.getString(1);
    }
  }
}
