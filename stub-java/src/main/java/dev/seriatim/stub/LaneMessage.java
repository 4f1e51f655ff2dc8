package dev.seriatim.stub;

import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneRequest.What;
import java.util.ArrayList;
import java.util.List;

/** One message of a shared call, while the parts of lanes are gathered in it. For one thread. */
final class LaneMessage {
  /** What became of a lane for which there might be room in a message. */
  enum Put {
    DONE,
    /** It has something for another message, and stands in line again. */
    HAS_MORE,
    NO_ROOM
  }

  /** No part but a frame is longer, and none is by more than this longer than its frame. */
  private static final int PART_BYTES = 40;

  private final int period;
  private final List<LaneRequest> parts = new ArrayList<>();
  private int size;
  private boolean awaitsAnswer;
  private int waitingLanes;

  /** One that is sent in this period of the {@link SharedLedger}. */
  LaneMessage(int period) {
    this.period = period;
  }

  int period() {
    return period;
  }

  /** Whether a part may be put in whose frame is so long at most. One always has room. */
  boolean hasRoomFor(long frameBytes) {
    return parts.isEmpty() || size + PART_BYTES + frameBytes <= LaneMessages.FULL_MESSAGE_BYTES;
  }

  void add(LaneRequest part) {
    addUnanswered(part);
    awaitsAnswer |= part.what() == What.FRAME || part.what() == What.HALF_CLOSE;
  }

  /** The same, of a part that a host doesn't answer, whatever it is. */
  void addUnanswered(LaneRequest part) {
    parts.add(part);
    size += PART_BYTES + (part.frame() == null ? 0 : part.frame().size());
  }

  /** A lane waits for a word because of it, and didn't before. */
  void addWaitingLane() {
    waitingLanes++;
  }

  boolean isEmpty() {
    return parts.isEmpty();
  }

  /** Whether there is anything in it that a host answers. */
  boolean awaitsAnswer() {
    return awaitsAnswer;
  }

  int waitingLanes() {
    return waitingLanes;
  }

  EncodedFrame encode() {
    return LaneMessages.writeRequests(parts);
  }
}
