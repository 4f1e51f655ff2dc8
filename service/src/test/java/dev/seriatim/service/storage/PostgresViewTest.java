package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;

/** Looks at what is stored, in PostgreSQL. */
final class PostgresViewTest extends StoredViewContract {
  @Override
  StorageOptions options() {
    return StorageOptions.postgres(PostgresServer.shared().newSchema());
  }
}
