package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Stores that an earlier version has written are brought to this version, with all that they hold.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SchemaTest {
  private static final Instant DUE = Instant.parse("2026-01-02T00:00:00Z");

  @TempDir Path directory;

  @Test
  void aSqliteFileOfVersion1() throws SQLException {
    StorageOptions options = StorageOptions.sqlite(directory);
    String url = "jdbc:sqlite:" + directory.resolve(SqliteStore.FILE);
    write(options);
    try (Connection connection = DriverManager.getConnection(url)) {
      removeSessions(connection);
      JdbcStore.execute(
          connection,
          "DROP VIEW readable_objects",
          "DROP VIEW readable_entries",
          "DROP VIEW readable_alarms",
          "CREATE TABLE old (object INTEGER PRIMARY KEY, due INTEGER NOT NULL,"
              + " retries INTEGER NOT NULL) STRICT",
          "INSERT INTO old SELECT object, due, retries FROM alarms",
          "INSERT INTO old VALUES (12345, 0, 0)", // of no object
          "DROP TABLE alarms",
          "ALTER TABLE old RENAME TO alarms",
          "CREATE INDEX alarms_by_due ON alarms (due, object)",
          "CREATE VIEW readable_objects AS SELECT object,"
              + " (SELECT due FROM alarms WHERE alarms.object = objects.object) AS alarm"
              + " FROM objects",
          "CREATE VIEW readable_entries AS SELECT object, key FROM entries",
          "UPDATE schema_version SET version = 1");
    }
    check(options, url);
  }

  @Test
  void aPostgresSchemaOfVersion1() throws SQLException {
    String url = PostgresServer.shared().newSchema();
    StorageOptions options = StorageOptions.postgres(url);
    write(options);
    try (Connection connection = DriverManager.getConnection(url)) {
      removeSessions(connection);
      JdbcStore.execute(
          connection,
          "DROP VIEW readable_alarms",
          "ALTER TABLE alarms DROP COLUMN namespace, DROP COLUMN slot",
          "INSERT INTO alarms VALUES (12345, 0, 0)", // of no object
          "CREATE INDEX alarms_by_due ON alarms (due, object)",
          "UPDATE schema_version SET version = 1");
    }
    check(options, url);
  }

  @Test
  void aSqliteFileOfVersion2() throws SQLException {
    StorageOptions options = StorageOptions.sqlite(directory);
    String url = "jdbc:sqlite:" + directory.resolve(SqliteStore.FILE);
    write(options);
    try (Connection connection = DriverManager.getConnection(url)) {
      removeSessions(connection);
      JdbcStore.execute(
          connection,
          "DROP VIEW readable_objects",
          "DROP VIEW readable_entries",
          "DROP VIEW readable_alarms",
          "CREATE TABLE old (object INTEGER PRIMARY KEY, namespace TEXT NOT NULL,"
              + " due INTEGER NOT NULL, retries INTEGER NOT NULL) STRICT",
          "INSERT INTO old SELECT object, namespace, due, retries FROM alarms",
          "DROP TABLE alarms",
          "ALTER TABLE old RENAME TO alarms",
          "CREATE INDEX alarms_by_due ON alarms (namespace, due, object) WHERE retries <= 6",
          "CREATE VIEW readable_objects AS SELECT object FROM objects",
          "CREATE VIEW readable_entries AS SELECT object, key FROM entries",
          "CREATE VIEW readable_alarms AS SELECT due FROM alarms",
          "UPDATE schema_version SET version = 2");
    }
    check(options, url);
  }

  @Test
  void aPostgresSchemaOfVersion2() throws SQLException {
    String url = PostgresServer.shared().newSchema();
    StorageOptions options = StorageOptions.postgres(url);
    write(options);
    try (Connection connection = DriverManager.getConnection(url)) {
      removeSessions(connection);
      JdbcStore.execute(
          connection,
          "ALTER TABLE alarms DROP COLUMN slot",
          "UPDATE schema_version SET version = 2");
    }
    check(options, url);
  }

  @Test
  void aSqliteFileOfVersion3() throws SQLException {
    checkVersion3(
        StorageOptions.sqlite(directory), "jdbc:sqlite:" + directory.resolve(SqliteStore.FILE));
  }

  @Test
  void aPostgresSchemaOfVersion3() throws SQLException {
    String url = PostgresServer.shared().newSchema();
    checkVersion3(StorageOptions.postgres(url), url);
  }

  @Test
  void aSqliteFileOfVersion4() throws SQLException {
    checkVersion4(
        StorageOptions.sqlite(directory), "jdbc:sqlite:" + directory.resolve(SqliteStore.FILE));
  }

  @Test
  void aPostgresSchemaOfVersion4() throws SQLException {
    String url = PostgresServer.shared().newSchema();
    checkVersion4(StorageOptions.postgres(url), url);
  }

  private static void checkVersion4(StorageOptions options, String url) throws SQLException {
    write(options);
    try (Connection connection = DriverManager.getConnection(url)) {
      removeNames(connection);
      JdbcStore.execute(connection, "UPDATE schema_version SET version = 4");
    }
    check(options, url);
  }

  private static void checkVersion3(StorageOptions options, String url) throws SQLException {
    write(options);
    try (Connection connection = DriverManager.getConnection(url)) {
      removeSessions(connection);
      JdbcStore.execute(connection, "UPDATE schema_version SET version = 3");
    }
    check(options, url);
  }

  /** It came with version 5. */
  private static void removeNames(Connection connection) throws SQLException {
    JdbcStore.execute(connection, "DROP INDEX objects_by_name");
  }

  /** They came with version 4. */
  private static void removeSessions(Connection connection) throws SQLException {
    removeNames(connection);
    JdbcStore.execute(connection, "DROP VIEW readable_sessions", "DROP TABLE sessions");
  }

  private static void write(StorageOptions options) {
    try (StorageEngine engine = StorageEngine.open(options)) {
      new TestObject(engine, "object")
          .turn(
              s -> {
                s.put("k", ByteString.copyFromUtf8("v"));
                s.setAlarm(DUE);
              });
    }
  }

  /** Twice, for the second time there is nothing to do any more. */
  private static void check(StorageOptions options, String url) throws SQLException {
    for (int i = 0; i < 2; i++) {
      try (StorageEngine engine = StorageEngine.open(options)) {
        TestObject object = new TestObject(engine, "object");
        Optional<Instant> alarm = object.query(DurableObjectStorage::getAlarm);
        assertThat(alarm).isEqualTo(Optional.of(DUE));
        Optional<ByteString> value = object.query(s -> s.get("k"));
        assertThat(value).isEqualTo(Optional.of(ByteString.copyFromUtf8("v")));
        SessionRow row = SessionContract.row(i);
        assertThat(object.storage().sessions().read(SessionContract.SESSION))
            .isEqualTo(i == 0 ? null : SessionContract.row(i - 1));
        object.awaitDurable(
            object.storage().sessions().submit(SessionContract.says(SessionContract.SESSION, row)));
        LinkedBlockingQueue<String> offers = new LinkedBlockingQueue<>();
        engine.startAlarms(
            Set.of("TEST"), (namespace, id, name, due) -> offers.add(namespace + "/" + name));
        assertThat(poll(offers)).isEqualTo("TEST/object");
      }
    }
    try (Connection connection = DriverManager.getConnection(url);
        var select = connection.prepareStatement("SELECT slot FROM alarms");
        var results = select.executeQuery()) {
      assertThat(results.next()).isTrue();
      assertThat(results.getInt(1))
          .isEqualTo(new ObjectKey("TEST", TestObject.IDS.fromName("object")).slot());
      assertThat(results.next()).isFalse();
    }
    try (Connection connection = DriverManager.getConnection(url);
        var select =
            connection.prepareStatement(
                "SELECT version, (SELECT count(*) FROM readable_sessions) FROM schema_version");
        var results = select.executeQuery()) {
      assertThat(results.next()).isTrue();
      assertThat(results.getInt(1)).isEqualTo(JdbcStore.SCHEMA_VERSION);
      assertThat(results.getInt(2)).isEqualTo(1);
      assertThat(results.next()).isFalse();
    }
    try (Connection connection = DriverManager.getConnection(url)) {
      removeNames(connection); // Fails if it isn't there.
    }
    try (Connection connection = DriverManager.getConnection(url);
        var select = connection.prepareStatement("SELECT namespace, state FROM readable_alarms");
        var results = select.executeQuery()) {
      assertThat(results.next()).isTrue();
      assertThat(results.getString(1)).isEqualTo("TEST");
      assertThat(results.getString(2)).isEqualTo("set");
    }
  }

  private static String poll(LinkedBlockingQueue<String> offers) {
    try {
      String offer = offers.poll(30, TimeUnit.SECONDS);
      assertWithMessage("an alarm within 30 s").that(offer).isNotNull();
      return String.valueOf(offer);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
