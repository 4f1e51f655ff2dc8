package dev.seriatim.service.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteConnection;

/**
 * Keeps SQLite's write-ahead log short. SQLite begins it anew by itself, once all of it is in the
 * database and nobody reads from it; but with enough reads there is always somebody. So when it has
 * become too long this host's own reads wait for a moment. A reader of another process can't be
 * made to wait; the log is cut when that one has gone. The committer's.
 */
final class WriteAheadLog {
  private static final Logger LOGGER = LoggerFactory.getLogger(WriteAheadLog.class);
  private static final long READS_PATIENCE_MILLIS = 1_000;

  private final Path file;
  private final long maxBytes;
  private final SqliteReads reads;
  private final SqliteLooks looks;

  /** Tried again beyond this. Grows while there is somebody whom nobody can make wait. */
  private long tryBeyond;

  private boolean told;

  /**
   * A log.
   *
   * @param reads those of this host, which can be made to wait
   * @param looks those for people, likewise, but for those that are held open
   */
  WriteAheadLog(Path database, long maxBytes, SqliteReads reads, SqliteLooks looks) {
    this.file = database.resolveSibling(database.getFileName() + "-wal");
    this.maxBytes = maxBytes;
    this.reads = reads;
    this.looks = looks;
    this.tryBeyond = maxBytes;
  }

  /** To what size SQLite cuts the file when it begins the log anew. */
  static long sizeLimit(long maxBytes) {
    return maxBytes / 4;
  }

  /** Cuts the log, if that is due and possible. */
  void afterCommit(Connection connection) {
    try {
      long bytes = Files.size(file);
      if (bytes <= maxBytes) {
        tryBeyond = maxBytes;
        told = false;
      } else if (bytes > tryBeyond && !looks.areHeld()) {
        tryBeyond = cut(connection) ? maxBytes : bytes + maxBytes;
        if (tryBeyond > maxBytes && !told) {
          told = true;
          LOGGER.warn(
              "{} has {} bytes, expected at most {}, and can't be cut while someone reads the"
                  + " database beside this host",
              file,
              bytes,
              maxBytes);
        }
      }
    } catch (NoSuchFileException e) {
      LOGGER.debug("the log has been taken away", e); // That is told.
    } catch (IOException | SQLException e) {
      // The commit is done all the same, and the next one may have better luck.
      LOGGER.warn("{} could not be cut: {}", file, e.getMessage());
      tryBeyond += maxBytes;
    }
  }

  private boolean cut(Connection connection) throws SQLException {
    if (!pauseReads()) {
      return false;
    }
    SQLiteConnection sqlite = connection.unwrap(SQLiteConnection.class);
    int busyMillis = sqlite.getBusyTimeout();
    try {
      sqlite.setBusyTimeout(0); // Commits wait meanwhile: not for a reader who has all the time.
      try (PreparedStatement checkpoint =
              connection.prepareStatement("PRAGMA wal_checkpoint(TRUNCATE)");
          ResultSet results = checkpoint.executeQuery()) {
        return results.next() && results.getInt(1) == 0; // not busy
      }
    } finally {
      sqlite.setBusyTimeout(busyMillis);
      looks.resume();
      reads.resume();
      connection.rollback();
    }
  }

  private boolean pauseReads() {
    try {
      if (!reads.pause(READS_PATIENCE_MILLIS)) {
        return false;
      }
      boolean paused = false;
      try {
        paused = looks.pause(READS_PATIENCE_MILLIS);
        return paused;
      } finally {
        if (!paused) {
          reads.resume();
        }
      }
    } catch (InterruptedException e) {
      LOGGER.warn("the committer was interrupted; it goes on");
      return false;
    }
  }
}
