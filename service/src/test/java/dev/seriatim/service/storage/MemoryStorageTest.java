package dev.seriatim.service.storage;

/** The contract, kept in the heap. */
final class MemoryStorageTest extends StorageContract {
  @Override
  StorageOptions options() {
    return StorageOptions.memory();
  }
}
