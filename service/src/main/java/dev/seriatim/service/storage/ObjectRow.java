package dev.seriatim.service.storage;

import org.jspecify.annotations.Nullable;

/**
 * Where a store keeps an object.
 *
 * @param row the object's row, or {@link #NO_ROW}
 * @param name the name that the row has
 */
record ObjectRow(long row, @Nullable String name) {
  /** The object's row is not known. */
  static final long UNKNOWN_ROW = -1;

  /** The object has no row, and so nothing is stored. */
  static final long NO_ROW = 0;

  /** Nothing is stored of the object. */
  static final ObjectRow NONE = new ObjectRow(NO_ROW, null);
}
