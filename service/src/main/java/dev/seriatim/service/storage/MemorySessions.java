package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The rows of sessions and keys in a host that keeps nothing. Safe for any number of threads: the
 * rows of an object are changed in its entry's own step.
 */
final class MemorySessions {
  private record Kept(SessionRow row, long expiresMillis) {}

  private final StorageOptions options;
  private final ConcurrentHashMap<ObjectKey, Map<SessionId, Kept>> objects =
      new ConcurrentHashMap<>();

  MemorySessions(StorageOptions options) {
    this.options = options;
  }

  /** This is in the place of the row from now on; null: there is none. */
  void write(ObjectKey object, SessionId session, @Nullable SessionRow row) {
    if (row == null) {
      objects.computeIfPresent(
          object,
          (key, rows) -> {
            rows.remove(session);
            return rows.isEmpty() ? null : rows;
          });
      return;
    }
    Kept kept = new Kept(row, now() + SessionRows.retention(row, options).toMillis());
    objects.compute(
        object,
        (key, rows) -> {
          Map<SessionId, Kept> of = rows == null ? new ConcurrentHashMap<>(2) : rows;
          of.put(session, kept);
          return of;
        });
  }

  @Nullable SessionRow read(ObjectKey object, SessionId session) {
    Map<SessionId, Kept> rows = objects.get(object);
    Kept kept = rows == null ? null : rows.get(session);
    return kept == null || kept.expiresMillis < now() ? null : kept.row;
  }

  SessionCounts count(ObjectKey object) {
    Map<SessionId, Kept> rows = objects.get(object);
    long sessions = 0;
    long keys = 0;
    if (rows != null) {
      long now = now();
      for (Kept kept : rows.values()) {
        if (kept.expiresMillis < now) {
          continue;
        }
        if (kept.row.isKey()) {
          keys++;
        } else {
          sessions++;
        }
      }
    }
    return new SessionCounts(sessions, keys);
  }

  /** Names keys of this object that have not expired, at most so many. */
  List<SessionId> keys(ObjectKey object, int most) {
    Map<SessionId, Kept> rows = objects.getOrDefault(object, Map.of());
    long now = now();
    return rows.entrySet().stream()
        .filter(row -> row.getValue().row.isKey() && row.getValue().expiresMillis >= now)
        .limit(most)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Removes all that have expired. */
  void sweep() {
    long now = now();
    for (ObjectKey object : objects.keySet()) {
      objects.computeIfPresent(
          object,
          (key, rows) -> {
            rows.values().removeIf(kept -> kept.expiresMillis < now);
            return rows.isEmpty() ? null : rows;
          });
    }
  }

  /** How many rows there are, of all objects. */
  long size() {
    return objects.values().stream().mapToLong(Map::size).sum();
  }

  private long now() {
    return options.clock().millis();
  }
}
