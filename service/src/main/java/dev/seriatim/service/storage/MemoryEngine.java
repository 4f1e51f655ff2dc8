package dev.seriatim.service.storage;

import dev.seriatim.service.HostListener;
import dev.seriatim.service.StorageOptions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Keeps objects in the heap, and nothing after the process ends. */
final class MemoryEngine extends StorageEngine {
  private final ConcurrentHashMap<ObjectKey, MemoryLog.Contents> objects =
      new ConcurrentHashMap<>();

  private final MemorySessions sessions;

  private final AtomicLong rows = new AtomicLong();

  MemoryEngine(StorageOptions options, Faults faults) {
    super(options, faults);
    this.sessions = new MemorySessions(options);
    serving().set(true);
  }

  @Override
  ObjectLog log(ObjectKey key, @Nullable String name, CommitListener listener) {
    MemoryLog object = new MemoryLog(this, key, name);
    synchronized (object) {
      object.rememberName();
    }
    return object;
  }

  @Override
  public StoredView view() {
    return new MemoryView(objects);
  }

  @Override
  public StoreCopy copy() {
    throw new IllegalStateException("a host that keeps its objects in memory has nothing to copy");
  }

  @Override
  AlarmPage nearestAlarms(String namespace, AlarmPlace after, int limit) {
    List<DueAlarm> alarms = new ArrayList<>();
    objects.forEach(
        (key, contents) -> {
          synchronized (contents) {
            AlarmTime alarm = contents.alarm;
            if (key.namespace().equals(namespace) && alarm != null && alarm.isSet()) {
              DueAlarm due = new DueAlarm(key, contents.name, alarm.dueMillis(), contents.row);
              if (due.isBeyond(after)) {
                alarms.add(due);
              }
            }
          }
        });
    alarms.sort(DueAlarm.ORDER);
    if (alarms.size() < limit) {
      return new AlarmPage(alarms, AlarmPlace.END);
    }
    List<DueAlarm> first = List.copyOf(alarms.subList(0, limit));
    return new AlarmPage(first, first.getLast().place());
  }

  /** Nothing is there that a host with other namespaces has left. */
  @Override
  Map<String, Long> alarmsOfOthers(Set<String> namespaces) {
    return Map.of();
  }

  @Override
  Map<String, Long> alarmsOfAll() {
    Map<String, Long> counts = new HashMap<>();
    objects.forEach(
        (key, contents) -> {
          synchronized (contents) {
            if (contents.alarm != null && contents.alarm.isSet()) {
              counts.merge(key.namespace(), 1L, Long::sum);
            }
          }
        });
    return counts;
  }

  @Override
  int sweepSessions(int most) {
    sessions.sweep();
    return 0;
  }

  @Override
  public StoreFigures figures() {
    return StoreFigures.NONE;
  }

  /** Nothing is committed. */
  @Override
  public void listen(HostListener listener) {}

  MemorySessions sessions() {
    return sessions;
  }

  @Override
  public void loseAll() {
    throw new IllegalStateException("what is in memory can't be another host's, expected a file");
  }

  @Override
  public Slots slots() {
    throw new IllegalStateException(noSlots(this));
  }

  @Override
  String whyNotServing() {
    return "it is closed";
  }

  @Override
  public String toString() {
    return "memory";
  }

  MemoryLog.@Nullable Contents contents(ObjectKey key) {
    return objects.get(key);
  }

  MemoryLog.Contents contentsForWrite(ObjectKey key, @Nullable String name) {
    return objects.computeIfAbsent(key, k -> new MemoryLog.Contents(rows.incrementAndGet(), name));
  }

  void remove(ObjectKey key) {
    objects.remove(key);
  }
}
