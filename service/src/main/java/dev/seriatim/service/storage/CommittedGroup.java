package dev.seriatim.service.storage;

import dev.seriatim.service.HostListener;
import dev.seriatim.service.HostListener.CommitEvent;
import java.time.Duration;
import java.util.List;

/** Tells of a group that is durable. Used by the committer's thread. */
final class CommittedGroup {
  private CommittedGroup() {}

  /** Tells of these, if any are left. */
  static void tell(HostListener listener, List<Batch> group, String store, long tookNanos) {
    if (group.isEmpty()) {
      return;
    }
    long now = System.nanoTime();
    long waited = 0;
    long turns = 0;
    long bytes = 0;
    for (Batch batch : group) {
      waited = Math.max(waited, now - batch.submittedNanos);
      turns += batch.last - batch.first + 1;
      bytes += batch.bytes;
    }
    listener.committed(
        new CommitEvent(
            store,
            group.size(),
            turns,
            bytes,
            Duration.ofNanos(tookNanos),
            Duration.ofNanos(waited)));
  }
}
