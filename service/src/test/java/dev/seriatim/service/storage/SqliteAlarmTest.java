package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alarms, kept in a SQLite file. */
final class SqliteAlarmTest extends AlarmContract {
  @TempDir Path directory;

  @Override
  StorageOptions options() {
    return StorageOptions.sqlite(directory);
  }

  @Test
  void anAlarmWhoseCommitFailedIsOfferedAgain() {
    checkThatALostAlarmIsOfferedAgain();
  }
}
