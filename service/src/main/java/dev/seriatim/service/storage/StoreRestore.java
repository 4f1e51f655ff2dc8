package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a backup in the place of the database in a data directory that no host is using. The
 * database that is there is kept beside it.
 */
public final class StoreRestore {
  private static final Logger LOGGER = LoggerFactory.getLogger(StoreRestore.class);
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

  /** What belongs to a database, beside its file. */
  private static final List<String> BESIDE = List.of("-wal", "-shm");

  private StoreRestore() {}

  /**
   * What was done.
   *
   * @param database the file that hosts use from now on
   * @param objects how many it has
   * @param before the database that was there, if there was one
   */
  public record Restored(Path database, long objects, Optional<Path> before) {}

  /**
   * Puts this backup into this directory, which is made if it isn't there. Nothing is changed
   * unless the backup is sound.
   *
   * @throws StorageException if a host is using the directory, the backup is not a sound database
   *     or was written by a newer version, or a file can't be read or written
   */
  public static Restored restore(Path backup, Path directory, InstantSource clock) {
    if (!Files.isRegularFile(backup)) {
      throw new StorageException("backup " + backup + " is not a file, expected a SQLite database");
    }
    DataDirectory.make(directory);
    try (DirectoryLock lock = DirectoryLock.take(directory)) {
      Path database = directory.resolve(SqliteStore.FILE);
      if (Files.exists(database) && Files.isSameFile(database, backup)) {
        throw new StorageException(
            "backup " + backup + " is the database itself, expected another file");
      }
      Path coming = directory.resolve(SqliteStore.FILE + ".coming");
      try {
        long objects = bring(backup, coming);
        Optional<Path> before =
            Files.exists(database)
                ? Optional.of(setAside(lock, database, clock))
                : Optional.empty();
        Files.move(coming, database, StandardCopyOption.ATOMIC_MOVE);
        force(directory);
        return new Restored(database, objects, before);
      } finally {
        remove(coming);
      }
    } catch (IOException e) {
      throw new StorageException("backup " + backup + " could not be restored: " + e, e);
    }
  }

  /** Copies the backup, and checks the copy. */
  private static long bring(Path backup, Path coming) throws IOException {
    remove(coming);
    for (String suffix : List.of("", "-wal")) { // What was put aside may have one.
      Path from = sibling(backup, suffix);
      if (Files.exists(from)) {
        Files.copy(from, sibling(coming, suffix));
      }
    }
    long objects;
    try {
      try (Connection connection = connect(coming)) {
        long version = SqliteSchema.single(connection, "SELECT max(version) FROM schema_version");
        JdbcStore.checkVersion("backup " + backup, version);
        JdbcStore.execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        objects = SqliteSchema.single(connection, "SELECT count(*) FROM objects");
      }
      SqliteBackup.check(coming);
    } catch (SQLException e) {
      throw new StorageException(
          "backup " + backup + " is not a sound database: " + e.getMessage(), e);
    }
    try (FileChannel written = FileChannel.open(coming, StandardOpenOption.WRITE)) {
      written.force(/* metaData= */ true);
    }
    return objects;
  }

  private static Path setAside(DirectoryLock lock, Path database, InstantSource clock)
      throws IOException {
    settle(lock, database);
    String name = SqliteStore.FILE + ".before-" + TIME.format(clock.instant());
    Path before = database.resolveSibling(name);
    for (int i = 2; Files.exists(before); i++) {
      before = database.resolveSibling(name + "-" + i);
    }
    Files.move(database, before);
    for (String suffix : BESIDE) {
      Path beside = sibling(database, suffix);
      if (Files.exists(beside)) {
        Files.move(beside, sibling(before, suffix));
      }
    }
    return before;
  }

  /** Sees to it that no host has it, and that all is in the one file, if it is sound. */
  private static void settle(DirectoryLock lock, Path database) {
    try (Connection connection = connect(database)) {
      long _ = SqliteSchema.single(connection, "SELECT count(*) FROM sqlite_schema");
      lock.lockDatabase(database);
      JdbcStore.execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (SQLException e) {
      LOGGER.warn("{} is kept as it is: {}", database, e.getMessage());
    }
  }

  private static Connection connect(Path file) throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + file);
  }

  private static void remove(Path coming) throws IOException {
    Files.deleteIfExists(coming);
    for (String suffix : BESIDE) {
      Files.deleteIfExists(sibling(coming, suffix));
    }
  }

  private static Path sibling(Path file, String suffix) {
    return file.resolveSibling(file.getFileName() + suffix);
  }

  /** So that the change of names outlives the machine. */
  private static void force(Path directory) {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(/* metaData= */ true);
    } catch (IOException e) {
      LOGGER.debug("{} can't be forced to the disk on this system", directory, e);
    }
  }
}
