package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The transactions in which people look at a SQLite file, on connections of their own. Most are
 * over soon, and the log of writes is cut between them. A few are held open; meanwhile it grows.
 */
final class SqliteLooks implements AutoCloseable {
  private static final int CONNECTIONS = 2;

  /** How many may be held open. */
  static final int MOST_HELD = 4;

  private final SqliteReads reads;
  private final AtomicInteger held = new AtomicInteger();

  /**
   * @param patience how long one waits for those before it
   */
  SqliteLooks(SqliteReads.Connector connector, Duration patience) {
    this.reads = new SqliteReads(() -> beginning(connector.connect()), CONNECTIONS, patience);
  }

  private static Connection beginning(Connection connection) throws SQLException {
    boolean set = false;
    try {
      connection.setAutoCommit(false);
      set = true;
      return connection;
    } finally {
      if (!set) {
        JdbcStore.closeQuietly(connection);
      }
    }
  }

  ReadTransaction begin() throws SQLException {
    return new Look(reads.take());
  }

  /** Whether some are held open, so that there is no use in waiting for them. */
  boolean areHeld() {
    return held.get() > 0;
  }

  /** Something else is about to be read for long. {@link #letGo} has to follow. */
  void hold() {
    if (held.incrementAndGet() > MOST_HELD) {
      held.decrementAndGet();
      throw new StorageException(
          "there would be "
              + (MOST_HELD + 1)
              + " who read the database for long, expected at most "
              + MOST_HELD);
    }
  }

  void letGo() {
    held.decrementAndGet();
  }

  /** As {@link SqliteReads#pause}. */
  boolean pause(long millis) throws InterruptedException {
    return reads.pause(millis);
  }

  void resume() {
    reads.resume();
  }

  @Override
  public void close() {
    reads.close();
  }

  private final class Look implements ReadTransaction {
    private final SqliteReads.Reader reader;
    private boolean isHeld;
    private boolean closed;

    Look(SqliteReads.Reader reader) {
      this.reader = reader;
    }

    @Override
    public PreparedStatement prepare(String sql) throws SQLException {
      return reader.prepare(sql);
    }

    @Override
    public void hold() {
      if (!isHeld) {
        SqliteLooks.this.hold();
        isHeld = true;
        reads.partWith(); // Others may look.
      }
    }

    @Override
    public void close() {
      if (closed) {
        return;
      }
      closed = true;
      if (isHeld) {
        JdbcStore.closeQuietly(reader.connection);
        letGo();
        return;
      }
      boolean good = false;
      try {
        reader.connection.rollback();
        good = true;
      } catch (SQLException e) {
        throw new StorageException("a look at the database could not be ended", e);
      } finally {
        reads.giveBack(reader, good);
      }
    }
  }
}
