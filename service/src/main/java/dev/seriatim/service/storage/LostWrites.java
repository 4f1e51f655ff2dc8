package dev.seriatim.service.storage;

import org.jspecify.annotations.Nullable;

/**
 * What one object had submitted that is lost, and who has to be told. Made holding the monitor of
 * the object's log, and told without it.
 */
final class LostWrites {
  private final long first;
  private final @Nullable Batch inDoubt;
  private final long last;
  private long bytes;
  private final boolean alarmLost;
  private final Throwable cause;

  /**
   * All from the first commit to the last.
   *
   * @param inDoubt what may be durable of it nevertheless; null for nothing
   * @param pending what is lost, if anything was written
   */
  LostWrites(
      long first,
      @Nullable Batch inDoubt,
      long last,
      @Nullable PendingWrites pending,
      Throwable cause) {
    this.first = first;
    this.inDoubt = inDoubt;
    this.last = last;
    this.bytes = pending == null ? 0 : pending.bytes();
    this.alarmLost = pending != null && pending.setsAlarm();
    this.cause = cause;
  }

  /** Can be called again if there was no memory for it. */
  void tell(StoredLog log, CommitListener listener) {
    boolean told = true;
    try {
      if (bytes > 0) {
        log.engine().budget().remove(bytes);
        bytes = 0;
      }
      if (alarmLost) {
        log.engine().alarms().lost(log.key);
      }
      if (inDoubt == null) {
        listener.failed(first, last, cause);
      } else {
        listener.inDoubt(first, inDoubt.last, last, cause);
      }
    } catch (OutOfMemoryError e) {
      told = false;
      throw e;
    } finally {
      if (told) {
        log.lossTold();
      }
    }
  }
}
