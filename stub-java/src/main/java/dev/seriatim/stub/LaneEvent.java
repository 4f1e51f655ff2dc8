package dev.seriatim.stub;

import dev.seriatim.wire.EncodedFrame;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a lane is told.
 *
 * @param frame from the host, or null
 * @param end what tells the lane that it has ended, behind the frame; null if it goes on
 */
record LaneEvent(Lane lane, @Nullable EncodedFrame frame, @Nullable Consumer<Lane> end) {
  /** Tells it. */
  void tell() {
    lane.take(frame, end);
  }
}
