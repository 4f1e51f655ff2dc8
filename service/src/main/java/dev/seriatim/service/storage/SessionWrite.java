package dev.seriatim.service.storage;

import org.jspecify.annotations.Nullable;

/**
 * What a commit says of a session, or of an idempotency key. What it says is asked for when it is
 * written, so that several turns of a session in one group cost one row, and the row is made once.
 */
public interface SessionWrite {
  /** Whose row it is; always the same. */
  SessionId session();

  /** Whether it is an idempotency key's. */
  default boolean isKey() {
    return false;
  }

  /** Is about to be submitted with a commit. Called by the turn thread. */
  default void submitted() {}

  /**
   * What is to be in the store from this commit on; null: no row.
   *
   * <p>Called by the committer's thread, once for each try to write the batch, and that may be
   * before the method has returned that this write was handed to; with the memory store by the turn
   * thread, in that method. Called by the turn thread, too, when the session is {@link
   * SessionLog#read read} while the write isn't durable yet. No lock of the object's log is held.
   * Every loss of an earlier commit has been told to the {@link CommitListener} by then.
   *
   * <p>Must be cheap and must not block. What it throws makes the commit of the whole group fail.
   */
  @Nullable SessionRow row();
}
