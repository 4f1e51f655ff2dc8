package dev.seriatim.testing;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where hosts under test store: in memory if the system has a place for that, since disks wait. */
final class TemporaryDirectory {
  private static final Path MEMORY = Path.of("/dev/shm");

  /** Less is a container's, and soon full. */
  private static final long LEAST_BYTES = 256L << 20;

  private static final String PREFIX = "seriatim-test-";

  private TemporaryDirectory() {}

  /** A new one. */
  static Path make() {
    try {
      return hasRoom()
          ? Files.createTempDirectory(MEMORY, PREFIX)
          : Files.createTempDirectory(PREFIX);
    } catch (IOException e) {
      throw new UncheckedIOException("no directory for the host under test", e);
    }
  }

  private static boolean hasRoom() throws IOException {
    return Files.isDirectory(MEMORY)
        && Files.isWritable(MEMORY)
        && Files.getFileStore(MEMORY).getUsableSpace() >= LEAST_BYTES;
  }

  /** Deletes it, with all that is in it. */
  static void delete(Path directory) {
    try {
      MoreFiles.deleteRecursively(directory, RecursiveDeleteOption.ALLOW_INSECURE);
    } catch (IOException e) {
      throw new UncheckedIOException("the directory of the host under test is left", e);
    }
  }
}
