package dev.seriatim.wire;

import com.google.rpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * What a host says on one lane, as {@code seriatim.v1.LaneResponse} describes it.
 *
 * @param lane the number of the lane, as an unsigned one
 * @param frame its bytes, which nobody changes, or null
 * @param end the status with which the lane ends behind the frame, or null if it goes on
 */
public record LaneResponse(long lane, @Nullable EncodedFrame frame, @Nullable Status end) {}
