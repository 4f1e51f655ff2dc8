package dev.seriatim.stub;

import org.jspecify.annotations.Nullable;

/**
 * Whether one stub takes calls, has been closed, or is broken and why. Part of the {@link Ledger},
 * which alone changes it.
 */
final class StubState {
  private enum State {
    OPEN,
    CLOSING,
    CLOSED,
    BROKEN,
    /** Broken, and nothing is left to be completed. */
    OVER
  }

  private State state = State.OPEN;
  private @Nullable FailureCause cause; // Set with BROKEN.

  boolean isOpen() {
    return state == State.OPEN;
  }

  /** Closed, and not at its end. */
  boolean isClosing() {
    return state == State.CLOSING;
  }

  boolean isBroken() {
    return state == State.BROKEN || state == State.OVER;
  }

  /** Nothing is left to be completed. */
  boolean isOver() {
    return state == State.CLOSED || state == State.OVER;
  }

  /** Why it is broken; null if it isn't. */
  @Nullable FailureCause cause() {
    return cause;
  }

  /** False if there is nothing to close any more. */
  boolean close() {
    if (state != State.OPEN) {
      return false;
    }
    state = State.CLOSING;
    return true;
  }

  /** All went well. */
  void closed() {
    state = State.CLOSED;
  }

  /** False if the stub had ended, or was broken before. */
  boolean breakWith(FailureCause newCause) {
    if (state == State.CLOSED || isBroken()) {
      return false;
    }
    state = State.BROKEN;
    cause = newCause;
    return true;
  }

  /**
   * Nothing is left to be completed of a stub that is broken, by now if it wasn't.
   *
   * @return why it is
   */
  FailureCause end(FailureCause newCause) {
    FailureCause why = cause == null ? newCause : cause;
    cause = why;
    state = State.OVER;
    return why;
  }
}
