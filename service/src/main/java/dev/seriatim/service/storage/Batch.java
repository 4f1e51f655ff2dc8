package dev.seriatim.service.storage;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one object has submitted since the committer last took something from it: the writes of one
 * or more turns, laid over each other. They become durable together, so that only the newest write
 * of each key matters.
 *
 * <p>Guarded by the object's monitor until the committer takes it; the committer's from then on.
 */
final class Batch {
  /** About how much memory a session's write holds until its row is asked for. */
  static final int SESSION_BYTES = 1_024;

  final StoredLog object;

  /** The ownership under which these turns ran. */
  final Ownership.@Nullable Tenure tenure;

  /** The first commit in it. */
  final long first;

  /** The last commit in it. */
  long last;

  /** Whether all entries from before are removed, before the writes are applied. */
  boolean cleared;

  /** The newest write of each key. */
  final List<Write> writes = new ArrayList<>(1);

  @Nullable AlarmTime alarm;

  /** The newest write of each session; null while there is none. */
  private @Nullable Map<SessionId, SessionWrite> sessions;

  /** When the first turn of it had ended. */
  final long submittedNanos = System.nanoTime();

  /** About how much memory it holds. */
  long bytes;

  /** The object's name, if the row may not have it yet. */
  @Nullable String newName;

  /** The name that the row was found to have; worked out by the committer. */
  @Nullable String storedName;

  /** The object's row once this is committed; worked out by the committer. */
  long row;

  /** Whether the row is made by this batch. */
  boolean rowIsNew;

  /** Whether its log has taken note that it is durable. Guarded by the object's monitor. */
  boolean settled;

  /** Whether its object was told what became of it; the committer's. */
  boolean told;

  Batch(StoredLog object, Ownership.@Nullable Tenure tenure, long first) {
    this.object = object;
    this.tenure = tenure;
    this.first = first;
    this.last = first;
  }

  /** Whether there is anything to write. If not, only the ownership is to be checked. */
  boolean hasWrites() {
    return changesObject() || sessions != null;
  }

  /** Whether there is anything to write of the object itself, in its row or below. */
  boolean changesObject() {
    return cleared || alarm != null || !writes.isEmpty();
  }

  /** In the place of an earlier write of the same session. */
  void add(SessionWrite write) {
    Map<SessionId, SessionWrite> all = sessions;
    if (all == null) {
      all = new LinkedHashMap<>(2);
      sessions = all;
    }
    if (all.put(write.session(), write) == null) {
      bytes += SESSION_BYTES;
    }
  }

  /** The newest write of this session; null if there is none. */
  @Nullable SessionWrite session(SessionId id) {
    return sessions == null ? null : sessions.get(id);
  }

  /** How many idempotency keys it has. */
  int keys() {
    int keys = 0;
    for (SessionWrite write : sessions()) {
      keys += write.isKey() ? 1 : 0;
    }
    return keys;
  }

  /** Adds them to these. */
  void addKeys(List<SessionId> to) {
    for (SessionWrite write : sessions()) {
      if (write.isKey()) {
        to.add(write.session());
      }
    }
  }

  /** The newest write of each session. */
  Collection<SessionWrite> sessions() {
    return sessions == null ? List.of() : sessions.values();
  }

  /** What is to be written of the object is taken back; what is said of sessions stays. */
  void clear() {
    cleared = true;
    writes.clear();
    bytes = sessions == null ? 0 : (long) SESSION_BYTES * sessions.size();
  }

  /** Whether there is anything to keep. If not, and something is written, the object goes. */
  boolean keepsSomething() {
    if (alarm != null && !alarm.equals(AlarmTime.REMOVED)) {
      return true;
    }
    for (Write write : writes) {
      if (write.value != null) {
        return true;
      }
    }
    return false;
  }
}
