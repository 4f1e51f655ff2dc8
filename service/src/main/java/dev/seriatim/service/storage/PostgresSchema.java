package dev.seriatim.service.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tables in a PostgreSQL schema: made, or brought from an older version to this one. Each
 * method is called in a transaction that the caller commits; of several hosts one comes after the
 * other.
 */
final class PostgresSchema {
  private static final Logger LOGGER = LoggerFactory.getLogger(PostgresSchema.class);

  /** Any number, so long as all hosts take the same. */
  private static final long LOCK = 0x5e71a71;

  private static final String ALARMS_BY_DUE =
      "CREATE INDEX alarms_by_due ON alarms (namespace, due, object) WHERE " + JdbcStore.TO_RUN;

  /**
   * For hosts that own some of the slots: there are other hosts then, which only this database has.
   */
  private static final String ALARMS_BY_SLOT =
      "CREATE INDEX alarms_by_slot ON alarms (slot, due, object) WHERE " + JdbcStore.TO_RUN;

  /** Those of objects that are gone can't run, and fit nowhere. */
  private static final String REMOVE_LOST_ALARMS =
      "DELETE FROM alarms WHERE object NOT IN (SELECT object FROM objects)";

  private PostgresSchema() {}

  /**
   * Makes the schema and the tables if there are none, and refuses those of a newer version.
   *
   * @return whether they are of this version, and {@link #upgrade} has nothing to do
   */
  static boolean prepare(Connection connection, String store) throws SQLException {
    lock(connection);
    String schema = schema(connection);
    JdbcStore.execute(connection, "CREATE SCHEMA IF NOT EXISTS " + quoted(connection, schema));
    if (PostgresStore.single(connection, "SELECT to_regclass('schema_version') IS NULL")
        .equals("t")) {
      LOGGER.info("making tables in schema {} of {}", schema, store);
      createTables(connection);
      createViews(connection);
      createSessions(connection);
      JdbcStore.execute(connection, JdbcStore.OBJECTS_BY_NAME);
    }
    long version = version(connection);
    JdbcStore.checkVersion(store, version);
    addBeats(connection);
    addSharing(connection);
    return version == JdbcStore.SCHEMA_VERSION;
  }

  /** Lets hosts share slots, and know of each other. Likewise. */
  private static void addSharing(Connection connection) throws SQLException {
    if (PostgresStore.single(connection, "SELECT to_regclass('leases') IS NULL").equals("t")) {
      JdbcStore.execute(
          connection,
          "ALTER TABLE hosts ADD COLUMN address text, ADD COLUMN cluster_address text,"
              + " ADD COLUMN version text, ADD COLUMN namespaces bytea, ADD COLUMN state text,"
              + " ADD COLUMN token bytea, ADD COLUMN started timestamptz DEFAULT now(),"
              + " ADD COLUMN said bigint NOT NULL DEFAULT 0, ADD COLUMN done bigint",
          "CREATE TABLE leases (name text PRIMARY KEY, host text NOT NULL,"
              + " until timestamptz NOT NULL)",
          "CREATE VIEW readable_hosts AS SELECT host, address, cluster_address, version, state,"
              + " started, slots, lease_until FROM hosts",
          "CREATE VIEW readable_slots AS SELECT slot, epoch, host, address FROM slots"
              + " LEFT JOIN hosts USING (host)");
    }
  }

  /**
   * Lets hosts count by beats. Before anything is owned, since they own nothing before; a host of a
   * version that knows nothing of it doesn't mind.
   */
  private static void addBeats(Connection connection) throws SQLException {
    if (PostgresStore.single(
            connection,
            "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('hosts')"
                + " AND attname = 'beat'")
        .equals("0")) {
      JdbcStore.execute(
          connection,
          "ALTER TABLE hosts ADD COLUMN beat bigint NOT NULL DEFAULT 0,"
              + " ADD COLUMN slots integer NOT NULL DEFAULT 0, ADD COLUMN lease_millis bigint");
    }
  }

  /**
   * Brings older tables to this version. Only when no host of an older version can write any more,
   * or it would write what doesn't fit.
   */
  static void upgrade(Connection connection, String store) throws SQLException {
    lock(connection);
    long version = version(connection);
    if (version < JdbcStore.SCHEMA_VERSION) {
      LOGGER.info(
          "upgrading the tables of {} from version {} to {}",
          store,
          version,
          JdbcStore.SCHEMA_VERSION);
      if (version < 2) {
        upgradeFrom1(connection);
      }
      if (version < 3) {
        upgradeFrom2(connection);
      }
      if (version < 4) {
        createSessions(connection);
      }
      JdbcStore.execute(
          connection,
          JdbcStore.OBJECTS_BY_NAME,
          "UPDATE schema_version SET version = " + JdbcStore.SCHEMA_VERSION);
    }
  }

  private static void lock(Connection connection) throws SQLException {
    JdbcStore.execute(connection, "SELECT pg_advisory_xact_lock(" + LOCK + ")");
  }

  private static long version(Connection connection) throws SQLException {
    return Long.parseLong(
        PostgresStore.single(connection, "SELECT max(version) FROM schema_version"));
  }

