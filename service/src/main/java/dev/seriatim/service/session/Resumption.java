package dev.seriatim.service.session;

import com.google.rpc.Status;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Invocation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Session} has beside that is one connection of several: what has opened it, then the
 * record that was found for it, and what its client is told before anything else. Stubs that can't
 * be resumed have none.
 *
 * <p>The turn thread finds the record, once; whoever sends says so to the client.
 */
final class Resumption {
  /**
   * What opens the connection; null when its record is attached. Written by the turn thread, behind
   * the next number of the {@link InvocationQueue}, which is the attachment thread's from then on.
   */
  private volatile @Nullable SessionOpen unclaimed;

  /** Null until it was found. Written holding the lock of the {@link OutcomeQueue}. */
  private volatile @Nullable SessionRecord record;

  // Guarded by the lock of the OutcomeQueue.

  /** The commit that has to be durable before anything is sent. */
  private long gate;

  /** What has to be sent first; null if it was, or never will be. */
  private @Nullable Opened opened;

  Resumption(SessionOpen open) {
    this.unclaimed = open;
  }

  // ---- any thread

  /** What is remembered of the session; null as long as it wasn't found. */
  @Nullable SessionRecord record() {
    return record;
  }

  /** Whether its record has still to be found. */
  boolean isUnclaimed() {
    return unclaimed != null;
  }

  /** Whether its record has still to be found, and other connections have had it. */
  boolean takesOver() {
    SessionOpen open = unclaimed;
    return open != null && !open.isFirst();
  }

  /** What is wrong with invocations that come now; null if nothing is. */
  @Nullable BreakCause early(List<Invocation> invocations) {
    SessionOpen open = unclaimed;
    return open == null ? null : SessionOpen.early(open.connection(), invocations);
  }

  /** The status with which a connection ends when a newer one has come. */
  static Status superseded(long by) {
    return BreakCause.of(
            BreakReason.SESSION_SUPERSEDED,
            "connection %s of the session has been opened".formatted(Long.toUnsignedString(by)))
        .toStatusProto();
  }

  // ---- the turn thread

  /** The connection is open, which its client can't know before this. */
  void claimed() {
    unclaimed = null;
  }

  /**
   * The turn failed, and what is remembered says so, also to the store if it knows the session.
   *
   * @return the commit that the break has to wait for, which is at least this one
   */
  long turnFailed(SessionObject object, BreakCause cause, long commit) {
    SessionRecord found = record;
    if (found == null) {
      return commit;
    }
    found.withdraw();
    if (cause.retryable() || !found.broke(cause) || !found.isStored()) {
      return commit;
    }
    long behind = Math.max(commit, object.submit(found));
    found.brokenBehind(behind);
    return behind;
  }

  // ---- holding the lock of the queue

  /** The record was found; the client is told when that commit is durable. */
  void found(SessionRecord itsRecord, Opened toTell, long commit) {
    gate = commit;
    opened = toTell;
    record = itsRecord;
  }

  /** Whether nothing may be sent yet but that the connection is open. */
  boolean hasToTell() {
    return opened != null;
  }

  /** What the client is to be told now; null if it is still too early for that. */
  @Nullable Opened take(OutputGate outputGate) {
    Opened told = outputGate.isOpen(gate) ? opened : null;
    if (told != null) {
      opened = null;
    }
    return told;
  }

  /** Nothing is said of where the session stands. */
  void forgetOpened() {
    opened = null;
  }

  /** The commit that has to be durable before the client is told; 0 if it needs none. */
  long openedGate() {
    return opened == null ? 0 : gate;
  }

  /** Whether so much is not acknowledged that no turn may begin. */
  boolean isFull() {
    SessionRecord found = record;
    return found != null && found.isFull();
  }

  /** The stub breaks, and that is remembered if it is for good. */
  void broke(BreakCause cause) {
    SessionRecord found = record;
    if (found != null && !cause.retryable()) {
      boolean _ = found.broke(cause);
    }
  }

  /** An outcome was given to what carries the stub. */
  void sent(long sequence) {
    SessionRecord found = record;
    if (found != null) {
      found.sent(sequence);
    }
  }
}
