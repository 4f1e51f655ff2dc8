package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads from PostgreSQL, each within the patience, whatever the server does. When one has found out
 * that the server is away, those that come next fail at once, but for one now and then, which
 * tries: turns of one object, which come one after the other, don't wait for it one after the
 * other.
 *
 * <p>Safe for any number of threads.
 */
final class PostgresReads implements AutoCloseable {
  private final HikariDataSource pool;
  private final long tryNanos;

  @GuardedBy("this")
  private final Outage outage;

  /** When a read was answered last, or failed for a reason of its own. */
  @GuardedBy("this")
  private long answered = System.nanoTime();

  PostgresReads(HikariDataSource pool, Duration patience) {
    this.pool = pool;
    this.tryNanos = Outage.tryTime(patience).toNanos();
    this.outage = new Outage(patience);
  }

  <T extends @Nullable Object> T read(JdbcStore.Read<T> read) throws SQLException {
    long began = System.nanoTime();
    checkHope(began);
    try {
      T result = readUntil(began + tryNanos, read);
      answered();
      return result;
    } catch (SQLException e) {
      if (isAway(e)) {
        silent(began, e);
      } else {
        answered();
      }
      throw e;
    }
  }

  private synchronized void checkHope(long now) throws SQLException {
    if (outage.isHopeless(now)) {
      throw outage.failure(now);
    }
    if (outage.isAway()) {
      outage.tries(now);
    }
  }

  private synchronized void answered() {
    answered = System.nanoTime();
    outage.over();
  }

  private synchronized void silent(long began, SQLException failure) {
    // If another one was answered meanwhile, it isn't the server that is away.
    if (answered - began < 0) {
      outage.found(began, System.nanoTime(), failure);
    }
  }

  /** After the server was away, every connection in the pool may be dead without knowing it. */
  private <T extends @Nullable Object> T readUntil(long end, JdbcStore.Read<T> read)
      throws SQLException {
    for (int dead = 0; ; dead++) {
      try (Connection connection = pool.getConnection()) {
        try {
          long left = (end - System.nanoTime()) / 1_000_000;
          connection.setNetworkTimeout(Runnable::run, (int) Math.max(1, left));
          return read(connection, read);
        } catch (SQLException e) {
          if (!isAway(e)) {
            throw e;
          }
          pool.evictConnection(connection);
          if (dead > pool.getMaximumPoolSize() || System.nanoTime() - end >= 0) {
            throw e;
          }
        }
      }
    }
  }

  private static <T extends @Nullable Object> T read(Connection connection, JdbcStore.Read<T> read)
      throws SQLException {
    List<PreparedStatement> prepared = new ArrayList<>(1);
    try {
      return read.on(
          sql -> {
            PreparedStatement statement = connection.prepareStatement(sql);
            prepared.add(statement);
            return statement;
          });
    } finally {
      prepared.forEach(JdbcStore::closeQuietly);
    }
  }

  private static boolean isAway(SQLException failure) {
    // The second, if there was no connection to be had.
    return PostgresStore.meansAway(failure) || failure instanceof SQLTransientConnectionException;
  }

  @Override
  public void close() {
    pool.close();
  }
}
