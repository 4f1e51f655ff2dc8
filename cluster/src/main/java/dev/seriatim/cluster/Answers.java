package dev.seriatim.cluster;

import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.FrameScan;
import org.jspecify.annotations.Nullable;

/**
 * What the owner of a relay's object says: how many of the stub's invocations that answers, what of
 * it the client is given, and whether the object moves. Guarded by its relay.
 */
final class Answers {
  private final @Nullable ResumableStub resumable;
  private boolean moving;

  /**
   * Nothing has been said.
   *
   * @param session what makes the stub a connection of a session; null if it is none
   */
  Answers(@Nullable SessionOpen session) {
    this.resumable = session == null ? null : new ResumableStub(session);
  }

  /** What a connection of a session can do beside; null if it is none. */
  @Nullable ResumableStub resumable() {
    return resumable;
  }

  /** Whether the way that counts has said that the object moves. */
  boolean isMoving() {
    return moving;
  }

  /** It has said so. */
  void moves() {
    moving = true;
  }

  /** Another way is to count. */
  void begin() {
    moving = false;
  }

  /** Whether this says only that the stub is open, which its client knows by now. */
  boolean isKnown(FrameScan scan) {
    return resumable == null && scan.first();
  }

  /** A frame as the client is to have it; null if nothing is left of it. */
  @Nullable EncodedFrame given(EncodedFrame frame, FrameScan scan) {
    if (resumable != null) {
      return resumable.frame(frame);
    }
    if (!scan.broken() || !RelayEnds.isMoved(frame)) {
      return frame;
    }
    moving = true;
    byte[] before = FrameScan.responseBefore(frame.bytes());
    return before.length == 0 ? null : EncodedFrame.ofBytes(before);
  }

  /** The session of an object that is here is open. Whether the client is to know. */
  boolean opened(Opened opened) {
    if (resumable == null) {
      return false;
    }
    resumable.opened(opened);
    return true;
  }

  /** How many of so many outcomes answer invocations of this connection. */
  int fresh(int outcomes) {
    return resumable == null ? outcomes : resumable.fresh(outcomes);
  }
}
