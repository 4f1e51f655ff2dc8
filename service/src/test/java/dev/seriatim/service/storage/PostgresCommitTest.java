package dev.seriatim.service.storage;

/** The commit path to PostgreSQL. */
final class PostgresCommitTest extends CommitContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }
}
