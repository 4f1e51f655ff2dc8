package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * A database that holds objects, and this host's ownership of them. Both dialects have the same
 * tables, described in {@code docs/storage.md}.
 *
 * <p>Reads may come from any number of threads; the one {@link JdbcWriter} is the committer's.
 */
abstract class JdbcStore implements AutoCloseable {
  /** The version of the tables that this code writes, and the newest that it reads. */
  static final int SCHEMA_VERSION = 5;

  /** Which rows of {@code alarms} are to run; those given up are in none of its indexes. */
  static final String TO_RUN = "retries <= " + AlarmTime.MAX_RETRIES;

  /** Of version 5: objects in the order in which they are listed. */
  static final String OBJECTS_BY_NAME =
      "CREATE INDEX IF NOT EXISTS objects_by_name ON objects (namespace, name, id)";

  /** How an alarm is, for people. */
  static final String ALARM_STATE =
      "retries, CASE WHEN retries > "
          + AlarmTime.MAX_RETRIES
          + " THEN 'given up' WHEN retries > 0 THEN 'tried again' ELSE 'set' END AS state";

  /** Refuses a store whose tables are of a version that this code doesn't know. */
  static void checkVersion(String store, long version) {
    if (version > SCHEMA_VERSION) {
      throw new StorageException(
          store
              + " has schema version "
              + version
              + ", expected at most "
              + SCHEMA_VERSION
              + ": it was written by a newer version of Seriatim");
    }
  }

  /** What a transaction found when it began. */
  enum Fence {
    /** The slots are this host's, and locked. */
    PASSED,
    /** Some slot isn't; {@link #ownership} knows. */
    LOST,
    /** The last group that this host has committed isn't there. */
    WENT_BACK
  }

  private final GroupNumbers groups = new GroupNumbers();
  private final SessionRows sessions;

  JdbcStore(StorageOptions options) {
    this.sessions = new SessionRows(this, options);
  }

  /** Why slots are lost when the store hasn't got what this host has committed. */
  static String wentBack(long found, long expected) {
    return "the store went back in time, and has this host's group "
        + found
        + ", expected "
        + expected;
  }

  /** Whom the slots belong to now. */
  abstract Ownership ownership();

  /**
   * The slots, for a host that shares them with others.
   *
   * @throws IllegalStateException if this one doesn't
   */
  Slots slots() {
    throw new IllegalStateException(StorageEngine.noSlots(this));
  }

  /**
   * Lets another host have the objects, as if this one had been taken for dead. For tests; only
   * what is in a file of its own knows how.
   */
  void loseAll() {
    throw new IllegalStateException(this + " has no way to lose its objects, expected a file");
  }

  /** The numbers of the groups. */
  final GroupNumbers groups() {
    return groups;
  }

  /** What is kept of sessions. */
  final SessionRows sessions() {
    return sessions;
  }

  /**
   * Whether it may keep who waits for it for as long as it likes. What is to be ended after some
   * time can't be ended then.
   */
  boolean mayHang() {
    return false;
  }

  /**
   * Connects for the committer, and for the writer's first use.
   *
   * @param until as {@link JdbcWriter#use}
   */
  abstract JdbcWriter openWriter(long until) throws SQLException;

  /** Runs a read on some connection, and gives the connection back. */
  abstract <T extends @Nullable Object> T read(Read<T> read) throws SQLException;

  /**
   * Begins a transaction for whoever looks at what is stored: on a connection that neither turns
   * nor commits need.
   */
  abstract ReadTransaction beginRead() throws SQLException;

  /** As {@link StorageEngine#copy}. */
  StoreCopy copy() {
    throw new IllegalStateException(
        this + " is not copied by its hosts, expected a SQLite file: use the database's own tools");
  }

  /** Whether this failure means that the store can't be reached now, but may be again later. */
  abstract boolean isAway(SQLException failure);

  /** Whether this failure means that what is stored is damaged, so that no try will go better. */
  abstract boolean isDamaged(SQLException failure);

  /** Whether this failure means that there is no room. */
  abstract boolean isFull(SQLException failure);

  /** The exception for a failure of this store. */
  final StorageException failed(String what, SQLException failure) {
    return new StorageException(
        what + ": " + failure.getMessage(), failure, /* retryable= */ !isDamaged(failure));
  }

  /**
   * Begins a transaction: locks these slots until its end, sees whether they are this host's under
   * these tenures, and records the number of the group in the place of the {@link GroupNumbers#last
   * last one}.
   */
  abstract Fence begin(JdbcWriter writer, Map<Integer, Ownership.Tenure> tenures, long number)
      throws SQLException;

