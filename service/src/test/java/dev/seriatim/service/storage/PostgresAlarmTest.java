package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;

/** Alarms, kept in PostgreSQL. */
final class PostgresAlarmTest extends AlarmContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection(url);
  }

  @Test
  void anAlarmWhoseCommitFailedIsOfferedAgain() {
    checkThatALostAlarmIsOfferedAgain();
  }
}
