package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import org.junit.jupiter.api.Test;

/** Alarms, kept in PostgreSQL. */
final class PostgresAlarmTest extends AlarmContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }

  @Test
  void anAlarmWhoseCommitFailedIsOfferedAgain() {
    checkThatALostAlarmIsOfferedAgain();
  }
}