  /**
   * Whether what was just committed is where a later host will find it. If it isn't, {@link
   * #ownership} knows.
   */
  abstract boolean isInPlace();

  /** What there is to do between two groups, when everyone has been told of the first. */
  abstract void betweenGroups(JdbcWriter writer);

  /**
   * The store went back in time: nothing in memory may be true any more, and this host owns nothing
   * until it has taken the slots anew. Records this number of a group, whatever is there now, in a
   * transaction of its own.
   */
  abstract void resetAll(JdbcWriter writer, String why, long number) throws SQLException;

  /** Finds the rows of those objects that have one, with the names that are stored there. */
  abstract void findRows(JdbcWriter writer, List<Batch> batches) throws SQLException;

  /** A row that no object has had. */
  abstract long newRow(JdbcWriter writer) throws SQLException;

  /**
   * The number of the last group that was committed, when that can't change any more; -1 if it is
   * not recorded.
   */
  abstract long lastGroup(JdbcWriter writer) throws SQLException;

  /** How many entries are best written by one statement. */
  abstract int entriesInStatement();

  abstract void setKey(PreparedStatement statement, int index, String key) throws SQLException;

  abstract String key(ResultSet results, int index) throws SQLException;

  abstract void setName(PreparedStatement statement, int index, @Nullable String name)
      throws SQLException;

  abstract @Nullable String name(ResultSet results, int index) throws SQLException;

  /**
   * For SQL, with one parameter: in which minute since 1970 it is some time from now, rounded up.
   */
  abstract String minute();

  /** Sets that parameter. */
  abstract void setMinute(PreparedStatement statement, int index, Duration fromNow)
      throws SQLException;

  /** Removes expired rows of sessions, now or soon: as {@link SessionSweeper.Rows#sweep}. */
  abstract int sweepSessions(int most) throws SQLException;

  /** Gives up the ownership and closes every connection. */
  @Override
  public abstract void close();

  /** What is read, given a way to prepare statements. */
  interface Read<T extends @Nullable Object> {
    T on(Statements statements) throws SQLException;
  }

  /** Prepares statements on one connection; the statements may be kept for the next time. */
  interface Statements {
    PreparedStatement prepare(String sql) throws SQLException;
  }

  /** The row of this object. */
  ObjectRow findRow(ObjectKey object) throws SQLException {
    return read(
        statements -> {
          PreparedStatement select =
              statements.prepare("SELECT object, name FROM objects WHERE id = ? AND namespace = ?");
          select.setBytes(1, object.id().toByteArray());
          select.setString(2, object.namespace());
          try (ResultSet results = select.executeQuery()) {
            return results.next()
                ? new ObjectRow(results.getLong(1), name(results, 2))
                : ObjectRow.NONE;
          }
        });
  }

  /** The row of this object, and the value of this key, by one question. */
  FirstValue findValue(ObjectKey object, String key) throws SQLException {
    return read(statements -> FirstValue.read(this, statements, object, key));
  }

  /** The row of this session, unless it has expired. */
  @Nullable SessionRow readSession(ObjectKey object, SessionId session) throws SQLException {
    return sessions.read(object, session);
  }

  @Nullable ByteString get(long row, String key) throws SQLException {
    return this.<@Nullable ByteString>read(
        statements -> {
          PreparedStatement select =
              statements.prepare("SELECT value FROM entries WHERE object = ? AND key = ?");
          select.setLong(1, row);
          setKey(select, 2, key);
          try (ResultSet results = select.executeQuery()) {
            return results.next() ? value(results, 1) : null;
          }
        });
  }

  /** The values of those of these keys that have one. */
  Map<String, ByteString> get(long row, List<String> keys) throws SQLException {
    return keys.isEmpty()
        ? Collections.emptyMap()
        : read(statements -> new EntriesOfKeys(this, statements, row).read(keys));
  }

  /** The first {@code limit} entries of the range, in its order. */
  Map<String, ByteString> list(long row, Range range, long limit) throws SQLException {
    return read(
        statements -> {
          PreparedStatement select = selectEntries(statements, "key, value", row, range, limit);
          Map<String, ByteString> entries = new LinkedHashMap<>();
          try (ResultSet results = select.executeQuery()) {
            while (results.next()) {
              entries.put(key(results, 1), value(results, 2));
            }
          }
          return entries;
        });
  }

