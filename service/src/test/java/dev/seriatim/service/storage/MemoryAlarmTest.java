package dev.seriatim.service.storage;

/** Alarms, kept in the heap. */
final class MemoryAlarmTest extends AlarmContract {
  @Override
  StorageOptions options() {
    return StorageOptions.memory();
  }
}
