package dev.seriatim.cluster;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.StubFrame;

/**
 * One way from a stub's edge to the object's owner. A stub that goes along with its object has one
 * after the other. What comes back is told to the {@link Relay}, by the way that it came.
 *
 * <p>Nothing blocks here. What is sent comes from one thread at a time; the rest may come from any.
 */
interface Way {
  /**
   * Opens the stub at the owner. Called once, before anything else.
   *
   * @param completedThrough how many of the stub's invocations were completed before
   */
  void open(long completedThrough);

  /** Sends a frame that has no {@code open}. */
  void send(StubFrame frame);

  /** Lets the stub break for this cause, behind what was sent. */
  void fail(BreakCause cause);

  /** Lets the stub break after the turn that it is in. On any thread. */
  void breakSoon(BreakCause cause);

  /** Nothing more is sent: the stub ends when all has been answered. */
  void halfClose();

  /** The client is gone, or the stub has ended. */
  void cancel();

  /** The client has taken a frame of so many bytes that came this way. */
  void taken(int bytes);

  /** The client reads again. */
  void onReady();

  /** All that was given to the client has been delivered, or dropped. */
  void onDelivered();

  /** The name of the host that it leads to. */
  String host();

  /** Whether it still leads where the object is, as far as is known. */
  boolean leadsToOwner();
}