  /** These columns of the first {@code limit} entries of the range, in its order. */
  final PreparedStatement selectEntries(
      Statements statements, String columns, long row, Range range, long limit)
      throws SQLException {
    String to = range.to();
    PreparedStatement select =
        statements.prepare(
            "SELECT "
                + columns
                + " FROM entries WHERE object = ? AND key "
                + (range.fromExclusive() ? ">" : ">=")
                + " ?"
                + (to == null ? "" : " AND key < ?")
                + " ORDER BY key"
                + (range.reverse() ? " DESC" : "")
                + " LIMIT ?");
    int index = 1;
    select.setLong(index++, row);
    setKey(select, index++, range.from());
    if (to != null) {
      setKey(select, index++, to);
    }
    select.setLong(index, limit);
    return select;
  }

  @Nullable AlarmTime alarm(long row) throws SQLException {
    return this.<@Nullable AlarmTime>read(
        statements -> {
          PreparedStatement select =
              statements.prepare("SELECT due, retries FROM alarms WHERE object = ?");
          select.setLong(1, row);
          try (ResultSet results = select.executeQuery()) {
            return results.next() ? new AlarmTime(results.getLong(1), results.getInt(2)) : null;
          }
        });
  }

  /** As {@link AlarmScheduler.Source#nearestAlarms}. */
  final AlarmPage nearestAlarms(String namespace, AlarmPlace after, int limit) throws SQLException {
    String own = ownSlots();
    if (own == null) {
      return AlarmPage.NONE;
    }
    String sql =
        "SELECT object, id, name, due FROM alarms JOIN objects USING (object)"
            + " WHERE alarms.namespace = ? AND (due, object) > (?, ?) AND "
            + TO_RUN
            + own
            + " ORDER BY due, object LIMIT ?";
    return read(
        statements -> {
          PreparedStatement select = statements.prepare(sql);
          select.setString(1, namespace);
          select.setLong(2, after.dueMillis());
          select.setLong(3, after.row());
          select.setInt(4, limit);
          List<DueAlarm> alarms = new ArrayList<>();
          int read = 0;
          AlarmPlace through = after;
          try (ResultSet results = select.executeQuery()) {
            while (results.next()) {
              read++;
              ObjectKey object = new ObjectKey(namespace, value(results, 2));
              through = new AlarmPlace(results.getLong(4), results.getLong(1));
              alarms.add(
                  new DueAlarm(object, name(results, 3), through.dueMillis(), through.row()));
            }
          }
          return new AlarmPage(alarms, read < limit ? AlarmPlace.END : through);
        });
  }

  /** As {@link AlarmScheduler.Source#alarmsOfOthers}. */
  final Map<String, Long> alarmsOfOthers(Set<String> namespaces) throws SQLException {
    String own = ownSlots();
    if (own == null) {
      return Map.of();
    }
    String sql =
        "SELECT namespace, count(*) FROM alarms WHERE "
            + TO_RUN
            + own
            + (namespaces.isEmpty()
                ? ""
                : " AND namespace NOT IN ("
                    + String.join(", ", Collections.nCopies(namespaces.size(), "?"))
                    + ")")
            + " GROUP BY namespace";
    return read(
        statements -> {
          PreparedStatement select = statements.prepare(sql);
          int index = 1;
          for (String namespace : namespaces) {
            select.setString(index++, namespace);
          }
          Map<String, Long> counts = new TreeMap<>();
          try (ResultSet results = select.executeQuery()) {
            while (results.next()) {
              counts.put(results.getString(1), results.getLong(2));
            }
          }
          return counts;
        });
  }

  /**
   * The condition for the alarms of the slots that this host owns; null if it owns none. None that
   * are lost while they are read, or after that, do any harm: whoever knows of it reads anew.
   */
  private @Nullable String ownSlots() {
    List<String> own = new ArrayList<>();
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      if (ownership().tenure(slot) != null) {
        own.add(Integer.toString(slot));
      }
    }
    if (own.isEmpty()) {
      return null;
    }
    return own.size() == ObjectKey.SLOTS ? "" : " AND slot IN (" + String.join(", ", own) + ")";
  }

  static ByteString value(ResultSet results, int index) throws SQLException {
    byte[] bytes = results.getBytes(index);
    return bytes == null ? ByteString.EMPTY : UnsafeByteOperations.unsafeWrap(bytes);
  }

  static void execute(Connection connection, String... statements) throws SQLException {
    try (var statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      LoggerFactory.getLogger(JdbcStore.class).debug("a connection didn't close well", e);
    }
  }
}
