package dev.seriatim.service.storage;

import com.google.common.util.concurrent.Uninterruptibles;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The connections on which a SQLite file is read, each by one thread at a time. */
final class SqliteReads implements AutoCloseable {
  /** Connects to the file. */
  interface Connector {
    Connection connect() throws SQLException;
  }

  private final Connector connector;
  private final int connections;

  /** A permit for each read that may run. Fair, so that whoever wants all of them gets them. */
  private final Semaphore permits;

  /** How long a read waits for the others. */
  private final long patienceNanos;

  /** Whether nothing was read for as long. Any thread's. */
  private volatile boolean silent;

  private final ConcurrentLinkedDeque<Reader> idle = new ConcurrentLinkedDeque<>();
  private volatile boolean closed;

  /**
   * @param patience how long a read waits for those before it
   */
  SqliteReads(Connector connector, int connections, Duration patience) {
    this.connector = connector;
    this.connections = connections;
    this.patienceNanos = patience.toNanos();
    this.permits = new Semaphore(connections, /* fair= */ true);
  }

  <T extends @Nullable Object> T read(JdbcStore.Read<T> read) throws SQLException {
    Reader reader = take();
    boolean good = false;
    try {
      T result = read.on(reader);
      good = true;
      return result;
    } finally {
      giveBack(reader, good);
    }
  }

  /**
   * Waits for a connection, which {@link #giveBack} has to follow.
   *
   * @throws SQLException also if the others read for longer than the patience, as they do when the
   *     disk hangs; then those that come next don't wait
   */
  Reader take() throws SQLException {
    if (!acquire()) {
      silent = true;
      throw new SQLException(
          "what is being read has taken longer than "
              + patienceNanos / 1_000_000
              + " ms: does the disk hang?");
    }
    boolean taken = false;
    try {
      Reader reader = idle.pollFirst();
      if (reader == null) {
        reader = new Reader(connector.connect());
      }
      taken = true;
      return reader;
    } finally {
      if (!taken) {
        permits.release();
      }
    }
  }

  private boolean acquire() {
    return silent
        ? permits.tryAcquire()
        : Uninterruptibles.tryAcquireUninterruptibly(permits, patienceNanos, TimeUnit.NANOSECONDS);
  }

  /**
   * It isn't used any more.
   *
   * @param good whether it may be used again
   */
  void giveBack(Reader reader, boolean good) {
    release(reader, good);
    silent = false;
    permits.release();
  }

  private void release(Reader reader, boolean good) {
    if (good && !closed) {
      idle.addFirst(reader);
    } else {
      JdbcStore.closeQuietly(reader.connection);
    }
  }

  /** Gives the permit back, and not the connection: it isn't one of these any more. */
  void partWith() {
    permits.release();
  }

  /**
   * Lets no read run from now on, when those that do have ended.
   *
   * @return whether that was in time; if so, {@link #resume} must follow
   */
  boolean pause(long millis) throws InterruptedException {
    return permits.tryAcquire(connections, millis, TimeUnit.MILLISECONDS);
  }

  void resume() {
    permits.release(connections);
  }

  @Override
  public void close() {
    closed = true;
    for (Reader reader; (reader = idle.pollFirst()) != null; ) {
      JdbcStore.closeQuietly(reader.connection);
    }
  }

  /** One connection, with its statements. */
  static final class Reader implements JdbcStore.Statements {
    final Connection connection;
    private final Map<String, PreparedStatement> prepared = new HashMap<>();

    Reader(Connection connection) {
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
  }
}
