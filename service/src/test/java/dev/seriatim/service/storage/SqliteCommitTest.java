package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** The commit path to a SQLite file. */
final class SqliteCommitTest extends CommitContract {
  @TempDir Path directory;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory);
  }
}
