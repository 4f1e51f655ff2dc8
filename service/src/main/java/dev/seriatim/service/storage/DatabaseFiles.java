package dev.seriatim.service.storage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The files of an open SQLite database, as they were when it was opened. Whoever has a file open
 * goes on with it also when it is deleted, or when another one is put in its place; what is written
 * then is never found again. Immutable.
 */
final class DatabaseFiles {
  /** A file and what the operating system knows it by. */
  private record Known(Path path, Object key) {}

  private final List<Known> files;

  private DatabaseFiles(List<Known> files) {
    this.files = List.copyOf(files);
  }

  /** The database in this file and its log, which must both be there. */
  static DatabaseFiles of(Path database) throws IOException {
    List<Known> files = new ArrayList<>();
    for (String suffix : List.of("", "-wal")) {
      Path path = database.resolveSibling(database.getFileName() + suffix);
      files.add(new Known(path, key(path)));
    }
    return new DatabaseFiles(files);
  }

  /** Whether each file is still where it was. */
  boolean areInPlace() {
    for (Known file : files) {
      try {
        if (!file.key.equals(key(file.path))) {
          return false;
        }
      } catch (IOException e) {
        return false;
      }
    }
    return true;
  }

  /** Where the operating system has no such thing, it is enough that there is a file. */
  private static Object key(Path path) throws IOException {
    return Objects.requireNonNullElse(
        Files.readAttributes(path, BasicFileAttributes.class).fileKey(), "exists");
  }
}
