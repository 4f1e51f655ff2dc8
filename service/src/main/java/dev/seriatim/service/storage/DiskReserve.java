package dev.seriatim.service.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that holds a little room on the disk. SQLite has to write a little before it can read, and
 * a host whose disk has become full while it was away could not even read what it has.
 */
final class DiskReserve {
  private static final System.Logger LOGGER = System.getLogger(DiskReserve.class.getName());

  /** For SQLite's index of its log, and the beginning of the log. */
  private static final int BYTES = 128 << 10;

  private final Path file;

  DiskReserve(Path database) {
    this.file = database.resolveSibling("seriatim.reserve");
  }

  /** Gives the room free; says whether there was any. */
  boolean release() {
    try {
      return Files.deleteIfExists(file);
    } catch (IOException e) {
      return false;
    }
  }

  /** Takes the room, unless it is taken already or there is none. */
  void take() {
    try {
      if (!Files.exists(file) || Files.size(file) < BYTES) {
        Files.write(file, new byte[BYTES]);
      }
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "no room for " + file, e);
      release();
    }
  }
}
