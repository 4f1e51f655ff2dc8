package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteErrorCode;

/**
 * One SQLite file, used by this host alone. A lock on the directory sees to that; the slots' epochs
 * and the row with the host's group number are there to catch what gets around the lock.
 */
final class SqliteStore extends JdbcStore {
  static final String FILE = "seriatim.db";

  private static final int BUSY_TIMEOUT_MILLIS = 5_000;
  private static final int WRITER_CACHE_KIB = 64 << 10;
  private static final int READER_CACHE_KIB = 8 << 10;

  private final Path file;
  private final DirectoryLock lock;
  private final String host;
  private final Ownership ownership = Ownership.exclusive();
  private final Semaphore reads;
  private final ConcurrentLinkedDeque<Reader> idleReaders = new ConcurrentLinkedDeque<>();
  private volatile boolean closed;

  /** The next row to give to an object. Written while opening, then by the committer. */
  private long nextRow;

  private SqliteStore(Path file, DirectoryLock lock, int readConnections) {
    this.file = file;
    this.lock = lock;
    this.host = HostName.make();
    this.reads = new Semaphore(readConnections);
  }

  static SqliteStore open(StorageOptions options, Path directory) {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new StorageException("data directory " + directory + " can't be made: " + e, e);
    }
    DirectoryLock lock = DirectoryLock.take(directory);
    boolean opened = false;
    try {
      SqliteStore store = new SqliteStore(directory.resolve(FILE), lock, options.readConnections());
      store.prepare();
      opened = true;
      return store;
    } catch (SQLException e) {
      throw new StorageException(
          directory.resolve(FILE) + " can't be opened: " + e.getMessage(), e);
    } finally {
      if (!opened) {
        lock.close();
      }
    }
  }

  @Override
  Ownership ownership() {
    return ownership;
  }

  @Override
  JdbcWriter openWriter() throws SQLException {
    Connection connection = connect(WRITER_CACHE_KIB);
    boolean opened = false;
    try {
      connection.setAutoCommit(false);
      opened = true;
      return new JdbcWriter(this, connection);
    } finally {
      if (!opened) {
        closeQuietly(connection);
      }
    }
  }

  @Override
  <T extends @Nullable Object> T read(Read<T> read) throws SQLException {
    reads.acquireUninterruptibly();
    try {
      Reader reader = idleReaders.pollFirst();
      if (reader == null) {
        if (closed) {
          throw new SQLException("the store is closed");
        }
        reader = new Reader(connect(READER_CACHE_KIB));
      }
      boolean good = false;
      try {
        T result = read.on(reader);
        good = true;
        return result;
      } finally {
        if (good && !closed) {
          idleReaders.addFirst(reader);
        } else {
          closeQuietly(reader.connection);
        }
      }
    } finally {
      reads.release();
    }
  }

  @Override
  boolean isAway(SQLException failure) {
    int code = failure.getErrorCode() & 0xff;
    return code == SQLiteErrorCode.SQLITE_BUSY.code
        || code == SQLiteErrorCode.SQLITE_LOCKED.code
        || code == SQLiteErrorCode.SQLITE_CANTOPEN.code;
  }

  @Override
  boolean begin(JdbcWriter writer, Collection<Integer> slots, long number) throws SQLException {
    // The first statement is a write, so that it takes the file's lock before anything is read. The
    // row is gone only if another host has got around the directory's lock.
    PreparedStatement update = writer.prepare("UPDATE commit_groups SET number = ? WHERE host = ?");
    update.setLong(1, number);
    update.setString(2, host);
    if (update.executeUpdate() == 1) {
      return true;
    }
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      ownership.lose(slot);
    }
    return false;
  }

  @Override
  void findRows(JdbcWriter writer, List<Batch> batches) throws SQLException {
    PreparedStatement select =
        writer.prepare("SELECT object, name FROM objects WHERE id = ? AND namespace = ?");
    for (Batch batch : batches) {
      select.setBytes(1, batch.object.key.id().toByteArray());
      select.setString(2, batch.object.key.namespace());
      try (ResultSet results = select.executeQuery()) {
        if (results.next()) {
          batch.row = results.getLong(1);
          batch.storedName = name(results, 2);
        }
      }
    }
  }

  @Override
  long newRow(JdbcWriter writer) {
    return nextRow++;
  }

  @Override
  boolean isApplied(JdbcWriter writer, long number) throws SQLException {
    PreparedStatement select = writer.prepare("SELECT number FROM commit_groups WHERE host = ?");
    select.setString(1, host);
    boolean applied;
    try (ResultSet results = select.executeQuery()) {
      applied = results.next() && results.getLong(1) == number;
    }
    writer.rollback();
    return applied;
  }

  @Override
  int entriesInStatement() {
    return 64; // Each statement costs a crossing into native code, and a lot around it.
  }

  @Override
  void setKey(PreparedStatement statement, int index, String key) throws SQLException {
    statement.setString(index, key);
  }

  @Override
  String key(ResultSet results, int index) throws SQLException {
    return results.getString(index);
  }

  @Override
  void setName(PreparedStatement statement, int index, @Nullable String name) throws SQLException {
    statement.setString(index, name);
  }

  @Override
  @Nullable String name(ResultSet results, int index) throws SQLException {
    return results.getString(index);
  }

  @Override
  public void close() {
    closed = true;
    for (Reader reader; (reader = idleReaders.pollFirst()) != null; ) {
      closeQuietly(reader.connection);
    }
    lock.close();
  }

  @Override
  public String toString() {
    return file.toString();
  }

  private Connection connect(int cacheKib) throws SQLException {
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setBusyTimeout(BUSY_TIMEOUT_MILLIS);
    // The driver begins the next transaction as soon as one ends; it must not lock the file.
    config.setTransactionMode(SQLiteConfig.TransactionMode.DEFERRED);
    config.setCacheSize(-cacheKib);
    return config.createConnection("jdbc:sqlite:" + file);
  }

  /** Makes the tables if need be, and takes all slots. */
  private void prepare() throws SQLException {
    try (Connection connection = connect(WRITER_CACHE_KIB)) {
      connection.setAutoCommit(false);
      SqliteSchema.prepare(connection, file.toString());
      execute(connection, "UPDATE slots SET epoch = epoch + 1", "DELETE FROM commit_groups");
      try (PreparedStatement update = connection.prepareStatement("UPDATE slots SET host = ?");
          PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO commit_groups (host, number) VALUES (?, 0)")) {
        update.setString(1, host);
        update.executeUpdate();
        insert.setString(1, host);
        insert.executeUpdate();
      }
      try (PreparedStatement select = connection.prepareStatement("SELECT slot, epoch FROM slots");
          ResultSet results = select.executeQuery()) {
        while (results.next()) {
          ownership.own(results.getInt(1), results.getLong(2));
        }
      }
      nextRow = single(connection, "SELECT coalesce(max(object), 0) + 1 FROM objects");
      connection.commit();
    }
  }

  static long single(Connection connection, String sql) throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(sql);
        ResultSet results = select.executeQuery()) {
      results.next();
      return results.getLong(1);
    }
  }

  /** One connection for reads, with its statements. Used by one thread at a time. */
  private static final class Reader implements Statements {
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
