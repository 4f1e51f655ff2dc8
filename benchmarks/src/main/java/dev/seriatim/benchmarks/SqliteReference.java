package dev.seriatim.benchmarks;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;

/**
 * R4: SQLite through JDBC and nothing else: the row that {@code Increment} writes, so many times in
 * a transaction, with the store's own settings.
 */
final class SqliteReference implements AutoCloseable {
  private final Connection connection;
  private final PreparedStatement upsert;
  private long value;

  SqliteReference(Path directory) throws SQLException {
    connection = DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("reference.db"));
    try (Statement statement = connection.createStatement()) {
      statement.execute("PRAGMA journal_mode=WAL");
      statement.execute("PRAGMA synchronous=FULL");
      statement.execute(
          "CREATE TABLE entries (object INTEGER, key BLOB, value BLOB, PRIMARY KEY (object, key))"
              + " WITHOUT ROWID");
    }
    connection.setAutoCommit(false);
    upsert =
        connection.prepareStatement(
            "INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value ="
                + " excluded.value");
  }

  /** Rows committed in a second, in groups of this size. */
  double rate(int group, Duration time) throws SQLException {
    long start = System.nanoTime();
    long rows = 0;
    long nanos;
    do {
      commit(group);
      rows += group;
      nanos = System.nanoTime() - start;
    } while (nanos < time.toNanos());
    return rows * 1e9 / nanos;
  }

  private void commit(int group) throws SQLException {
    for (int i = 0; i < group; i++) {
      upsert.setLong(1, 1);
      upsert.setBytes(2, new byte[] {'v', 'a', 'l', 'u', 'e'});
      upsert.setBytes(3, Long.toString(value++).getBytes(java.nio.charset.StandardCharsets.UTF_8));
      upsert.addBatch();
    }
    upsert.executeBatch();
    connection.commit();
  }

  @Override
  public void close() throws SQLException {
    upsert.close();
    connection.close();
  }
}