  private static void createTables(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        "CREATE TABLE schema_version (version integer NOT NULL)",
        "INSERT INTO schema_version (version) VALUES (" + JdbcStore.SCHEMA_VERSION + ")",
        "CREATE SEQUENCE object_rows INCREMENT BY " + PostgresStore.ROW_BLOCK,
        "CREATE TABLE objects (object bigint PRIMARY KEY, namespace text NOT NULL,"
            + " id bytea NOT NULL, name bytea, UNIQUE (id, namespace))",
        "CREATE TABLE entries (object bigint NOT NULL, key bytea NOT NULL, value bytea NOT NULL,"
            + " PRIMARY KEY (object, key))",
        "CREATE TABLE alarms (object bigint PRIMARY KEY, namespace text NOT NULL,"
            + " slot integer NOT NULL, due bigint NOT NULL, retries integer NOT NULL)",
        ALARMS_BY_DUE,
        ALARMS_BY_SLOT,
        "CREATE TABLE hosts (host text PRIMARY KEY, lease_until timestamptz NOT NULL)",
        "CREATE TABLE slots (slot integer PRIMARY KEY, epoch bigint NOT NULL, host text)",
        "CREATE TABLE commit_groups (host text PRIMARY KEY, number bigint NOT NULL,"
            + " at timestamptz NOT NULL DEFAULT now())",
        "INSERT INTO slots (slot, epoch) SELECT slot, 0 FROM generate_series(0, "
            + (ObjectKey.SLOTS - 1)
            + ") AS slot");
  }

  private static void createViews(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        "CREATE VIEW readable_objects AS SELECT namespace, encode(name, 'escape') AS name,"
            + " encode(id, 'hex') AS id, object,"
            + " (SELECT count(*) FROM entries WHERE entries.object = objects.object) AS entries,"
            + " (SELECT to_timestamp(due / 1000.0) FROM alarms"
            + " WHERE alarms.object = objects.object AND "
            + JdbcStore.TO_RUN
            + ") AS alarm FROM objects",
        "CREATE VIEW readable_entries AS SELECT namespace, encode(name, 'escape') AS name,"
            + " encode(id, 'hex') AS id, encode(key, 'escape') AS key, value"
            + " FROM objects JOIN entries USING (object)",
        "CREATE VIEW readable_alarms AS SELECT alarms.namespace,"
            + " encode(name, 'escape') AS name, encode(id, 'hex') AS id,"
            + " to_timestamp(due / 1000.0) AS due, "
            + JdbcStore.ALARM_STATE
            + " FROM alarms JOIN objects USING (object)");
  }

  /** Alarms learn their namespace, and those given up stay. */
  private static void upgradeFrom1(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        REMOVE_LOST_ALARMS,
        "DROP VIEW readable_objects",
        "DROP VIEW readable_entries",
        "ALTER TABLE alarms ADD COLUMN namespace text",
        "UPDATE alarms SET namespace ="
            + " (SELECT namespace FROM objects WHERE objects.object = alarms.object)",
        "ALTER TABLE alarms ALTER COLUMN namespace SET NOT NULL",
        "DROP INDEX alarms_by_due",
        ALARMS_BY_DUE);
    createViews(connection);
  }

  /** Alarms learn their slot: the first ten bits of the object's id. */
  private static void upgradeFrom2(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        REMOVE_LOST_ALARMS,
        "ALTER TABLE alarms ADD COLUMN slot integer",
        "UPDATE alarms SET slot = (SELECT get_byte(id, 0) * 4 + get_byte(id, 1) / 64 FROM objects"
            + " WHERE objects.object = alarms.object)",
        "ALTER TABLE alarms ALTER COLUMN slot SET NOT NULL",
        ALARMS_BY_SLOT);
  }

  /**
   * Version 4. Not by the object's row, which {@code deleteAll} removes. With room in its pages, so
   * that a row with a small frame is replaced where it is.
   */
  private static void createSessions(Connection connection) throws SQLException {
    JdbcStore.execute(
        connection,
        "CREATE TABLE sessions (id bytea NOT NULL, namespace text NOT NULL, session bytea NOT NULL,"
            + " connection bigint NOT NULL, completed bigint NOT NULL, expires bigint NOT NULL,"
            + " fingerprint bytea, frame bytea NOT NULL, PRIMARY KEY (id, namespace, session))"
            + " WITH (fillfactor = 50)",
        "CREATE INDEX sessions_by_expiry ON sessions (expires)",
        "CREATE VIEW readable_sessions AS SELECT sessions.namespace,"
            + " encode(name, 'escape') AS name, encode(sessions.id, 'hex') AS id,"
            + " CASE WHEN connection = 0 THEN 'key' ELSE 'session' END AS kind, connection,"
            + " completed, to_timestamp(expires * 60) AS expires, length(frame) AS bytes"
            + " FROM sessions LEFT JOIN objects USING (id, namespace)");
  }

  /** The first schema of the search path, whether or not it exists. */
  private static String schema(Connection connection) throws SQLException {
    String path = PostgresStore.single(connection, "SHOW search_path");
    String first = path.split(",", 2)[0].strip();
    return first.startsWith("\"") ? first.substring(1, first.length() - 1) : first;
  }

  private static String quoted(Connection connection, String name) throws SQLException {
    try (PreparedStatement quote = connection.prepareStatement("SELECT quote_ident(?)")) {
      quote.setString(1, name);
      try (ResultSet results = quote.executeQuery()) {
        results.next();
        return results.getString(1);
      }
    }
  }
}
