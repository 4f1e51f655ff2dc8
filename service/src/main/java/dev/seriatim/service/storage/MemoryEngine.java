package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import dev.seriatim.stub.DurableObjectId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Keeps objects in the heap, and nothing after the process ends. */
final class MemoryEngine extends StorageEngine {
  private final ConcurrentHashMap<ObjectKey, MemoryObjectStorage.Contents> objects =
      new ConcurrentHashMap<>();

  MemoryEngine(StorageOptions options, Faults faults) {
    super(options, faults);
    serving().set(true);
  }

  @Override
  public ObjectStorage object(String namespace, DurableObjectId id, CommitListener listener) {
    MemoryObjectStorage object =
        new MemoryObjectStorage(this, new ObjectKey(namespace, id), id.name().orElse(null));
    synchronized (object) {
      object.rememberName();
    }
    return object;
  }

  @Override
  List<DueAlarm> nearestAlarms(int limit) {
    List<DueAlarm> alarms = new ArrayList<>();
    objects.forEach(
        (key, contents) -> {
          synchronized (contents) {
            if (contents.alarm != null && contents.alarm.isSet()) {
              alarms.add(new DueAlarm(key, contents.name, contents.alarm.dueMillis()));
            }
          }
        });
    alarms.sort(DueAlarm.ORDER);
    return alarms.size() <= limit ? alarms : List.copyOf(alarms.subList(0, limit));
  }

  @Override
  String whyNotServing() {
    return "it is closed";
  }

  @Override
  public String toString() {
    return "memory";
  }

  MemoryObjectStorage.@Nullable Contents contents(ObjectKey key) {
    return objects.get(key);
  }

  MemoryObjectStorage.Contents contentsForWrite(ObjectKey key, @Nullable String name) {
    return objects.computeIfAbsent(key, k -> new MemoryObjectStorage.Contents(name));
  }

  void remove(ObjectKey key) {
    objects.remove(key);
  }
}
