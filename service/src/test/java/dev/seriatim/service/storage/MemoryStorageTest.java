package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;

/** The contract, kept in the heap. */
final class MemoryStorageTest extends StorageContract {
  @Override
  StorageOptions options() {
    return StorageOptions.memory();
  }
}
