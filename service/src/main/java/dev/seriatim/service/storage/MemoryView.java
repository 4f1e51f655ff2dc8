package dev.seriatim.service.storage;

import com.google.common.base.Utf8;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSortedMap;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a host that keeps nothing has committed: each object as it is when it is looked at, between
 * two turns. The entries of an object are those of one moment as long as it is the same that is
 * asked about.
 */
final class MemoryView implements StoredView {
  private final Map<ObjectKey, MemoryLog.Contents> objects;
  private @Nullable ObjectKey looked;
  private TreeMap<String, ByteString> copy = new TreeMap<>();

  MemoryView(Map<ObjectKey, MemoryLog.Contents> objects) {
    this.objects = objects;
  }

  @Override
  public void hold() {}

  @Override
  public void close() {}

  @Override
  public ImmutableList<String> namespaces() {
    return countObjects().keySet().asList();
  }

  @Override
  public ImmutableSortedMap<String, Long> countObjects() {
    TreeMap<String, Long> counts = new TreeMap<>(Keys.ORDER);
    objects.forEach(
        (key, contents) -> {
          if (object(key, contents) != null) {
            counts.merge(key.namespace(), 1L, Long::sum);
          }
        });
    return ImmutableSortedMap.copyOfSorted(counts);
  }

  @Override
  public Page objects(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    List<StoredObject> found = new ArrayList<>();
    objects.forEach(
        (key, contents) -> {
          StoredObject object = object(key, contents);
          if (object != null
              && filter.includes(object.place())
              && (!filter.alarm() || object.alarmTime() != null)
              && (after == null || object.place().compareTo(after) > 0)) {
            found.add(object);
          }
        });
    found.sort(Comparator.comparing(StoredObject::place));
    boolean full = found.size() > limit;
    ImmutableList<StoredObject> page = ImmutableList.copyOf(full ? found.subList(0, limit) : found);
    return new Page(page, full ? page.getLast().place() : null);
  }

  @Override
  public ImmutableMap<ByteString, StoredObject> find(String namespace, Collection<ByteString> ids) {
    ImmutableMap.Builder<ByteString, StoredObject> found = ImmutableMap.builder();
    for (ByteString id : new HashSet<>(ids)) {
      ObjectKey key = new ObjectKey(namespace, id);
      MemoryLog.Contents contents = objects.get(key);
      StoredObject object = contents == null ? null : object(key, contents);
      if (object != null) {
        found.put(id, object);
      }
    }
    return found.buildOrThrow();
  }

  @Override
  public StoredObject.Size size(String namespace, ByteString id) {
    NavigableMap<String, ByteString> entries = entries(new ObjectKey(namespace, id));
    long bytes = 0;
    for (Map.Entry<String, ByteString> entry : entries.entrySet()) {
      bytes += bytes(entry);
    }
    return new StoredObject.Size(entries.size(), bytes);
  }

  @Override
  public Entries entries(
      String namespace,
      ByteString id,
      String prefix,
      @Nullable String after,
      int limit,
      long maxBytes) {
    Range range = Range.behind(prefix, after, limit);
    ImmutableMap.Builder<String, ByteString> found = ImmutableMap.builder();
    if (range.isEmpty()) {
      return new Entries(found.buildOrThrow(), /* more= */ false);
    }
    int count = 0;
    long bytes = 0;
    for (Map.Entry<String, ByteString> entry :
        range.of(entries(new ObjectKey(namespace, id))).entrySet()) {
      bytes += bytes(entry);
      if (count == limit || (count > 0 && bytes > maxBytes)) {
        return new Entries(found.buildOrThrow(), /* more= */ true);
      }
      count++;
      found.put(entry);
    }
    return new Entries(found.buildOrThrow(), /* more= */ false);
  }

  /** Copied once, so that what is read in parts is of one moment. */
  private NavigableMap<String, ByteString> entries(ObjectKey key) {
    if (!key.equals(looked)) {
      MemoryLog.Contents contents = objects.get(key);
      looked = key;
      copy = new TreeMap<>(Keys.ORDER);
      if (contents != null) {
        synchronized (contents) {
          copy.putAll(contents.entries);
        }
      }
    }
    return copy;
  }

  private static long bytes(Map.Entry<String, ByteString> entry) {
    return (long) Utf8.encodedLength(entry.getKey()) + entry.getValue().size();
  }

  private static @Nullable StoredObject object(ObjectKey key, MemoryLog.Contents contents) {
    synchronized (contents) {
      AlarmTime alarm = contents.alarm;
      if (contents.entries.isEmpty() && alarm == null) {
        return null; // Its first turn is about to write it, or its last has removed it.
      }
      return new StoredObject(
          new ObjectPlace(key.namespace(), contents.name, key.id()),
          alarm == null ? null : StoredObject.Alarm.of(alarm));
    }
  }
}
