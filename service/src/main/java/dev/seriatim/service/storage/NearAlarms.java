package dev.seriatim.service.storage;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The nearest alarms of one namespace: those that wait to be due, up to a horizon. Without a
 * thread, clock or lock: part of an {@link AlarmIndex}.
 *
 * <p>The invariant: <b>it holds every durable alarm up to the horizon that isn't on its way, or a
 * new beginning is due.</b> Beyond the horizon the store knows. When nothing waits any more and the
 * horizon comes near, the store is read from there on. So whatever happens, something is always
 * about to be offered, or to be read, unless there is nothing.
 */
final class NearAlarms {
  /** How long before the horizon is reached the store is read. */
  private static final long LEAD_MILLIS = 1_000;

  /** How soon the store is read anew when it alone knows what became of an alarm. */
  private static final long LOST_NANOS = 1_000_000_000;

  private final String namespace;
  private final int capacity;
  private final AlarmsOnTheirWay onTheirWay;
  private final PutOffAlarms putOff = new PutOffAlarms();

  private final TreeSet<DueAlarm> waiting = new TreeSet<>(DueAlarm.ORDER);
  private final Map<ObjectKey, DueAlarm> waitingByObject = new HashMap<>();
  private AlarmPlace horizon = AlarmPlace.START;

  /** Whether all is to be read anew, and when. */
  private boolean anew;

  private long anewNanos;

  /**
   * What has changed since the read that is under way began: the read may have missed it. Null
   * while there is no read.
   */
  private @Nullable Map<ObjectKey, @Nullable DueAlarm> changes;

  /** Whether all is to be read anew, and so nothing of the read that is under way counts. */
  private boolean readIsStale;

  NearAlarms(String namespace, int capacity, AlarmsOnTheirWay onTheirWay) {
    this.namespace = namespace;
    this.capacity = capacity;
    this.onTheirWay = onTheirWay;
  }

  String namespace() {
    return namespace;
  }

  // ---- what is durable changes; no such alarm is on its way

  /** This alarm is durable, in place of the one that the object had before. */
  void set(DueAlarm alarm) {
    removed(alarm.key());
    if (changes != null) {
      changes.put(alarm.key(), alarm);
    }
    hold(alarm);
  }

  /** It is durable that the object has no alarm. */
  void removed(ObjectKey key) {
    DueAlarm known = waitingByObject.remove(key);
    if (known != null) {
      waiting.remove(known);
    }
    if (changes != null) {
      changes.put(key, null);
    }
  }

  /** Only the store knows what became of the object's alarm. */
  void lost(ObjectKey key, long nowNanos) {
    removed(key);
    if (!anew) {
      anew = true;
      anewNanos = nowNanos + LOST_NANOS;
    }
  }

  /**
   * The object's alarm could not run.
   *
   * @return whether it is the first one, after all had been well
   */
  boolean putOff(ObjectKey key, long nowNanos) {
    removed(key);
    anew = true;
    anewNanos = putOff.add(nowNanos);
    return putOff.isFirst();
  }

  /** Nothing that is known holds any more. */
  void beginAnew() {
    waiting.clear();
    waitingByObject.clear();
    horizon = AlarmPlace.START;
    anew = false;
    readIsStale = true;
    putOff.lookAgain();
  }

  /** Takes the alarm in if it lies within the horizon, which moves nearer if there is no room. */
  private void hold(DueAlarm alarm) {
    if (alarm.isBeyond(horizon)) {
      return;
    }
    waiting.add(alarm);
    waitingByObject.put(alarm.key(), alarm);
    if (waiting.size() > capacity) {
      waitingByObject.remove(waiting.removeLast().key());
      horizon = waiting.getLast().place();
    }
    assert waiting.size() == waitingByObject.size() : waiting + " and " + waitingByObject;
    assert !waiting.getLast().isBeyond(horizon) : waiting.getLast() + " is beyond " + horizon;
  }

  // ---- what is next

  /** The alarm that is due first; null if none waits. */
  @Nullable DueAlarm first() {
    return waiting.isEmpty() ? null : waiting.getFirst();
  }

  /** The alarm that is due first is on its way from now on. */
  void takeFirst() {
    waitingByObject.remove(waiting.removeFirst().key());
  }

  /** Whether it is time to read the store. */
  boolean mustRead(long nowMillis, long nowNanos) {
    if (anew && nowNanos - anewNanos >= 0) {
      beginAnew();
    }
    return waiting.isEmpty()
        && !horizon.equals(AlarmPlace.END)
        && horizon.dueMillis() <= nowMillis + LEAD_MILLIS;
  }

  /** When the next alarm may be due; {@link AlarmIndex#NOW} if only the store knows. */
  long nextDue(long nowMillis, long nowNanos) {
    if (anew || changes != null || mustRead(nowMillis, nowNanos)) {
      return AlarmIndex.NOW;
    }
    if (!waiting.isEmpty()) {
      return waiting.getFirst().dueMillis();
    }
    return horizon.equals(AlarmPlace.END) ? Long.MAX_VALUE : horizon.dueMillis() - LEAD_MILLIS;
  }

  /** In how many milliseconds it may be time to read the store, if nothing happens before. */
  long millisToRead(long nowMillis, long nowNanos) {
    long least = anew ? AlarmIndex.toMillis(anewNanos - nowNanos) : Long.MAX_VALUE;
    if (waiting.isEmpty() && !horizon.equals(AlarmPlace.END)) {
      least = Math.min(least, horizon.dueMillis() - LEAD_MILLIS - nowMillis);
    }
    return least;
  }

  /** The store is read from here on. Nothing is offered until it has been. */
  AlarmPlace beginRead() {
    changes = new HashMap<>();
    readIsStale = false;
    return horizon;
  }

  /** The store was read; null if that failed. */
  void endRead(@Nullable AlarmPage page) {
    Map<ObjectKey, @Nullable DueAlarm> changed = changes == null ? Map.of() : changes;
    changes = null;
    if (page == null || readIsStale) {
      return;
    }
    horizon = page.through();
    for (DueAlarm alarm : page.alarms()) {
      // What changed meanwhile is known better here than there.
      if (!changed.containsKey(alarm.key()) && !onTheirWay.contains(alarm.key())) {
        hold(alarm);
      }
    }
    // When the read began nothing waited: whatever waits now, or had no room, is among these.
    for (DueAlarm alarm : changed.values()) {
      if (alarm != null) {
        hold(alarm);
      }
    }
  }

  /** How many alarms a read is to bring. */
  int capacity() {
    return capacity;
  }

  /** Whether the invariant holds for this alarm, which is durable. For tests. */
  boolean accountsFor(DueAlarm durable) {
    return anew
        || durable.isBeyond(horizon)
        || durable.equals(waitingByObject.get(durable.key()))
        || onTheirWay.contains(durable.key());
  }
}
