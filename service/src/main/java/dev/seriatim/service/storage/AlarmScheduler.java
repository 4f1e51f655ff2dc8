package dev.seriatim.service.storage;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Offers alarms to the listener when they are due. Holds the nearest ones in memory, in due order,
 * and reads the next ones from the store when those have gone. All fields are guarded by this.
 *
 * <p>An alarm that was offered is outstanding until its turn's commit is durable, or it turns out
 * that there is nothing to do. What is outstanding is bounded, so that a million overdue alarms
 * don't become a million waiting turns. An answer that never comes is not waited for without end:
 * the alarm is then offered again, which does no harm.
 */
final class AlarmScheduler implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(AlarmScheduler.class.getName());

  /** A waiting thread looks at the clock at least this often, in case it was set. */
  private static final long MAX_WAIT_MILLIS = 60_000;

  /** After this time an alarm that was offered is offered again. */
  private static final long OUTSTANDING_MILLIS = 60_000;

  /** How soon an alarm that could not be run is offered again. */
  private static final long RETRY_MILLIS = 1_000;

  private static final long NEVER = Long.MAX_VALUE;

  /** Where the alarms are kept. */
  interface Source {
    /** The first alarms in due order, at most this many; fewer only if there are no more. */
    List<DueAlarm> nearestAlarms(int limit) throws SQLException;
  }

  private final Source source;
  private final InstantSource clock;
  private final int capacity;
  private final int maxOutstanding;

  @GuardedBy("this")
  private final TreeSet<DueAlarm> near = new TreeSet<>(DueAlarm.ORDER);

  @GuardedBy("this")
  private final Map<ObjectKey, DueAlarm> nearByObject = new HashMap<>();

  /** When each alarm that is outstanding was offered. */
  @GuardedBy("this")
  private final Map<ObjectKey, Long> outstanding = new HashMap<>();

  /** The last alarm that {@link #near} has room for; null if it holds all there are. */
  @GuardedBy("this")
  private @Nullable DueAlarm horizon;

  /** When to read from the store again. */
  @GuardedBy("this")
  private long loadAt = Long.MIN_VALUE;

  /** Objects whose alarm changed while a read from the store was under way; null if none is. */
  @GuardedBy("this")
  private @Nullable Set<ObjectKey> changedWhileLoading;

  @GuardedBy("this")
  private @Nullable Thread thread;

  @GuardedBy("this")
  private boolean closed;

  AlarmScheduler(Source source, InstantSource clock, int capacity, int maxOutstanding) {
    Preconditions.checkArgument(
        capacity > maxOutstanding,
        "alarmIndexSize %s, expected more than maxOutstandingAlarms %s",
        capacity,
        maxOutstanding);
    this.source = source;
    this.clock = clock;
    this.capacity = capacity;
    this.maxOutstanding = maxOutstanding;
  }

  synchronized void start(AlarmListener listener) {
    Preconditions.checkState(thread == null, "alarms were started already");
    Preconditions.checkState(!closed, "alarms were stopped already");
    thread = Thread.ofPlatform().name("seriatim-alarms").daemon().start(() -> offerAll(listener));
  }

  /** This alarm is durable, in place of the one that the object had before. */
  synchronized void set(DueAlarm alarm) {
    forget(alarm.key());
    if (thread != null && (horizon == null || DueAlarm.ORDER.compare(alarm, horizon) <= 0)) {
      add(alarm);
    }
    notifyAll();
  }

  /** It is durable that this object has no alarm. */
  synchronized void removed(ObjectKey key) {
    forget(key);
    notifyAll();
  }

  /** There was nothing to do for this object's alarm. */
  synchronized void handled(ObjectKey key) {
    if (outstanding.remove(key) != null) {
      notifyAll();
    }
  }

  /** What was known of this object's alarm doesn't hold any more; the store knows. */
  synchronized void unknown(ObjectKey key) {
    forget(key);
    loadWithin(RETRY_MILLIS);
  }

  /** This host owns other objects than before. */
  synchronized void ownershipChanged() {
    if (thread != null) {
      loadWithin(0);
    }
  }

  /** The clock has leapt. */
  synchronized void clockChanged() {
    notifyAll();
  }

  @Override
  public void close() {
    Thread running;
    synchronized (this) {
      closed = true;
      running = thread;
      notifyAll();
    }
    if (running != null && running != Thread.currentThread()) {
      boolean interrupted = false;
      while (running.isAlive()) {
        try {
          running.join(Duration.ofSeconds(10));
          break;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @GuardedBy("this")
  private void loadWithin(long millis) {
    loadAt = Math.min(loadAt, clock.millis() + millis);
    notifyAll();
  }

  @GuardedBy("this")
  private void forget(ObjectKey key) {
    outstanding.remove(key);
    DueAlarm known = nearByObject.remove(key);
    if (known != null) {
      near.remove(known);
    }
    if (changedWhileLoading != null) {
      changedWhileLoading.add(key);
    }
  }

  @GuardedBy("this")
  private void add(DueAlarm alarm) {
    near.add(alarm);
    nearByObject.put(alarm.key(), alarm);
    if (near.size() > capacity) {
      nearByObject.remove(near.removeLast().key());
      horizon = near.getLast();
    }
  }

  private void offerAll(AlarmListener listener) {
    while (true) {
      DueAlarm due;
      synchronized (this) {
        due = awaitNext();
        if (closed) {
          return;
        }
      }
      if (due == null) {
        load();
        continue;
      }
      try {
        listener.alarmDue(
            due.key().namespace(),
            due.key().hexId(),
            due.name(),
            Instant.ofEpochMilli(due.dueMillis()));
      } catch (RuntimeException e) {
        LOGGER.log(System.Logger.Level.ERROR, "the alarm of " + due.key() + " was refused", e);
        unknown(due.key());
      }
    }
  }

  /** Waits for something to do: an alarm to offer, or null if it is time to read the store. */
  @GuardedBy("this")
  private @Nullable DueAlarm awaitNext() {
    while (!closed) {
      long now = clock.millis();
      expireOutstanding(now);
      if (now >= loadAt) {
        return null;
      }
      long next = loadAt;
      if (!near.isEmpty() && outstanding.size() < maxOutstanding) {
        DueAlarm first = near.getFirst();
        if (first.dueMillis() <= now) {
          near.removeFirst();
          nearByObject.remove(first.key());
          outstanding.put(first.key(), now);
          if (near.isEmpty() && horizon != null) {
            loadAt = now;
          }
          return first;
        }
        next = Math.min(next, first.dueMillis());
      }
      try {
        wait(Math.clamp(next - now, 1, MAX_WAIT_MILLIS));
      } catch (InterruptedException e) {
        LOGGER.log(System.Logger.Level.WARNING, "the alarm thread was interrupted; it goes on");
      }
    }
    return null;
  }

  @GuardedBy("this")
  private void expireOutstanding(long now) {
    if (outstanding.isEmpty()) {
      return;
    }
    for (Iterator<Long> times = outstanding.values().iterator(); times.hasNext(); ) {
      if (now - times.next() >= OUTSTANDING_MILLIS) {
        times.remove();
        loadAt = now;
      }
    }
  }

  private void load() {
    synchronized (this) {
      loadAt = NEVER;
      changedWhileLoading = new HashSet<>();
    }
    List<DueAlarm> loaded;
    try {
      loaded = source.nearestAlarms(capacity);
    } catch (SQLException | RuntimeException e) {
      LOGGER.log(System.Logger.Level.WARNING, "the alarms could not be read: {0}", e.getMessage());
      synchronized (this) {
        changedWhileLoading = null;
        loadWithin(RETRY_MILLIS);
      }
      return;
    }
    synchronized (this) {
      Set<ObjectKey> changed = changedWhileLoading == null ? Set.of() : changedWhileLoading;
      changedWhileLoading = null;
      // What changed meanwhile is known better here than there.
      near.removeIf(alarm -> !changed.contains(alarm.key()));
      nearByObject.keySet().retainAll(changed);
      horizon = loaded.size() < capacity ? null : loaded.getLast();
      for (DueAlarm alarm : loaded) {
        if (!changed.contains(alarm.key()) && !outstanding.containsKey(alarm.key())) {
          add(alarm);
        }
      }
      if (near.isEmpty() && horizon != null) {
        loadWithin(RETRY_MILLIS);
      }
    }
  }
}
