package dev.seriatim.benchmarks;

import com.google.protobuf.Int64Value;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import org.sqlite.SQLiteConfig;

/**
 * R4: SQLite through JDBC and nothing else, with the whole machine to itself: the rows that {@link
 * RowsObject} writes, so many to a transaction. The table and the settings are those of the store;
 * the statement is the fastest of those tried, and writes many rows at once.
 */
final class SqliteReference implements AutoCloseable {
  private static final String INSERT =
      "INSERT OR REPLACE INTO entries (object, key, value) VALUES ";
  private static final String ROW = "(?, ?, ?)";
  private static final int COLUMNS = 3;
  private static final int MANY = 64;
  private static final int CACHE_KIB = 64 << 10;
  private static final int MAX_SAMPLES = 1 << 20;

  private final Connection connection;
  private final PreparedStatement one;
  private final PreparedStatement many;
  private final long[] samples = new long[MAX_SAMPLES];
  private long value;

  SqliteReference(Path directory) throws SQLException {
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setCacheSize(-CACHE_KIB);
    connection = config.createConnection("jdbc:sqlite:" + directory.resolve("reference.db"));
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE entries (object INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
              + " PRIMARY KEY (object, key)) STRICT, WITHOUT ROWID");
    }
    connection.setAutoCommit(false);
    one = connection.prepareStatement(INSERT + ROW);
    many = connection.prepareStatement(INSERT + String.join(", ", Collections.nCopies(MANY, ROW)));
  }

  /** Commits groups of this size for a time: the rows in a second, and how long a group takes. */
  Run run(int group, Duration time) throws SQLException {
    long start = System.nanoTime();
    long end = start + time.toNanos();
    long now = start;
    long rows = 0;
    int commits = 0;
    while (now < end) {
      commit(group);
      rows += group;
      long committed = System.nanoTime();
      if (commits < MAX_SAMPLES) {
        samples[commits++] = committed - now;
      }
      now = committed;
    }
    return new Run(rows * 1e9 / (now - start), Arrays.copyOf(samples, commits));
  }

  private void commit(int group) throws SQLException {
    int written = 0;
    for (; written + MANY <= group; written += MANY) {
      for (int row = 0; row < MANY; row++) {
        set(many, row);
      }
      many.executeUpdate();
    }
    for (; written < group; written++) {
      set(one, 0);
      one.addBatch();
    }
    one.executeBatch();
    connection.commit();
  }

  private void set(PreparedStatement statement, int row) throws SQLException {
    value++;
    int column = COLUMNS * row;
    statement.setLong(column + 1, 1);
    statement.setString(column + 2, RowsObject.key(value));
    statement.setBytes(column + 3, Int64Value.of(value).toByteArray());
  }

  @Override
  public void close() throws SQLException {
    one.close();
    many.close();
    connection.close();
  }
}
