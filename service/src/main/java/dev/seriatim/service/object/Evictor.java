package dev.seriatim.service.object;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets go of what isn't used: instances that have been idle for long, or for longest when there are
 * too many, and the objects that nobody holds. Safe for any number of threads.
 */
final class Evictor implements AutoCloseable {
  /** When there are too many instances, this part of them goes at once, so that it pays. */
  private static final int PART = 16;

  private static final long MAX_INTERVAL_NANOS = Duration.ofSeconds(10).toNanos();
  private static final long MIN_INTERVAL_NANOS = Duration.ofMillis(5).toNanos();

  private final ObjectDirectory directory;
  private final long idleNanos;
  private final int maxInstances;
  private final AtomicInteger instances = new AtomicInteger();
  private final Thread thread;
  private volatile boolean closing;

  Evictor(ObjectDirectory directory) {
    this.directory = directory;
    this.idleNanos = directory.limits().idleLimit().toNanos();
    this.maxInstances = directory.limits().maxInstances();
    this.thread = Thread.ofPlatform().daemon().name("seriatim-evictor").unstarted(this::evictIdle);
  }

  void start() {
    thread.start();
  }

  /**
   * Counts one more instance, after evicting others if there are too many.
   *
   * @return false if there are too many, and none of them could be evicted; nothing was counted
   */
  boolean makeRoom() {
    if (instances.incrementAndGet() <= maxInstances) {
      return true;
    }
    evictLongestIdle();
    if (instances.get() <= maxInstances) {
      return true;
    }
    instances.decrementAndGet();
    return false;
  }

  void instanceGone() {
    instances.decrementAndGet();
  }

  private synchronized void evictLongestIdle() {
    if (instances.get() <= maxInstances) {
      return; // Another thread has done it meanwhile.
    }
    long now = directory.nanos();
    List<Resting> resting = new ArrayList<>();
    for (LiveObject object : directory.objects()) {
      if (object.mayBeEvicted()) {
        resting.add(new Resting(object, now - object.restingSinceNanos()));
      }
    }
    resting.sort(Comparator.comparingLong(Resting::nanos).reversed());
    int wanted = Math.max(1, maxInstances / PART);
    for (Resting candidate : resting) {
      if (wanted == 0) {
        return;
      }
      if (candidate.object().evict(now)) {
        directory.retire(candidate.object());
        wanted--;
      }
    }
  }

  /** An object, and for how long it has rested as this was written down. */
  private record Resting(LiveObject object, long nanos) {}

  private void evictIdle() {
    long interval = Math.clamp(idleNanos / 4, MIN_INTERVAL_NANOS, MAX_INTERVAL_NANOS);
    while (!closing) {
      LockSupport.parkNanos(this, interval);
      long restingBefore = directory.nanos() - idleNanos;
      for (LiveObject object : directory.objects()) {
        if (object.evict(restingBefore)) {
          directory.retire(object);
        }
      }
    }
  }

  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
  }
}
