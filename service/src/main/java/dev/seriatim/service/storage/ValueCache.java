package dev.seriatim.service.storage;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Durable values of one object that were read or written lately, those used longest ago first.
 * Guarded by the monitor of the object's log, but for its place in the room.
 */
final class ValueCache {
  private final StoredState owner;
  private final LinkedHashMap<String, Write> values = new LinkedHashMap<>(4, 0.75f, true);
  private int bytes;

  /** Whether a value was read since it last was asked to give way. */
  private boolean used;

  /** Its neighbours in the room. Guarded by the room. */
  ValueCache next = this;

  ValueCache previous = this;

  /** A cache that has yet to enter the room. */
  ValueCache(StoredState owner) {
    this.owner = owner;
  }

  @Nullable Write get(String key) {
    Write value = values.get(key);
    if (value != null) {
      used = true;
    }
    return value;
  }

  /**
   * Keeps this value, and lets go of others of the object if it has too much.
   *
   * @param limit how much memory all of them may hold
   */
  void put(Write value, int limit, CacheRoom room) {
    long before = bytes;
    Write old = values.put(value.key, value);
    bytes += value.bytes();
    if (old != null) {
      bytes -= old.bytes();
    }
    while (bytes > limit) {
      Map.Entry<String, Write> oldest = values.pollFirstEntry();
      bytes -= oldest.getValue().bytes();
    }
    room.add(bytes - before);
  }

  void remove(String key, CacheRoom room) {
    Write old = values.remove(key);
    if (old != null) {
      bytes -= old.bytes();
      room.add(-old.bytes());
    }
  }

  /** It is dropped, with all that is in it. */
  void drop(CacheRoom room) {
    room.add(-bytes);
    room.leave(this);
  }

  /** Others need the room. Called by any thread that holds no monitor. */
  void askToGiveWay() {
    owner.giveWay(this);
  }

  /** Whether a value was read since this was asked last. */
  boolean wasUsed() {
    boolean was = used;
    used = false;
    return was;
  }
}
