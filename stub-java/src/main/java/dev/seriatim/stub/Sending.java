package dev.seriatim.stub;

import org.jspecify.annotations.Nullable;

/**
 * What is to be sent next of one stub, and how what carries it is to end from this side. Part of
 * the {@link Ledger}, and like it without thread, lock and clock. The {@link Link} does what it
 * says.
 */
final class Sending {
  /** What is to be done next to the call that carries the stub. */
  enum Step {
    /** To send the {@link #nextFrame()}. */
    SEND,
    HALF_CLOSE,
    CANCEL,
    /** Nothing, as things stand. */
    REST
  }

  private static final PendingCall[] NO_CALLS = {};

  private final ClientOptions options;
  private final StubState state; // The ledger's, and so are the calls.
  private final CallRing calls;
  private final @Nullable Resumption resumption; // If the stub is to outlive its connection.
  private final FrameWindow window;
  private boolean cancel; // The call that carries the stub is to be cancelled.
  private boolean cancelled;
  private boolean halfClosed;

  Sending(ClientOptions options, StubState state, CallRing calls, @Nullable Resumption resumption) {
    this.options = options;
    this.state = state;
    this.calls = calls;
    this.resumption = resumption;
    this.window = new FrameWindow(options.maxUnansweredFrames());
  }

  // ---- the next step ---------------------------------------------------------------------------

  /** Whether a frame with calls could leave. */
  boolean hasFrame() {
    return calls.waiting() > 0 && hasRoom();
  }

  /** Whether one more frame with calls could leave, if there were calls. */
  boolean hasRoom() {
    return window.hasRoom() && (resumption == null || resumption.maySend());
  }

  /** Whether the host is to hear something: calls, or that nothing more will come, say. */
  boolean hasToSay() {
    return hasFrame() || owesFrame() || isDone();
  }

  /** Whether a frame without calls is to leave, if none with calls can. */
  private boolean owesFrame() {
    return resumption != null
        && resumption.owesFrame(calls.answered(), state.isClosing() && calls.isAnswered());
  }

  private boolean isDone() {
    return state.isOver() || (state.isClosing() && calls.waiting() == 0 && mayHalfClose());
  }

  private boolean mayHalfClose() {
    return resumption == null || resumption.mayHalfClose(calls.answered(), calls.last());
  }

  /**
   * The next step, which is then taken for done.
   *
   * @param ready whether what carries the stub takes a frame now
   */
  Step next(boolean ready) {
    Step next = look(ready);
    switch (next) {
      case CANCEL -> cancelled = true;
      case HALF_CLOSE -> halfClosed = true;
      case SEND, REST -> {}
    }
    return next;
  }

  private Step look(boolean ready) {
    if (cancel && !cancelled) {
      return Step.CANCEL;
    }
    if (ready
        && !cancelled
        && !state.isOver()
        && !state.isBroken()
        && (hasFrame() || owesFrame())) {
      return Step.SEND;
    }
    if (!halfClosed && !cancelled && isDone()) {
      return Step.HALF_CLOSE;
    }
    return Step.REST;
  }

  /** Whether there is a next step for what takes frames now. */
  boolean hasNext() {
    return look(true) != Step.REST;
  }

  // ---- frames ----------------------------------------------------------------------------------

  /** The next frame has no more bytes than this, the open left out. */
  long nextFrameBytes() {
    return Math.min(
        calls.waitingBytes(), Math.max(options.maxFrameBytes(), options.maxInvocationBytes()));
  }

  /**
   * The calls of the next frame, which from now on count as sent; none, if the frame has something
   * else to say. What it {@linkplain #acknowledge acknowledges} is to be asked next.
   */
  PendingCall[] nextFrame() {
    if (resumption != null && !hasFrame()) {
      return NO_CALLS;
    }
    PendingCall[] frame = calls.send(options.maxFrameInvocations(), options.maxFrameBytes());
    window.sent(calls.sent());
    return frame;
  }

  /** Up to which number the outcomes have been received, as a frame with these calls says; or 0. */
  long acknowledge(PendingCall[] frame) {
    return resumption == null
        ? 0
        : resumption.send(calls.sent(), frame.length > 0, calls.answered());
  }

  /** Calls were answered, which may make room for the next frame. */
  void answered() {
    window.answered(calls.answered());
  }

  /** Whether anything was sent to a host that hasn't opened the stub. */
  boolean hasLeft() {
    if (resumption != null && !resumption.isFirst()) {
      return resumption.isOpening();
    }
    return calls.sent() > 0;
  }

  // ---- the end of what carries the stub --------------------------------------------------------

  /** What carries the stub is to be cancelled, whether it is broken or not. */
  void abandon() {
    cancel = true;
  }

  /** Whether what carries the stub is to be cancelled, and hasn't been. */
  boolean hasToCancel() {
    return cancel && !cancelled;
  }

  /** Takes a cancellation that is due for done. False if none is. */
  boolean takeCancel() {
    boolean due = hasToCancel();
    cancelled |= due;
    return due;
  }

  /** Whether what carries the stub has been cancelled. */
  boolean isCancelled() {
    return cancelled;
  }

  /**
   * Nothing of what was sent has reached anyone, and something else is to carry the stub: from the
   * beginning.
   */
  void beginAgain() {
    halfClosed = false;
    if (resumption != null) {
      resumption.beginAgain();
    }
    if (resumption == null || resumption.isFirst()) {
      calls.rewind(calls.answered());
      window.clear();
    }
  }

  /** What carried the stub has ended, and something else is to do so. */
  void lost() {
    cancel = false;
    cancelled = false;
    halfClosed = false;
    window.clear();
  }
}
