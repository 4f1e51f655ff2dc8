package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Looks at what is stored, in SQLite. */
final class SqliteViewTest extends StoredViewContract {
  @TempDir Path directory;

  private int stores;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory.resolve("store " + ++stores));
  }
}
