package dev.seriatim.service.object;

import com.google.common.hash.BloomFilter;
import dev.seriatim.service.storage.SessionId;
import java.util.ArrayList;
import java.util.List;

/**
 * The idempotency keys that the store may have of one object. Of a key that isn't among them the
 * store has nothing, and need not be asked; one of a hundred others is taken for one of them, which
 * costs that question. It takes some 10 bits for each, and grows as they come. Owned by whoever has
 * the object.
 */
final class KnownKeys {
  private static final int FIRST = 64;
  private static final int GROWTH = 4;
  private static final double TAKEN_FOR_ONE = 0.005;
  private static final int BITS_OF_ONE = 12;
  private static final int OVERHEAD_BYTES = 160;

  private final List<BloomFilter<SessionId>> parts = new ArrayList<>(1);
  private int size;

  /** How many all parts are made for. */
  private int capacity;

  private long bytes;

  /** Whether the store may have this one. */
  boolean mayHave(SessionId key) {
    for (BloomFilter<SessionId> part : parts) {
      if (part.mightContain(key)) {
        return true;
      }
    }
    return false;
  }

  /** The store may have this one from now on. */
  void add(SessionId key) {
    if (size == capacity) {
      grow();
    }
    boolean _ = parts.getLast().put(key);
    size++;
  }

  private void grow() {
    int more = parts.isEmpty() ? FIRST : capacity * (GROWTH - 1);
    parts.add(BloomFilter.create(SessionId::into, more, TAKEN_FOR_ONE));
    capacity += more;
    bytes += OVERHEAD_BYTES + (long) more * BITS_OF_ONE / Byte.SIZE;
  }

  /** What this takes in memory, roughly. */
  long bytes() {
    return bytes;
  }
}
