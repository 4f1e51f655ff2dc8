package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The transactions in which people look at PostgreSQL, on connections of their own: how long they
 * take tells turns nothing. Made when somebody looks first.
 */
final class PostgresLooks implements AutoCloseable {
  private static final int CONNECTIONS = 4;

  private final PostgresSessions sessions;

  @GuardedBy("this")
  private @Nullable HikariDataSource pool;

  @GuardedBy("this")
  private boolean closed;

  PostgresLooks(PostgresSessions sessions) {
    this.sessions = sessions;
  }

  ReadTransaction begin() throws SQLException {
    Connection connection = pool().getConnection();
    boolean begun = false;
    try {
      connection.setAutoCommit(false);
      begun = true;
      return new Look(connection);
    } finally {
      if (!begun) {
        JdbcStore.closeQuietly(connection);
      }
    }
  }

  private synchronized HikariDataSource pool() throws SQLException {
    if (closed) {
      throw new SQLException("the store is closed");
    }
    HikariDataSource made = pool;
    if (made == null) {
      made = sessions.lookPool(CONNECTIONS);
      pool = made;
    }
    return made;
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (pool != null) {
      pool.close();
    }
  }

  private static final class Look implements ReadTransaction {
    private final Connection connection;
    private final Map<String, PreparedStatement> prepared = new HashMap<>();

    Look(Connection connection) {
      this.connection = connection;
    }

    @Override
    public PreparedStatement prepare(String sql) throws SQLException {
      PreparedStatement statement = prepared.get(sql);
      if (statement == null) {
        statement = connection.prepareStatement(sql);
        prepared.put(sql, statement);
      }
      return statement;
    }

    @Override
    public void hold() {} // The pool has a limit.

    @Override
    public void close() {
      JdbcStore.closeQuietly(connection); // Which rolls back, and closes the statements.
    }
  }
}
