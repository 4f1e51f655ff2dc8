package dev.seriatim.service.storage;

import dev.seriatim.service.StorageOptions;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What one object has submitted that is not durable yet. Guarded by the monitor of the object's
 * log.
 */
final class PendingWrites {
  /** What has been submitted since the committer last took something. */
  private @Nullable Batch submitted;

  /** What the committer is committing. */
  private @Nullable Batch taken;

  /** The newest write of each key; null while there is none. */
  private @Nullable TreeMap<String, Write> newest;

  /** The newest removal of everything; 0 while there is none. */
  private long clearedBy;

  // ---- the turn thread submits

  /** The batch that this commit joins. */
  Batch batchFor(StoredLog object, Ownership.@Nullable Tenure tenure, long commit) {
    Batch batch = submitted;
    if (batch == null) {
      batch = new Batch(object, tenure, commit);
      submitted = batch;
    }
    batch.last = commit;
    return batch;
  }

  /**
   * Lays a turn's writes over those of the batch that it has joined.
   *
   * @param stored what of it isn't so any more
   */
  void add(Batch batch, WriteSet turn, StoredState stored) {
    TreeMap<String, Write> all = newest;
    if (all == null) {
      all = new TreeMap<>(Keys.ORDER);
      newest = all;
    }
    if (turn.cleared) {
      all.clear();
      stored.clearCache();
      batch.clear();
      clearedBy = batch.last;
    }
    for (Write write : turn.writes.values()) {
      stored.uncache(write.key);
      Write old = all.get(write.key);
      if (old != null && old.pending) {
        batch.bytes += (long) write.bytes() - old.bytes();
        old.value = write.value;
      } else {
        all.put(write.key, write);
        batch.writes.add(write);
        batch.bytes += write.bytes();
      }
    }
  }

  /** How much memory it holds. */
  long bytes() {
    return (submitted == null ? 0 : submitted.bytes) + (taken == null ? 0 : taken.bytes);
  }

  /** Whether one more turn may come, of this size. */
  boolean hasRoom(StorageOptions options, long turns, long turnBytes) {
    return turns < options.maxUncommittedTurnsPerObject()
        && bytes() + turnBytes <= options.maxUncommittedBytesPerObject();
  }

  /** Whether anything becomes of the object's alarm. */
  boolean setsAlarm() {
    return (submitted != null && submitted.alarm != null) || (taken != null && taken.alarm != null);
  }

  // ---- reads

  /** The newest write of this key; null if there is none. */
  @Nullable Write get(String key) {
    return newest == null ? null : newest.get(key);
  }

  /** The newest write of this session; null if there is none. */
  @Nullable SessionWrite session(SessionId id) {
    SessionWrite newer = submitted == null ? null : submitted.session(id);
    return newer != null || taken == null ? newer : taken.session(id);
  }

  /** How many idempotency keys are to be stored. */
  int keys() {
    return (submitted == null ? 0 : submitted.keys()) + (taken == null ? 0 : taken.keys());
  }

  /** Adds them to these. */
  void addKeys(List<SessionId> to) {
    if (submitted != null) {
      submitted.addKeys(to);
    }
    if (taken != null) {
      taken.addKeys(to);
    }
  }

  /** Whether nothing of what is durable is to be seen any more. */
  boolean clearsAll() {
    return clearedBy != 0;
  }

  /** These writes of a turn, all of this range, laid over what is here of it. */
  NavigableMap<String, Write> under(NavigableMap<String, Write> own, Range range) {
    if (newest == null) {
      return own;
    }
    NavigableMap<String, Write> earlier = range.of(newest);
    if (earlier.isEmpty()) {
      return own;
    }
    NavigableMap<String, Write> both = new TreeMap<>(earlier); // Reversed if the range is.
    both.putAll(own);
    return both;
  }

  // ---- the committer's

  /** What is to be committed next, or null if there is nothing any more. Needs no memory. */
  @SuppressWarnings("ForLoopReplaceableByForEach") // that would make an iterator
  @Nullable Batch take() {
    Batch batch = submitted;
    if (batch != null) {
      for (int i = 0; i < batch.writes.size(); i++) {
        batch.writes.get(i).pending = false;
      }
    }
    submitted = null;
    taken = batch;
    return batch;
  }

  boolean hasTaken(Batch batch) {
    return taken == batch;
  }

  /**
   * The batch that was taken is durable, and what is still the newest of it is cached. It can be
   * done again after half of it was done.
   */
  void settle(Batch batch, StoredState stored) {
    if (clearedBy <= batch.last) {
      clearedBy = 0;
    }
    settleWrites(batch, stored);
    taken = null;
  }

  private void settleWrites(Batch batch, StoredState stored) {
    TreeMap<String, Write> all = newest;
    if (all == null) {
      return;
    }
    for (Write write : batch.writes) {
      if (all.get(write.key) == write) {
        all.remove(write.key);
        if (clearedBy == 0) {
          stored.cache(write);
        }
      }
    }
    if (all.isEmpty()) {
      newest = null;
    }
  }
}
