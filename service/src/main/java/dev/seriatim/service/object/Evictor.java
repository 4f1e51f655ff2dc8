package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.EvictionReason;
import dev.seriatim.service.HostLimits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Lets go of what isn't used: instances that have been idle for long, or for longest when there are
 * too many, and the objects that nobody holds. Safe for any number of threads.
 */
final class Evictor implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(Evictor.class);

  /** When there are too many instances, the longest idle ones of so many that are idle go. */
  private static final int SAMPLE = 64;

  /** So many of them go at once, so that it pays. */
  private static final int PART = 16;

  /** After so many of which none is idle, whoever needs room is refused. */
  private static final int MOST_LOOKED_AT = 4_096;

  private static final long MAX_INTERVAL_NANOS = Duration.ofSeconds(10).toNanos();
  private static final long MIN_INTERVAL_NANOS = Duration.ofMillis(5).toNanos();

  private final LongSupplier nanos;
  private final Collection<LiveObject> objects;
  private final Consumer<LiveObject> retire;
  private final long idleNanos;
  private final int maxInstances;
  private final Thread thread;
  private volatile boolean closing;

  /** The instances that there are; each knows its place here. */
  @GuardedBy("this")
  private final List<Instance> instances = new ArrayList<>();

  /** How many are about to be made. */
  @GuardedBy("this")
  private int expected;

  /** Goes round the instances: whoever looks next goes on where the last one stopped. */
  @GuardedBy("this")
  private int hand;

  @GuardedBy("this")
  private long lookedAt;

  /**
   * An evictor that has still to be started.
   *
   * @param objects all objects there are, at any time
   * @param retire forgets an object, if nobody holds it
   */
  Evictor(
      HostLimits limits,
      LongSupplier nanos,
      Collection<LiveObject> objects,
      Consumer<LiveObject> retire) {
    this.nanos = nanos;
    this.objects = objects;
    this.retire = retire;
    this.idleNanos = limits.idleLimit().toNanos();
    this.maxInstances = limits.maxInstances();
    this.thread = HostThreads.daemons("seriatim-evictor").newThread(this::evictIdle);
  }

  void start() {
    thread.start();
  }

  /**
   * Makes room for one more instance, by evicting others if there are too many. Then it must be
   * {@link #made}, or {@link #notMade}.
   *
   * @return false if there are too many, and none of them could be evicted
   */
  synchronized boolean makeRoom() {
    if (isFull()) {
      evictLongestIdle();
      if (isFull()) {
        return false;
      }
    }
    expected++;
    return true;
  }

  @GuardedBy("this")
  private boolean isFull() {
    return instances.size() + expected >= maxInstances;
  }

  synchronized void notMade() {
    expected--;
  }

  synchronized void made(Instance instance) {
    instance.setPlace(instances.size());
    instances.add(instance);
    expected--; // Last: if there is no memory for it, it was not made.
  }

  /** The instance is discarded. Called once. */
  synchronized void gone(Instance instance) {
    Instance last = instances.removeLast();
    if (last != instance) {
      instances.set(instance.place(), last);
      last.setPlace(instance.place());
    }
  }

  /** How many instances there are. */
  synchronized int size() {
    return instances.size();
  }

  /** How many instances have been looked at to make room. */
  synchronized long lookedAt() {
    return lookedAt;
  }

  /**
   * Evicts some of the longest idle instances of those that the hand comes by next. So whoever
   * needs room looks at a few, however many there are.
   */
  @GuardedBy("this")
  private void evictLongestIdle() {
    long now = nanos.getAsLong();
    List<Resting> resting = new ArrayList<>(SAMPLE);
    int most = Math.min(instances.size(), MOST_LOOKED_AT);
    for (int i = 0; i < most && resting.size() < SAMPLE; i++) {
      if (hand >= instances.size()) {
        hand = 0;
      }
      LiveObject object = instances.get(hand++).object();
      lookedAt++;
      if (!object.hasTurnThread() && object.hasInstance()) {
        resting.add(new Resting(object, now - object.restingSinceNanos()));
      }
    }
    resting.sort(Comparator.comparingLong(Resting::nanos).reversed());
    int wanted = Math.clamp(maxInstances / PART, 1, PART);
    for (Resting candidate : resting) {
      if (wanted == 0) {
        break;
      }
      if (candidate.object().evict(nanos.getAsLong(), EvictionReason.ROOM)) {
        retire.accept(candidate.object());
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
      try {
        long restingBefore = nanos.getAsLong() - idleNanos;
        for (LiveObject object : objects) {
          evict(object, restingBefore);
        }
      } catch (RuntimeException | Error e) { // Memory may be short, and this is who makes room.
        logger.warn("the evictor can't look at all objects", e);
      }
    }
  }

  private void evict(LiveObject object, long restingBefore) {
    try {
      if (object.evict(restingBefore, EvictionReason.IDLE)) {
        retire.accept(object);
      }
    } catch (RuntimeException | Error e) {
      object.logEvent(Level.WARN).setCause(e).log("can't be evicted");
    }
  }

  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
  }
}
