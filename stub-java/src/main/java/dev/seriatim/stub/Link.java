package dev.seriatim.stub;

import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * What carries a stub: a call {@linkplain OwnCall of its own}, or a {@link Lane} of a call that
 * carries others, too. It does what the {@link Ledger} says is next, and hands what the host sends
 * to the {@link Session}.
 *
 * <p>There is something to write when the ledger has changed, or what carries the stub has. Whoever
 * brought that about claims the link under the session's lock, and then has it write, with no lock
 * held.
 */
abstract class Link {
  private final ClientOptions options;

  Link(ClientOptions options) {
    this.options = options;
  }

  final ClientOptions options() {
    return options;
  }

  /**
   * This, if the caller is to have it {@link #write}; null if someone else is about to, who will
   * look again. Under the lock.
   */
  abstract @Nullable Link claim();

  /**
   * The same, for who has just put a call into the ledger, and has changed nothing else. Under the
   * lock.
   */
  abstract @Nullable Link claimForCall();

  /** Sees to it that what is to be done by now is done. Only for who has the claim. */
  abstract void write();

  /**
   * Why the stub is not open within the time for that: it waits for a connection, or on one, or for
   * the host's word.
   *
   * @param hasLeft whether the stub's first frame has been handed to the transport
   */
  abstract FailureCause openOverdue(boolean hasLeft);

  /** The same. */
  final FailureCause openOverdue(boolean hasLeft, boolean connected) {
    String waited = " within " + options.openTimeout().toMillis() + " ms";
    if (hasLeft) {
      return FailureCause.of(
          Reasons.OPEN_OVERDUE,
          Status.Code.UNAVAILABLE,
          "the host has not opened the stub" + waited,
          true);
    }
    return connected
        ? FailureCause.of(
            Reasons.OPEN_OVERDUE,
            Status.Code.RESOURCE_EXHAUSTED,
            "the connection had no room for one more stub"
                + waited
                + ": each open stub is a stream, and the other side allows no more of them at a"
                + " time (HTTP/2's SETTINGS_MAX_CONCURRENT_STREAMS, 100 or 128 in many proxies)",
            false)
        : FailureCause.of(
            Reasons.OPEN_OVERDUE,
            Status.Code.UNAVAILABLE,
            "there was no connection to the host" + waited,
            true);
  }

  /** Why the stub breaks whose host doesn't end the call, though it has nothing left. */
  final FailureCause endOverdue() {
    return FailureCause.of(
        Reasons.ANSWER_OVERDUE,
        Status.Code.DEADLINE_EXCEEDED,
        "the host has not ended the stub's call "
            + options.endTimeout().toMillis()
            + " ms after its last frame",
        false);
  }
}
