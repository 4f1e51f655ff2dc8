package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/**
 * One SQLite file, used by this host alone. A lock on the directory sees to that; the slots' epochs
 * and the row with the host's group number are there to catch what gets around the lock.
 */
final class SqliteStore extends JdbcStore {
  private static final Logger LOGGER = LoggerFactory.getLogger(SqliteStore.class);

  static final String FILE = "seriatim.db";

  /** How long SQLite waits for a lock of another process before it says so. */
  private static final Duration LONGEST_BUSY = Duration.ofSeconds(5);

  private static final int MINUTE_MILLIS = 60_000;
  private static final int WRITER_CACHE_KIB = 64 << 10;
  private static final int READER_CACHE_KIB = 8 << 10;

  private final Path file;
  private final InstantSource clock;
  private final Ownership ownership = Ownership.exclusive();
  private final SqliteMark mark = new SqliteMark(HostName.make());
  private final SqliteReads reads;
  private final ReadThreads readThreads;
  private final SqliteLooks looks;
  private final SqliteBackup backup;
  private final long maxWalBytes;
  private final int busyMillis;
  private final WriteAheadLog log;
  private final SqliteSweep sweep;
  private final DiskReserve reserve;
  private final DirectoryWatch watch;
  private volatile boolean closed;

  /** Null while another host has the directory. */
  private volatile @Nullable Taken taken;

  /**
   * The next row to give to an object. Written while the slots are taken, then by the committer.
   */
  private long nextRow;

  /** Whether the file says that the slots are this host's. Until then, each group says so. */
  private boolean recorded;

  /**
   * What this host holds while it has the directory.
   *
   * @param anchor never used for anything: see {@link DirectoryLock}
   */
  private record Taken(DirectoryLock lock, Connection anchor, DatabaseFiles files) {
    void release() {
      closeQuietly(anchor);
      lock.close();
    }
  }

  private SqliteStore(StorageOptions options, Path directory, Faults faults) {
    super(options);
    this.clock = options.clock();
    this.file = directory.resolve(FILE);
    this.reserve = new DiskReserve(file);
    this.watch = new DirectoryWatch(this);
    Duration patience = Outage.tryTime(options.storePatience());
    this.reads = new SqliteReads(this::openReader, options.readConnections(), patience);
    ReadWatch hangs = new ReadWatch(file.toString(), patience, ownership::readsHang);
    this.readThreads = new ReadThreads(reads, options.readConnections(), hangs, faults);
    this.maxWalBytes = options.maxWalBytes();
    this.busyMillis = (int) Math.min(LONGEST_BUSY.toMillis(), patience.toMillis());
    this.looks = new SqliteLooks(this::openReader, patience);
    this.backup = new SqliteBackup(file, this::openReader, looks, SqliteBackup::freeBytes);
    this.log = new WriteAheadLog(file, maxWalBytes, reads, looks);
    this.sweep = new SqliteSweep(this);
  }

  /** Opens the file, unless another host has the directory; that is waited for. */
  static SqliteStore open(StorageOptions options, Path directory, Faults faults) {
    SqliteStore store = new SqliteStore(options, directory, faults);
    DataDirectory.check(Objects.requireNonNull(store.file.toAbsolutePath().getParent()));
    store.tryTake();
    store.watch.start();
    store.readThreads.start();
    return store;
  }

  /**
   * Takes the directory and all slots, if no other host has them, and says whether it has. Called
   * by the thread that opens the store, and then by the one that watches the directory.
   *
   * @throws StorageException if the store can't be opened
   */
  boolean tryTake() {
    Path directory = Objects.requireNonNull(file.toAbsolutePath().getParent());
    DataDirectory.make(directory);
    DirectoryLock lock;
    try {
      lock = DirectoryLock.take(directory);
    } catch (DirectoryLock.InUseException e) {
      ownership.because(String.valueOf(e.getMessage()));
      return false;
    }
    Connection anchor = null;
    boolean done = false;
    try {
      anchor = openAnchor();
      lock.lockDatabase(file);
      long[] epochs = prepare();
      backup.removeLeftovers();
      taken = new Taken(lock, anchor, DatabaseFiles.of(file));
      done = true;
      own(epochs);
      return true;
    } catch (DirectoryLock.InUseException e) {
      ownership.because(String.valueOf(e.getMessage()));
      return false;
    } catch (SQLException | IOException e) {
      throw new StorageException(file + " can't be opened: " + e.getMessage(), e);
    } finally {
      if (!done) {
        if (anchor != null) {
          closeQuietly(anchor);
        }
        lock.close();
      }
    }
  }

  /** A connection that has a lock on the file until it is closed. */
  private Connection openAnchor() throws SQLException {
    Connection anchor;
    try {
      anchor = connect(READER_CACHE_KIB);
    } catch (SQLException e) {
      if (!isFull(e) || !reserve.release()) {
        throw e;
      }
      anchor = connect(READER_CACHE_KIB);
    }
    boolean read = false;
    try {
      // It has it from its first read on.
      SqliteSchema.single(anchor, "SELECT count(*) FROM sqlite_schema");
      read = true;
      return anchor;
    } finally {
      if (!read) {
        closeQuietly(anchor);
      }
    }
  }

  /** Makes the tables if need be, and has the file say that the slots are this host's. */
  private long[] prepare() throws SQLException {
    try (Connection connection = connect(WRITER_CACHE_KIB)) {
      connection.setAutoCommit(false);
      SqliteSchema.prepare(connection, file.toString());
      mark.make(connection, 0);
      long[] epochs = epochs(connection);
      connection.commit();
      recorded = true;
      reserve.take();
      return epochs;
    } catch (SQLException e) {
      if (!isFull(e)) {
        throw e;
      }
      LOGGER.error("{} can be read and not written: {}", file, e.getMessage());
      try (Connection connection = connect(WRITER_CACHE_KIB)) {
        return epochs(connection);
      }
    }
  }

