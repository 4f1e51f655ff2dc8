package dev.seriatim.service.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file that holds a little room on the disk. SQLite has to write a little before it can read, and
 * a host whose disk has become full while it was away could not even read what it has.
 */
final class DiskReserve {
  private static final Logger LOGGER = LoggerFactory.getLogger(DiskReserve.class);

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
      LOGGER.debug("no room for {}", file, e);
      release();
    }
  }
}
