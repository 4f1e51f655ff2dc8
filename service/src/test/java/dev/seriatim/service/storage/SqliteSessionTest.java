package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/** Sessions, kept in a SQLite file. */
final class SqliteSessionTest extends DatabaseSessionContract {
  @TempDir Path directory;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory);
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + directory.resolve(SqliteStore.FILE));
  }

  @Override
  void pass(Duration time) {
    clock.advance(time);
  }

  @Override
  SQLException busy() {
    return new SQLiteException("busy", SQLiteErrorCode.SQLITE_BUSY);
  }
}
