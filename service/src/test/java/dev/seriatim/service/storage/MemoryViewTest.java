package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;

/** Looks at what is stored, in the heap. */
final class MemoryViewTest extends StoredViewContract {
  @Override
  StorageOptions options() {
    return StorageOptions.memory();
  }
}
