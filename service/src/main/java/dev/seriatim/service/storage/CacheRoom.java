package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The room that the caches of all objects share. When there is too little, those give way that
 * weren't read for longest, roughly: they stand in a round, and who was read since it last came to
 * the front is let off once. So a value that is read costs nothing but a mark.
 *
 * <p>Safe for any number of threads. Its lock is taken by those who hold the monitor of an object's
 * log, and never the other way round.
 */
final class CacheRoom {
  private final long limit;

  /** What all values hold; more than the limit for a moment, until others have given way. */
  private final AtomicLong used = new AtomicLong();

  private final AtomicBoolean making = new AtomicBoolean();

  /** The one that is asked next to give way; the last one is the one before it in the round. */
  @GuardedBy("this")
  private @Nullable ValueCache front;

  @GuardedBy("this")
  private int size;

  CacheRoom(long limit) {
    this.limit = limit;
  }

  /** Whether so much can be kept at all. */
  boolean fits(long bytes) {
    return bytes <= limit;
  }

  /** A cache holds so much more now, or less. */
  void add(long bytes) {
    used.addAndGet(bytes);
  }

  long used() {
    return used.get();
  }

  /** How many caches there are. */
  synchronized int size() {
    return size;
  }

  /** This cache comes, and stands last. */
  synchronized void enter(ValueCache cache) {
    ValueCache first = front;
    if (first == null) {
      cache.next = cache;
      cache.previous = cache;
      front = cache;
    } else {
      cache.next = first;
      cache.previous = first.previous;
      first.previous.next = cache;
      first.previous = cache;
    }
    size++;
  }

  /** This cache, which has come, goes. */
  synchronized void leave(ValueCache cache) {
    if (front == cache) {
      front = cache.next == cache ? null : cache.next;
    }
    cache.previous.next = cache.next;
    cache.next.previous = cache.previous;
    size--;
  }

  /**
   * Lets caches give way until there is room. Called by those who have put something into one, and
   * hold no monitor.
   *
   * @param but the one that it was put into, which stays
   */
  void make(@Nullable ValueCache but) {
    if (used.get() <= limit || making.getAndSet(true)) {
      return;
    }
    try {
      // Once round all are asked, and twice round none is let off.
      for (int asked = 2 * size() + 1; asked > 0 && used.get() > limit; asked--) {
        ValueCache next = nextToAsk();
        if (next == null) {
          return;
        }
        if (next != but) {
          next.askToGiveWay();
        }
      }
    } finally {
      making.set(false);
    }
  }

  /** It stands last then. */
  private synchronized @Nullable ValueCache nextToAsk() {
    ValueCache next = front;
    if (next != null) {
      front = next.next;
    }
    return next;
  }
}
