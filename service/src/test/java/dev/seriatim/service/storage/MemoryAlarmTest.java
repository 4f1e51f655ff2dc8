package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.sql.Connection;

/** Alarms, kept in the heap. */
final class MemoryAlarmTest extends AlarmContract {
  @Override
  StorageOptions options() {
    return StorageOptions.memory();
  }

  @Override
  Connection connect() {
    throw new UnsupportedOperationException();
  }
}
