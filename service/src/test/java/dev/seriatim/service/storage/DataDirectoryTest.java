package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may read what is stored. */
final class DataDirectoryTest {
  @TempDir private Path parent;

  private static String rights(Path path) throws Exception {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void aNewOneIsItsOwnersAlone() throws Exception {
    Path directory = parent.resolve("a/b");
    SqliteStore store = SqliteStore.open(StorageOptions.sqlite(directory), directory, Faults.NONE);
    try {
      assertThat(rights(directory)).isEqualTo("rwx------");
      assertThat(rights(parent.resolve("a"))).isEqualTo("rwx------");
    } finally {
      store.close();
    }
  }

  @Test
  void oneThatIsThereIsLeftAsItIs() throws Exception {
    Path directory = parent.resolve("there");
    Files.createDirectory(directory);
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    SqliteStore store = SqliteStore.open(StorageOptions.sqlite(directory), directory, Faults.NONE);
    try {
      assertThat(rights(directory)).isEqualTo("rwxr-xr-x");
    } finally {
      store.close();
    }
  }
}
