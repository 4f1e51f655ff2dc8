package dev.seriatim.cluster;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.UntoldEnd;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.wire.EncodedFrame;
import java.time.Duration;

/** How relays end, and which ends are none. */
final class RelayEnds {
  private RelayEnds() {}

  /** Whether the owner has broken the stub in this frame, only since its object moves. */
  static boolean isMoved(EncodedFrame frame) {
    try {
      return isMoved(ConnectResponse.parseFrom(frame.bytes()).getBroken());
    } catch (InvalidProtocolBufferException e) {
      return false; // The client finds out.
    }
  }

  /**
   * Whether a stub breaks only since its object goes to another host, and no turn was cut off for
   * that.
   */
  static boolean isMoved(Broken broken) {
    return broken.getFailedSequence() == 0
        && BreakCause.reason(broken.getCause()) == BreakReason.OBJECT_MOVED;
  }

  /** The end of a stub whose owner was lost: nobody knows what became of what was sent. */
  static Status lost(String why) {
    return Status.newBuilder()
        .setCode(Code.UNAVAILABLE_VALUE)
        .setMessage("the host of the object was lost: " + why)
        .addDetails(
            Any.pack(
                ErrorInfo.newBuilder()
                    .setReason(UntoldEnd.OWNER_LOST.name())
                    .setDomain(BreakCause.DOMAIN)
                    .build()))
        .build();
  }

  /** Why a stub breaks that has waited for so long. */
  static BreakCause unavailable(Duration patience) {
    return BreakCause.of(
        BreakReason.OWNER_UNAVAILABLE,
        "no host had the object within %d ms".formatted(patience.toMillis()));
  }
}
