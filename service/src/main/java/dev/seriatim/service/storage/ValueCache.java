package dev.seriatim.service.storage;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Durable values of one object that were read or written lately, those used longest ago first.
 * Guarded by the monitor of the object's log.
 */
final class ValueCache {
  private final LinkedHashMap<String, Write> values = new LinkedHashMap<>(4, 0.75f, true);
  private int bytes;

  @Nullable Write get(String key) {
    return values.get(key);
  }

  boolean isEmpty() {
    return values.isEmpty();
  }

  /**
   * Keeps this value, if there is room, and lets go of others if there is too little.
   *
   * @param limit how much memory all of them may hold
   * @param shared what the caches of all objects hold together
   */
  void put(Write value, int limit, Budget shared) {
    int more = value.bytes();
    if (more > limit || !shared.tryAdd(more)) {
      return;
    }
    bytes += more;
    Write old = values.put(value.key, value);
    if (old != null) {
      removed(old, shared);
    }
    while (bytes > limit) {
      Map.Entry<String, Write> oldest = values.pollFirstEntry();
      removed(oldest.getValue(), shared);
    }
  }

  void remove(String key, Budget shared) {
    Write old = values.remove(key);
    if (old != null) {
      removed(old, shared);
    }
  }

  private void removed(Write old, Budget shared) {
    bytes -= old.bytes();
    shared.remove(old.bytes());
  }

  void clear(Budget shared) {
    shared.remove(bytes);
    bytes = 0;
    values.clear();
  }
}
