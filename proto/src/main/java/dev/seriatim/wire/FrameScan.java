package dev.seriatim.wire;

import com.google.protobuf.CodedInputStream;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * Looks at the top of frames that are passed on as they are: what stands in them, and how often,
 * but not what it says.
 *
 * @param first whether there is an {@code open}, or an {@code opened}
 * @param count how many invocations, or outcomes, there are
 * @param broken whether there is a {@code broken}
 * @param whole whether the bytes are a frame to their end, as far as that shows at the top
 */
public record FrameScan(boolean first, int count, boolean broken, boolean whole) {
  private static final int OPEN = Tags.bytes(ConnectRequest.OPEN_FIELD_NUMBER);
  private static final int INVOCATION = Tags.bytes(ConnectRequest.INVOCATIONS_FIELD_NUMBER);
  private static final int OPENED = Tags.bytes(ConnectResponse.OPENED_FIELD_NUMBER);
  private static final int OUTCOME = Tags.bytes(ConnectResponse.OUTCOMES_FIELD_NUMBER);
  private static final int BROKEN = Tags.bytes(ConnectResponse.BROKEN_FIELD_NUMBER);
  private static final byte[] NOTHING = {};

  /** Looks at a {@code ConnectRequest}. */
  public static FrameScan ofRequest(byte[] frame) {
    return scan(frame, OPEN, INVOCATION, /* brokenTag= */ -1);
  }

  /** Looks at a {@code ConnectResponse}. */
  public static FrameScan ofResponse(byte[] frame) {
    return scan(frame, OPENED, OUTCOME, BROKEN);
  }

  /** Whether a {@code ConnectResponse} has outcomes. With most, its first byte says so. */
  public static boolean hasOutcomes(byte[] frame) {
    return (frame.length > 0 && frame[0] == OUTCOME) || ofResponse(frame).count() > 0;
  }

  private static FrameScan scan(byte[] frame, int firstTag, int countedTag, int brokenTag) {
    int only = countOnly(frame, countedTag);
    return only >= 0
        ? new FrameScan(/* first= */ false, only, /* broken= */ false, /* whole= */ true)
        : scanAll(frame, firstTag, countedTag, brokenTag);
  }

  /** How often this field stands in a frame that has no other, as most have; below 0 if it has. */
  private static int countOnly(byte[] frame, int tag) {
    int count = 0;
    int at = 0;
    while (at < frame.length) {
      if (frame[at++] != tag) {
        return -1;
      }
      int size = 0;
      int shift = 0;
      while (at < frame.length && frame[at] < 0 && shift < 21) {
        size |= (frame[at++] & 0x7f) << shift;
        shift += 7;
      }
      if (at == frame.length || frame[at] < 0) {
        return -1;
      }
      size |= frame[at++] << shift;
      if (size > frame.length - at) {
        return -1;
      }
      at += size;
      count++;
    }
    return count;
  }

  private static FrameScan scanAll(byte[] frame, int firstTag, int countedTag, int brokenTag) {
    CodedInputStream in = CodedInputStream.newInstance(frame);
    boolean first = false;
    boolean broken = false;
    int count = 0;
    try {
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        if (tag == countedTag) {
          in.skipRawBytes(in.readRawVarint32());
          count++;
        } else {
          first |= tag == firstTag;
          broken |= tag == brokenTag;
          UnknownFields.skip(in, tag, /* depth= */ 0);
        }
      }
    } catch (IOException e) {
      return new FrameScan(first, count, broken, false);
    }
    return new FrameScan(first, count, broken, true);
  }

  /**
   * A {@code ConnectRequest} without its {@code open} and its first invocations.
   *
   * @param skipped how many of them
   * @return what is left of it, also of one that is none to its end; empty if that is nothing
   */
  public static byte[] requestBehind(byte[] frame, int skipped) {
    int[] toSkip = {skipped};
    return without(frame, tag -> tag == OPEN || (tag == INVOCATION && toSkip[0]-- > 0));
  }

  /** A {@code ConnectResponse} without its {@code broken}; empty if nothing is left. */
  public static byte[] responseBefore(byte[] frame) {
    return without(frame, tag -> tag == BROKEN);
  }

  private static byte[] without(byte[] frame, IntPredicate isDropped) {
    byte[] rest = new byte[frame.length];
    int size = 0;
    int copied = 0;
    CodedInputStream in = CodedInputStream.newInstance(frame);
    try {
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        boolean dropped = isDropped.test(tag);
        UnknownFields.skip(in, tag, /* depth= */ 0);
        int end = in.getTotalBytesRead();
        if (!dropped) {
          System.arraycopy(frame, copied, rest, size, end - copied);
          size += end - copied;
        }
        copied = end;
      }
    } catch (IOException e) { // Whoever reads it finds that out, behind what comes before.
      System.arraycopy(frame, copied, rest, size, frame.length - copied);
      size += frame.length - copied;
    }
    return size == 0 ? NOTHING : Arrays.copyOf(rest, size);
  }
}
