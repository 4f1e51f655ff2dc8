package dev.seriatim.service.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** The tables of a SQLite file: made, or brought from an older version to this one. */
final class SqliteSchema {
  private static final String ALARMS =
      "(object INTEGER PRIMARY KEY, namespace TEXT NOT NULL, slot INTEGER NOT NULL,"
          + " due INTEGER NOT NULL, retries INTEGER NOT NULL) STRICT";

  private static final String ALARMS_BY_DUE =
      "CREATE INDEX alarms_by_due ON alarms (namespace, due, object) WHERE " + JdbcStore.TO_RUN;

  /** The first ten bits of an id, which is a blob, and can be read as hexadecimal digits alone. */
  private static final String SLOT_OF_ID =
      digit(1) + " * 64 + " + digit(2) + " * 4 + " + digit(3) + " / 4";

  private SqliteSchema() {}

  private static String digit(int place) {
    return "(instr('0123456789ABCDEF', substr(hex(id), " + place + ", 1)) - 1)";
  }

  /** In a transaction that the caller commits. */
  static void prepare(Connection connection, String store) throws SQLException {
    if (single(connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'")
        == 0) {
      createTables(connection);
      createViews(connection);
      createSessions(connection);
      JdbcStore.execute(connection, JdbcStore.OBJECTS_BY_NAME);
      return;
    }
    long version = single(connection, "SELECT max(version) FROM schema_version");
    JdbcStore.checkVersion(store, version);
    if (version < 3) {
      JdbcStore.execute(
          connection,
          "DROP VIEW readable_objects",
          "DROP VIEW readable_entries",
          "DROP VIEW IF EXISTS readable_alarms");
      upgradeAlarms(connection);
      createViews(connection);
    }
    if (version < 4) {
      createSessions(connection);
    }
    if (version < JdbcStore.SCHEMA_VERSION) {
      JdbcStore.execute(
          connection,
          JdbcStore.OBJECTS_BY_NAME,
          "UPDATE schema_version SET version = " + JdbcStore.SCHEMA_VERSION);
    }
  }

  private static void createTables(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT",
        "INSERT INTO schema_version (version) VALUES (" + JdbcStore.SCHEMA_VERSION + ")",
        "CREATE TABLE objects (object INTEGER PRIMARY KEY, namespace TEXT NOT NULL,"
            + " id BLOB NOT NULL, name TEXT, UNIQUE (id, namespace)) STRICT",
        "CREATE TABLE entries (object INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
            + " PRIMARY KEY (object, key)) STRICT, WITHOUT ROWID",
        "CREATE TABLE alarms " + ALARMS,
        ALARMS_BY_DUE,
        "CREATE TABLE slots (slot INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, host TEXT) STRICT",
        "CREATE TABLE commit_groups (host TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT",
        "WITH RECURSIVE numbers (slot) AS (SELECT 0 UNION ALL SELECT slot + 1 FROM numbers WHERE"
            + " slot + 1 < "
            + ObjectKey.SLOTS
            + ") INSERT INTO slots (slot, epoch) SELECT slot, 0 FROM numbers");
  }

  private static void createViews(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        "CREATE VIEW readable_objects AS SELECT namespace, name, lower(hex(id)) AS id, object,"
            + " (SELECT count(*) FROM entries WHERE entries.object = objects.object) AS entries,"
            + " (SELECT datetime(due / 1000.0, 'unixepoch') FROM alarms"
            + " WHERE alarms.object = objects.object AND "
            + JdbcStore.TO_RUN
            + ") AS alarm FROM objects",
        "CREATE VIEW readable_entries AS SELECT namespace, name, lower(hex(id)) AS id, key, value"
            + " FROM objects JOIN entries USING (object)",
        "CREATE VIEW readable_alarms AS SELECT alarms.namespace, name, lower(hex(id)) AS id,"
            + " datetime(due / 1000.0, 'unixepoch') AS due, "
            + JdbcStore.ALARM_STATE
            + " FROM alarms JOIN objects USING (object)");
  }

  /**
   * Alarms learn their namespace (version 2) and their slot (version 3), and those given up stay.
   */
  private static void upgradeAlarms(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        "CREATE TABLE new_alarms " + ALARMS,
        "INSERT INTO new_alarms (object, namespace, slot, due, retries)"
            + " SELECT object, objects.namespace, "
            + SLOT_OF_ID
            + ", due, retries FROM alarms JOIN objects USING (object)",
        "DROP TABLE alarms",
        "ALTER TABLE new_alarms RENAME TO alarms",
        ALARMS_BY_DUE);
  }

  /**
   * Version 4. Not by the object's row, which {@code deleteAll} removes. A table with row numbers:
   * a row may be large, and the index of sessions isn't touched when only the frame changes.
   */
  private static void createSessions(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        "CREATE TABLE sessions (id BLOB NOT NULL, namespace TEXT NOT NULL, session BLOB NOT NULL,"
            + " connection INTEGER NOT NULL, completed INTEGER NOT NULL, expires INTEGER NOT NULL,"
            + " fingerprint BLOB, frame BLOB NOT NULL, UNIQUE (id, namespace, session)) STRICT",
        "CREATE INDEX sessions_by_expiry ON sessions (expires)",
        "CREATE VIEW readable_sessions AS SELECT sessions.namespace, name,"
            + " lower(hex(sessions.id)) AS id,"
            + " CASE WHEN connection = 0 THEN 'key' ELSE 'session' END AS kind, connection,"
            + " completed, datetime(expires * 60, 'unixepoch') AS expires, length(frame) AS bytes"
            + " FROM sessions LEFT JOIN objects USING (id, namespace)");
  }

  static long single(Connection connection, String sql) throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(sql);
        ResultSet results = select.executeQuery()) {
      results.next();
      return results.getLong(1);
    }
  }
}
