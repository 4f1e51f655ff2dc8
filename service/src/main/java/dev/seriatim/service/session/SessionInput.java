package dev.seriatim.service.session;

import dev.seriatim.wire.Invocation;
import java.util.List;

/**
 * Where an attachment puts what its client sends. Called by one thread at a time, which is never
 * held up here.
 */
public interface SessionInput {
  /**
   * Takes one frame's invocations in.
   *
   * @param bytes the size of the frame
   */
  void add(List<Invocation> invocations, int bytes);

  /**
   * The client has received every outcome up to this one; it means something to a session alone.
   */
  default void acknowledge(long through) {}

  /** Takes the first frame in, which has opened the stub. */
  default void addFirst(StubFrame frame) {
    if (frame.acknowledgedThrough() != 0) {
      acknowledge(frame.acknowledgedThrough());
    }
    if (!frame.invocations().isEmpty()) {
      add(frame.invocations(), frame.size());
    }
    BreakCause fault = frame.fault();
    if (fault != null) {
      fail(fault);
    }
  }

  /** Takes a later frame in. */
  default void add(StubFrame frame) {
    if (frame.open() != null) {
      fail(openedAgain());
    }
    addFirst(frame);
  }

  /** What is wrong with a later frame that opens a stub. */
  static BreakCause openedAgain() {
    return BreakCause.of(
        BreakReason.PROTOCOL_VIOLATION,
        "a later frame has open, expected it in the first frame only");
  }

  /** Lets the stub break with this cause when its turn comes. Whatever comes later is discarded. */
  void fail(BreakCause cause);

  /** Breaks the stub, after the turn that it is in, if it is in one. On any thread. */
  void breakSoon(BreakCause cause);

  /** The client has nothing more to send: the stub ends when everything has been answered. */
  void halfClose();

  /** The client is gone: turns that haven't started never start. */
  void cancel();

  /** All that was sent so far has been delivered, or dropped. On any thread. */
  void onDelivered();

  /** The client reads again. May be called without need, and on any thread. */
  void onReady();
}
