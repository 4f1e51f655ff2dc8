package dev.seriatim.service.object;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Lets go of what isn't used: instances that have been idle for long, or for longest when there are
 * too many, and the objects that nobody holds. Safe for any number of threads.
 */
final class Evictor implements AutoCloseable {
  private static final Logger logger = Logger.getLogger(Evictor.class.getName());

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
    this.thread = HostThreads.daemons("seriatim-evictor").newThread(this::evictIdle);
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
    while (!countOneMore()) {
      if (!evictLongestIdle()) {
        return false;
      }
    }
    return true;
  }

  private boolean countOneMore() {
    return instances.getAndUpdate(now -> Math.min(now + 1, maxInstances)) < maxInstances;
  }

  void instanceGone() {
    instances.decrementAndGet();
  }

  /** False if there was nothing to evict. */
  private synchronized boolean evictLongestIdle() {
    if (instances.get() < maxInstances) {
      return true; // Another thread has done it meanwhile.
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
    boolean evicted = false;
    for (Resting candidate : resting) {
      if (wanted == 0) {
        break;
      }
      if (candidate.object().evict(directory.nanos())) {
        directory.retire(candidate.object());
        evicted = true;
        wanted--;
      }
    }
    // The room may be another thread's by now; then there is more to be evicted.
    return evicted || instances.get() < maxInstances;
  }

  /** An object, and for how long it has rested as this was written down. */
  private record Resting(LiveObject object, long nanos) {}

  private void evictIdle() {
    long interval = Math.clamp(idleNanos / 4, MIN_INTERVAL_NANOS, MAX_INTERVAL_NANOS);
    while (!closing) {
      LockSupport.parkNanos(this, interval);
      try {
        long restingBefore = directory.nanos() - idleNanos;
        for (LiveObject object : directory.objects()) {
          evict(object, restingBefore);
        }
      } catch (RuntimeException | Error e) { // Memory may be short, and this is who makes room.
        logger.log(Level.WARNING, "the evictor can't look at all objects", e);
      }
    }
  }

  private void evict(LiveObject object, long restingBefore) {
    try {
      if (object.evict(restingBefore)) {
        directory.retire(object);
      }
    } catch (RuntimeException | Error e) {
      logger.log(Level.WARNING, e, () -> object + " can't be evicted");
    }
  }

  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
  }
}
