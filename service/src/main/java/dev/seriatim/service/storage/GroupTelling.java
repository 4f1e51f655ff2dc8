package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.threads.Enduring;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Tells objects what became of what they submitted: each of them, once, whatever is thrown
 * meanwhile. If something is thrown here for all that, what was not told can be told by the next
 * call. The committer's.
 */
final class GroupTelling {
  private static final Logger LOGGER = LoggerFactory.getLogger(GroupTelling.class);

  private final Faults faults;

  GroupTelling(Faults faults) {
    this.faults = faults;
  }

  /**
   * The group is durable. What is told stays in it.
   *
   * @param idle whether there is nothing else to commit
   */
  void durable(CommitGroup group, boolean idle) {
    for (int i = 0; i < group.size(); i++) {
      Batch batch = group.batches.get(i);
      if (batch.told) {
        continue;
      }
      try {
        Enduring.step(
            () -> {
              faults.memory(Faults.Need.TO_TELL);
              batch.object.settle(batch, idle);
            });
      } catch (RuntimeException | Error e) { // It is durable all the same, and so are the others.
        failed(batch.object, e);
      }
      batch.told = true;
    }
  }

  /** The group is lost. */
  void lost(CommitGroup group, StorageException cause) {
    while (!group.isEmpty()) {
      Batch batch = group.batches.getLast();
      if (!batch.told) {
        lost(batch.object, cause);
        batch.told = true;
      }
      group.batches.removeLast();
    }
  }

  /** What this object has submitted is lost. */
  void lost(StoredLog object, Throwable cause) {
    try {
      Enduring.step(
          () -> {
            faults.memory(Faults.Need.TO_TELL);
            object.fail(cause);
          });
    } catch (RuntimeException | Error e) {
      failed(object, e);
    }
  }

  static void failed(StoredLog object, Throwable thrown) {
    try {
      object.key.logEvent(LOGGER, Level.ERROR, null).setCause(thrown).log("a listener failed");
    } catch (RuntimeException | Error e) {
      // No memory to say so: the others have to be told.
    }
  }
}
