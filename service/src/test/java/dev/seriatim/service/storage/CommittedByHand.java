package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;

/**
 * One object in a store in the heap, whose committer is the test: for tests outside this package.
 */
public final class CommittedByHand {
  private final MapStore store = new MapStore();
  private final StoredLog log;

  /** The object is told of its commits by this. */
  public CommittedByHand(CommitListener listener) {
    log = store.log(StorageOptions.memory(), "TEST", TestObject.IDS.fromName("object"), listener);
  }

  /** What the object commits. */
  public ObjectLog log() {
    return log;
  }

  /** What was submitted becomes durable. */
  public void commit() {
    Batch batch = log.take();
    if (batch != null) {
      store.commit(batch);
      log.settle(batch, /* idle= */ false);
    }
  }

  /** What was submitted is written, and then it is lost. */
  public void lose() {
    Batch batch = log.take();
    if (batch != null) {
      for (SessionWrite write : batch.sessions()) {
        SessionRow _ = write.row();
      }
    }
    log.fail(new StorageException("lost"));
  }
}
