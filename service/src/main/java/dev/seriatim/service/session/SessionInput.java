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

  /** Lets the stub break with this cause when its turn comes. Whatever comes later is discarded. */
  void fail(BreakCause cause);

  /** The client has nothing more to send: the stub ends when everything has been answered. */
  void halfClose();

  /** The client is gone: turns that haven't started never start. */
  void cancel();

  /** All that was sent so far has been delivered, or dropped. On any thread. */
  void onDelivered();

  /** The client reads again. May be called without need, and on any thread. */
  void onReady();
}