  @Override
  Ownership ownership() {
    return ownership;
  }

  @Override
  void loseAll() {
    Taken last = taken;
    if (last != null) {
      last.lock().close(); // The connections stay, and find out at their next commit.
    }
    ownership.loseAll(HostLease.TAKEN_OVER);
    ownership.changed();
  }

  /** Whether this host has, or had, the directory. */
  boolean isTaken() {
    return taken != null;
  }

  private void checkOpen() throws SQLException {
    if (closed || taken == null) {
      throw new SQLException("the store is not open: " + ownership.reason());
    }
  }

  private Connection openReader() throws SQLException {
    checkOpen();
    return connect(READER_CACHE_KIB);
  }

  /** A disk, or what is behind it. */
  @Override
  boolean mayHang() {
    return true;
  }

  @Override
  JdbcWriter openWriter(long until) throws SQLException {
    checkOpen();
    Connection connection = connect(WRITER_CACHE_KIB);
    boolean opened = false;
    try {
      connection.setAutoCommit(false);
      opened = true;
      return new JdbcWriter(this, connection, /* watch= */ null);
    } finally {
      if (!opened) {
        closeQuietly(connection);
      }
    }
  }

  @Override
  <T extends @Nullable Object> T read(Read<T> read) throws SQLException {
    return readThreads.read(read);
  }

  @Override
  ReadTransaction beginRead() throws SQLException {
    return looks.begin();
  }

  @Override
  StoreCopy copy() {
    return backup.make();
  }

  @Override
  boolean isAway(SQLException failure) {
    int code = failure.getErrorCode() & 0xff;
    return code == SQLiteErrorCode.SQLITE_BUSY.code
        || code == SQLiteErrorCode.SQLITE_LOCKED.code
        || code == SQLiteErrorCode.SQLITE_CANTOPEN.code;
  }

  @Override
  boolean isDamaged(SQLException failure) {
    int code = failure.getErrorCode() & 0xff;
    return code == SQLiteErrorCode.SQLITE_CORRUPT.code
        || code == SQLiteErrorCode.SQLITE_NOTADB.code;
  }

  @Override
  boolean isFull(SQLException failure) {
    return (failure.getErrorCode() & 0xff) == SQLiteErrorCode.SQLITE_FULL.code
        || (failure instanceof SQLiteException e
            && e.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMSIZE);
  }

  @Override
  Fence begin(JdbcWriter writer, Map<Integer, Ownership.Tenure> tenures, long number)
      throws SQLException {
    if (!recorded) {
      if (groups().last() == 0) {
        mark.make(writer.connection(), 0);
      } else {
        recorded = true;
        reserve.take();
      }
    }
    // The first statement is a write, so that it takes the file's lock before anything is read.
    if (mark.advance(writer, groups().last(), number)) {
      return Fence.PASSED;
    }
    if (mark.group(writer) >= 0 || !SqliteMark.epochsAreRaised(writer, tenures)) {
      return Fence.WENT_BACK; // Somebody has restored an older state of the file.
    }
    // Another host has got around the directory's locks.
    ownership.loseAll(HostLease.TAKEN_OVER);
    ownership.changed();
    return Fence.LOST;
  }

  @Override
  boolean isInPlace() {
    Taken now = taken;
    if (now == null || now.files.areInPlace()) {
      return true;
    }
    ownership.loseAll(file + " was deleted or replaced while this host used it");
    ownership.changed();
    return false;
  }

  @Override
  void betweenGroups(JdbcWriter writer) {
    log.afterCommit(writer.connection());
    sweep.betweenGroups(writer);
  }

  @Override
  void resetAll(JdbcWriter writer, String why, long number) throws SQLException {
    ownership.loseAll(why);
    mark.make(writer.connection(), number);
    long[] epochs = epochs(writer.connection());
    writer.commit();
    own(epochs);
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
  long lastGroup(JdbcWriter writer) throws SQLException {
    long number = mark.group(writer);
    writer.rollback();
    return number < 0 && !recorded ? 0 : number;
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
  String minute() {
    return "?";
  }

  @Override
  void setMinute(PreparedStatement statement, int index, Duration fromNow) throws SQLException {
    statement.setLong(index, Math.ceilDiv(clock.millis() + fromNow.toMillis(), MINUTE_MILLIS));
  }

  @Override
  int sweepSessions(int most) {
    sweep.isDue();
    return 0; // The committer knows.
  }

  @Override
  public void close() {
    closed = true;
    watch.close();
    readThreads.close();
    reads.close();
    looks.close();
    Taken last = taken;
    if (last != null) {
      last.release();
    }
  }

  @Override
  public String toString() {
    return file.toString();
  }

  private Connection connect(int cacheKib) throws SQLException {
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setBusyTimeout(busyMillis);
    // The driver begins the next transaction as soon as one ends; it must not lock the file.
    config.setTransactionMode(SQLiteConfig.TransactionMode.DEFERRED);
    config.setCacheSize(-cacheKib);
    config.setJournalSizeLimit((int) Math.min(WriteAheadLog.sizeLimit(maxWalBytes), 1 << 30));
    return config.createConnection("jdbc:sqlite:" + file);
  }

  private long[] epochs(Connection connection) throws SQLException {
    nextRow = SqliteSchema.single(connection, "SELECT coalesce(max(object), 0) + 1 FROM objects");
    return SqliteMark.epochs(connection);
  }

  private void own(long[] epochs) {
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      ownership.own(slot, epochs[slot]);
    }
    ownership.changed();
  }
}
