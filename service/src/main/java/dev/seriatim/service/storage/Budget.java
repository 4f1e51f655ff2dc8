package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageException;
import java.util.concurrent.atomic.AtomicLong;

/** An amount of memory that all objects share. Safe for any number of threads. */
final class Budget {
  private static final long LOOK_AGAIN_MILLIS = 1_000;

  private final long limit;
  private final AtomicLong used = new AtomicLong();

  @GuardedBy("this")
  private int waiting;

  Budget(long limit) {
    this.limit = limit;
  }

  void add(long bytes) {
    if (bytes != 0) {
      used.addAndGet(bytes);
    }
  }

  void remove(long bytes) {
    if (bytes != 0 && used.addAndGet(-bytes) + bytes >= limit) {
      synchronized (this) {
        if (waiting > 0) {
          notifyAll();
        }
      }
    }
  }

  long used() {
    return used.get();
  }

  /** Waits while the limit is passed. Returns also when the instance is refused. */
  void awaitRoom(TurnBracket instance) {
    if (used.get() < limit) {
      return;
    }
    synchronized (this) {
      waiting++;
      try {
        while (used.get() >= limit && instance.refusal() == null) {
          wait(LOOK_AGAIN_MILLIS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StorageException("interrupted while waiting for room for uncommitted writes", e);
      } finally {
        waiting--;
      }
    }
  }
}
