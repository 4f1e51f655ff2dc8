package dev.seriatim.service.storage;

import org.jspecify.annotations.Nullable;

/**
 * Where a store keeps an object.
 *
 * @param row the object's row, or {@link StoredLog#NO_ROW}
 * @param name the name that the row has
 */
record ObjectRow(long row, @Nullable String name) {
  /** Nothing is stored of the object. */
  static final ObjectRow NONE = new ObjectRow(StoredLog.NO_ROW, null);
}
