package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** The commit path to PostgreSQL. */
final class PostgresCommitTest extends CommitContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection(url);
  }
}
