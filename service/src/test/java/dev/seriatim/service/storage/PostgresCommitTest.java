package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;

/** The commit path to PostgreSQL. */
final class PostgresCommitTest extends CommitContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }
}
