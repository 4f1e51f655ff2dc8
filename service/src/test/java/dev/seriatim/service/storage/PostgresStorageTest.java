package dev.seriatim.service.storage;

/** The contract, kept in PostgreSQL. */
final class PostgresStorageTest extends StorageContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }
}
