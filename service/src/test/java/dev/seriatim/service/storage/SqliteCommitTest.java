package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.junit.jupiter.api.io.TempDir;

/** The commit path to a SQLite file. */
final class SqliteCommitTest extends CommitContract {
  @TempDir Path directory;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory);
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + directory.resolve(SqliteStore.FILE));
  }
}
