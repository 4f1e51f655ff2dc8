package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import org.jspecify.annotations.Nullable;

/**
 * The newest value of one key; null if the key has none. It belongs to the running turn, then to
 * the object's pending batch, and never changes again once the committer has taken that batch.
 */
final class Write {
  /** What a write costs in memory beside the bytes of its key and value. */
  private static final int OVERHEAD = 160;

  final String key;
  @Nullable ByteString value;

  /** Whether the committer has not taken it yet, so that a later turn may still change it. */
  boolean pending = true;

  Write(String key, @Nullable ByteString value) {
    this.key = key;
    this.value = value;
  }

  /** About how much memory it holds. */
  int bytes() {
    return bytes(key, value);
  }

  static int bytes(String key, @Nullable ByteString value) {
    return OVERHEAD + key.length() + (value == null ? 0 : value.size());
  }
}
