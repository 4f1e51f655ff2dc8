package dev.seriatim.wire;

import dev.seriatim.peer.v1.RelayOpen;
import dev.seriatim.v1.Broken;
import org.jspecify.annotations.Nullable;

/**
 * What a client says on one lane, as {@code seriatim.v1.LaneRequest} describes it; or a host that
 * passes a stub on, as {@code seriatim.peer.v1.RelayRequest} does.
 *
 * @param lane the number of the lane, as an unsigned one
 * @param frame its bytes, which nobody changes, if it {@linkplain What#FRAME is} one; or those of
 *     the message that stands there instead
 * @param moreBytes how much credit it gives, as an unsigned number
 */
public record LaneRequest(long lane, What what, @Nullable EncodedFrame frame, int moreBytes) {
  /** What the client of a call would do. */
  public enum What {
    /** Nothing but to give credit. */
    NOTHING,
    FRAME,
    HALF_CLOSE,
    CANCEL,
    /** A half-close or a cancellation that says it is none. */
    NEITHER,
    /** Between hosts: how the stub comes here. */
    RELAY_OPEN,
    /** Between hosts: the stub is to break, with the cause that stands here. */
    RELAY_FAIL,
    /** Between hosts: the stub is to break after the turn that it is in. */
    RELAY_BREAK_SOON
  }

  /** A frame. */
  public static LaneRequest ofFrame(long lane, EncodedFrame frame) {
    return new LaneRequest(lane, What.FRAME, frame, 0);
  }

  /** Between hosts: the first part of a lane. */
  public static LaneRequest ofRelayOpen(long lane, RelayOpen open) {
    return new LaneRequest(lane, What.RELAY_OPEN, EncodedFrame.of(open), 0);
  }

  /** Between hosts: a break. */
  public static LaneRequest ofRelayFail(long lane, Broken cause) {
    return new LaneRequest(lane, What.RELAY_FAIL, EncodedFrame.of(cause), 0);
  }

  /** Between hosts: a break that doesn't wait for what was sent. */
  public static LaneRequest ofRelayBreakSoon(long lane, Broken cause) {
    return new LaneRequest(lane, What.RELAY_BREAK_SOON, EncodedFrame.of(cause), 0);
  }

  /** A half-close. */
  public static LaneRequest ofHalfClose(long lane) {
    return new LaneRequest(lane, What.HALF_CLOSE, null, 0);
  }

  /** A cancellation. */
  public static LaneRequest ofCancel(long lane) {
    return new LaneRequest(lane, What.CANCEL, null, 0);
  }

  /** Credit. */
  public static LaneRequest ofCredit(long lane, int moreBytes) {
    return new LaneRequest(lane, What.NOTHING, null, moreBytes);
  }
}
