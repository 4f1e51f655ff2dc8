package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.ToLongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteConfig;

/**
 * Copies a SQLite file that a host is using, into a file beside it. By {@code VACUUM INTO}: it
 * reads one state of the file while others write, where SQLite's own way to copy would begin anew
 * with each commit. Meanwhile the log of writes can't be cut.
 *
 * <p>Safe for any number of threads; one copy is made at a time.
 */
final class SqliteBackup {
  private static final Logger LOGGER = LoggerFactory.getLogger(SqliteBackup.class);
  private static final String PREFIX = "seriatim-backup-";
  private static final String SUFFIX = ".tmp";

  /** The copy takes the room of the database once; the rest is for what is written meanwhile. */
  private static final int ROOM = 2;

  private final Path database;
  private final SqliteReads.Connector connector;
  private final SqliteLooks looks;
  private final ToLongFunction<Path> freeBytes;
  private final AtomicBoolean underWay = new AtomicBoolean();

  /**
   * Backups of a database.
   *
   * @param looks which have to know of whoever reads for long
   * @param freeBytes of the disk with this directory
   */
  SqliteBackup(
      Path database,
      SqliteReads.Connector connector,
      SqliteLooks looks,
      ToLongFunction<Path> freeBytes) {
    this.database = database;
    this.connector = connector;
    this.looks = looks;
    this.freeBytes = freeBytes;
  }

  static long freeBytes(Path directory) {
    try {
      return Files.getFileStore(directory).getUsableSpace();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path directory() {
    return Objects.requireNonNull(database.toAbsolutePath().getParent());
  }

  /** As {@link StorageEngine#copy}. */
  StoreCopy make() {
    if (!underWay.compareAndSet(false, true)) {
      throw new StorageException(
          "a copy of " + database + " is being made or read, expected one at a time");
    }
    StoreCopy copy =
        new StoreCopy(
            directory().resolve(PREFIX + System.nanoTime() + SUFFIX), () -> underWay.set(false));
    boolean made = false;
    try {
      checkRoom();
      vacuumInto(copy.file());
      check(copy.file());
      made = true;
      return copy;
    } catch (SQLException e) {
      throw new StorageException(database + " could not be copied: " + e.getMessage(), e);
    } catch (IOException | UncheckedIOException e) {
      throw new StorageException(database + " could not be copied: " + e, e);
    } finally {
      if (!made) {
        copy.close();
      }
    }
  }

  private void checkRoom() throws IOException {
    long bytes = Files.size(database);
    Path log = database.resolveSibling(database.getFileName() + "-wal");
    if (Files.exists(log)) {
      bytes += Files.size(log);
    }
    long free = freeBytes.applyAsLong(directory());
    if (free < ROOM * bytes) {
      throw new StoreCopy.NoRoomException(
          "%s has %,d bytes free, expected at least %,d: twice what %s has"
              .formatted(directory(), free, ROOM * bytes, database.getFileName()));
    }
  }

  private void vacuumInto(Path copy) throws SQLException {
    looks.hold();
    try (Connection connection = connector.connect();
        PreparedStatement vacuum = connection.prepareStatement("VACUUM INTO ?")) {
      vacuum.setString(1, copy.toString());
      vacuum.execute();
    } finally {
      looks.letGo();
    }
  }

  /** Refuses a file that isn't a sound database. */
  static void check(Path file) throws SQLException {
    SQLiteConfig config = new SQLiteConfig();
    config.setReadOnly(true);
    try (Connection connection = config.createConnection("jdbc:sqlite:" + file);
        PreparedStatement check = connection.prepareStatement("PRAGMA integrity_check(1)");
        ResultSet results = check.executeQuery()) {
      String found = results.next() ? results.getString(1) : "nothing";
      if (!Objects.equals(found, "ok")) {
        throw new SQLException("integrity_check: " + found + ", expected ok");
      }
    }
  }

  /** Removes the copies of hosts that were killed. */
  void removeLeftovers() {
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(directory(), PREFIX + "*" + SUFFIX)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      LOGGER.warn("{} may have copies of its database that nobody needs", directory(), e);
    }
  }
}
