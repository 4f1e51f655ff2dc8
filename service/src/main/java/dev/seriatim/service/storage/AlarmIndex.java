package dev.seriatim.service.storage;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Decides which alarm is offered next, and when the store is read. Each namespace has its own
 * nearest alarms, so that one with very many, or with such that can't run, doesn't hide those of
 * the others; among the namespaces the alarm that is due first is first. Without a thread, clock or
 * lock.
 *
 * <p>Alarms of namespaces that it wasn't given are nothing to it.
 */
final class AlarmIndex {
  /** How soon the store is read again after a read has failed. */
  private static final long READ_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final AlarmsOnTheirWay onTheirWay;
  private final Map<String, NearAlarms> near = new HashMap<>();

  private boolean readFailed;
  private long readFailedNanos;

  /**
   * An index of these namespaces, which knows nothing yet.
   *
   * @param capacity how many alarms may wait in memory, of all namespaces
   */
  AlarmIndex(
      Collection<String> namespaces, int capacity, int maxOutstandingAlarms, int maxLongAlarms) {
    onTheirWay = new AlarmsOnTheirWay(maxOutstandingAlarms, maxLongAlarms);
    int each = Math.max(1, capacity / Math.max(1, namespaces.size()));
    for (String namespace : namespaces) {
      near.put(namespace, new NearAlarms(namespace, each, onTheirWay));
    }
  }

  /** What to do next. */
  sealed interface Step {}

  /** This alarm is to be offered; it is on its way from now on. */
  record Offer(DueAlarm alarm) implements Step {}

  /** The store is to be read for this namespace. */
  record Read(NearAlarms near) implements Step {}

  /**
   * There is nothing to do for so long, unless something changes or the clock is set.
   *
   * @param forRoom whether an alarm is due and waits until others are answered
   */
  record Rest(long millis, boolean forRoom) implements Step {}

  /** Decides what to do next. Not to be asked while a read is under way. */
  Step next(long nowMillis, long nowNanos) {
    onTheirWay.age(nowNanos);
    ObjectKey forgotten = onTheirWay.forgotten(nowNanos);
    if (forgotten != null) {
      lost(forgotten, nowNanos);
    }
    long rest = Long.MAX_VALUE;
    boolean forRoom = false;
    DueAlarm first = null;
    for (NearAlarms each : near.values()) {
      if (each.mustRead(nowMillis, nowNanos)) {
        if (!readFailed || nowNanos - readFailedNanos >= READ_AGAIN_NANOS) {
          return new Read(each);
        }
        rest = Math.min(rest, toMillis(READ_AGAIN_NANOS - (nowNanos - readFailedNanos)));
        continue;
      }
      rest = Math.min(rest, each.millisToRead(nowMillis, nowNanos));
      DueAlarm candidate = each.first();
      if (candidate == null) {
        continue;
      }
      if (!onTheirWay.hasRoom(each.namespace())) {
        forRoom = true;
        rest = Math.min(rest, toMillis(onTheirWay.nanosToAge(nowNanos)));
      } else if (first == null || DueAlarm.ORDER.compare(candidate, first) < 0) {
        first = candidate;
      }
    }
    if (first == null) {
      return new Rest(rest, forRoom);
    }
    if (first.dueMillis() > nowMillis) {
      return new Rest(Math.min(rest, first.dueMillis() - nowMillis), forRoom);
    }
    of(first.key()).takeFirst();
    onTheirWay.offered(first.key(), nowNanos);
    return new Offer(first);
  }

  /** What {@link #nextDue} says when something is due. */
  static final long NOW = Long.MIN_VALUE;

  /**
   * When the next alarm is due, or at least not before, if none is now and none is on its way;
   * {@link Long#MAX_VALUE} if there is none.
   */
  long nextDue(long nowMillis, long nowNanos) {
    if (onTheirWay.isAny()) {
      return NOW;
    }
    long next = Long.MAX_VALUE;
    for (NearAlarms each : near.values()) {
      next = Math.min(next, each.nextDue(nowMillis, nowNanos));
    }
    return next <= nowMillis ? NOW : next;
  }

  /** Those that are on their way, for people. */
  String outstanding() {
    return onTheirWay.toString();
  }

  static long toMillis(long nanos) {
    return nanos / 1_000_000 + 1;
  }

  /** What the store had, for a namespace that was to be read. */
  void read(NearAlarms of, AlarmPage page) {
    readFailed = false;
    of.endRead(page);
  }

  /**
   * The store could not be read.
   *
   * @return whether it is the first time, after it could be
   */
  boolean readFailed(NearAlarms of, long nowNanos) {
    boolean first = !readFailed;
    readFailed = true;
    readFailedNanos = nowNanos;
    of.endRead(null);
    return first;
  }

  // ---- what becomes of alarms; each of these is an answer to an offer, too

  /**
   * This alarm is durable, in place of the one that the object had before.
   *
   * @return whether it comes before all others of its namespace
   */
  boolean set(DueAlarm alarm) {
    NearAlarms of = near.get(alarm.key().namespace());
    if (of == null) {
      return false;
    }
    onTheirWay.answered(alarm.key());
    of.set(alarm);
    return alarm.equals(of.first());
  }

  /** It is durable that the object has no alarm. */
  void removed(ObjectKey key) {
    NearAlarms of = near.get(key.namespace());
    if (of != null) {
      onTheirWay.answered(key);
      of.removed(key);
    }
  }

  /** Only the store knows what became of the object's alarm. */
  void lost(ObjectKey key, long nowNanos) {
    NearAlarms of = near.get(key.namespace());
    if (of != null) {
      onTheirWay.answered(key);
      of.lost(key, nowNanos);
    }
  }

  /**
   * The object's alarm could not run. It stays as it is, and is offered again later.
   *
   * @return whether it is the first one of its namespace, after all had been well
   */
  boolean putOff(ObjectKey key, long nowNanos) {
    NearAlarms of = near.get(key.namespace());
    if (of == null) {
      return false;
    }
    onTheirWay.answered(key);
    return of.putOff(key, nowNanos);
  }

  /** Other objects are this host's now: nothing that waits is known any more. */
  void ownershipChanged() {
    near.values().forEach(NearAlarms::beginAnew);
  }

  private NearAlarms of(ObjectKey key) {
    NearAlarms of = near.get(key.namespace());
    if (of == null) {
      throw new IllegalStateException("an alarm of " + key + ", expected one of " + near.keySet());
    }
    return of;
  }

  /** Whether the invariant holds for this alarm, which is durable. For tests. */
  boolean accountsFor(DueAlarm durable) {
    NearAlarms of = near.get(durable.key().namespace());
    return of == null || of.accountsFor(durable);
  }
}
