package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alarms, kept in a SQLite file. */
final class SqliteAlarmTest extends AlarmContract {
  @TempDir Path directory;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory);
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + directory.resolve(SqliteStore.FILE));
  }

  @Test
  void anAlarmWhoseCommitFailedIsOfferedAgain() {
    checkThatALostAlarmIsOfferedAgain();
  }
}
