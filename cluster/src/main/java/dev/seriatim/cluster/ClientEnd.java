package dev.seriatim.cluster;

import dev.seriatim.service.session.BreakCause;
import org.jspecify.annotations.Nullable;

/**
 * Whether the client of a stub has something more to send, and how it has ended if not. Guarded by
 * its relay.
 */
final class ClientEnd {
  private boolean sealed;
  private @Nullable BreakCause failure;
  private boolean halfClosed;
  private boolean passed;

  /** Whether nothing more is taken in. */
  boolean isSealed() {
    return sealed;
  }

  /** Nothing more is taken in, and whoever has what came before finds out why. */
  void seal() {
    sealed = true;
  }

  /** The stub is to break behind what came before. Does nothing if it is sealed. */
  void fail(BreakCause cause) {
    if (!sealed) {
      sealed = true;
      failure = cause;
    }
  }

  /** The client has half-closed. Does nothing if it is sealed. */
  void halfClose() {
    if (!sealed) {
      sealed = true;
      halfClosed = true;
    }
  }

  /** Another way has to be told. */
  void passAgain() {
    passed = false;
  }

  /** Whether the way has to be told, which counts as told from now. */
  boolean pass() {
    boolean pass = !passed && (halfClosed || failure != null);
    passed |= pass;
    return pass;
  }

  /** Why the stub is to break; null if it isn't. */
  @Nullable BreakCause failure() {
    return failure;
  }
}
