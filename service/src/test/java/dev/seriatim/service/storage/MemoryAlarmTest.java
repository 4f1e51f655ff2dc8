package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;

/** Alarms, kept in the heap. */
final class MemoryAlarmTest extends AlarmContract {
  @Override
  StorageOptions options() {
    return StorageOptions.memory();
  }
}
