package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.threads.Enduring;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The objects of a group of which the store has not said in time what became of it. Until it has,
 * nothing is read of them and nothing is committed: what the store has of them may still change.
 *
 * <p>Changed by the committer's thread; read by any.
 */
final class Doubt {
  private volatile Set<ObjectKey> objects = Set.of();

  /** Whether nothing may be done with this object. */
  boolean has(ObjectKey key) {
    return objects.contains(key);
  }

  boolean isEmpty() {
    return objects.isEmpty();
  }

  int size() {
    return objects.size();
  }

  /** Tells the objects of this group that nobody knows what became of it. */
  void begin(List<Batch> group, StorageException cause) {
    Set<ObjectKey> keys = new HashSet<>();
    for (Batch batch : group) {
      if (batch.hasWrites()) {
        keys.add(batch.object.key);
      }
    }
    // Before anyone can have a new instance.
    objects = Set.copyOf(keys);
    boolean _ = tell(group, cause);
  }

  /**
   * Tells the objects of this group the same, though it is known by now, and nothing stands in the
   * way of new instances. For tests.
   *
   * @return true
   */
  boolean tell(List<Batch> group, Faults.Unanswered answer) {
    return tell(group, new StorageException(String.valueOf(answer.getMessage()), answer));
  }

  private static boolean tell(List<Batch> group, StorageException cause) {
    for (Batch batch : group) {
      try {
        Enduring.step(
            () -> {
              if (batch.hasWrites()) {
                batch.object.doubt(batch, cause);
              } else {
                batch.object.fail(cause); // Whatever became of it, it had no effect.
              }
            });
      } catch (RuntimeException | Error e) { // The others have to be told all the same.
        GroupTelling.failed(batch.object, e);
      }
    }
    return true;
  }

  /** It is known by now, and can't change any more. */
  void end(List<Batch> group) {
    objects = Set.of();
    for (Batch batch : group) {
      if (batch.alarm != null) {
        batch.object.loseAlarm(); // The store can be asked for it now.
      }
    }
  }
}
