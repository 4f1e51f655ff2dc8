package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;

/** The contract, kept in PostgreSQL. */
final class PostgresStorageTest extends StorageContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    return StorageOptions.postgres(url);
  }
}
