package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** The contract, kept in a SQLite file. */
final class SqliteStorageTest extends StorageContract {
  @TempDir Path directory;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory);
  }
}
