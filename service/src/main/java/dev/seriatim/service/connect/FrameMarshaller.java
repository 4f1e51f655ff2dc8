package dev.seriatim.service.connect;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.wire.FrameBytes;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;

/**
 * Reads frames such that a bad one takes its place in the queue. gRPC itself would end the call on
 * the spot, and what was validly sent before would be lost.
 *
 * @param maxFrameBytes how long a frame may be
 * @param laterIfLarge whether what takes long is left to be read later, by another thread; needs
 *     {@link Gzip} to be what gRPC unpacks with
 */
record FrameMarshaller(int maxFrameBytes, boolean laterIfLarge) implements Marshaller<Arrived> {
  /** A frame of so many bytes takes a millisecond or two to read, if its invocations are small. */
  private static final int LARGE_BYTES = 256 << 10;

  /** A compressed one of so many bytes may unpack to a thousand times as many. */
  private static final int LARGE_PACKED_BYTES = 512;

  @Override
  public InputStream stream(Arrived frame) {
    throw new UnsupportedOperationException("a host sends no requests");
  }

  @Override
  public Arrived parse(InputStream stream) {
    int known = knownLength(stream);
    if (known > maxFrameBytes) {
      return tooLong(known, "a frame has %,d bytes".formatted(known));
    }
    boolean packed = known < 0;
    try {
      if (packed && laterIfLarge) {
        Gzip.leavePacked(stream);
      }
      byte[] bytes = FrameBytes.read(stream, maxFrameBytes);
      if (bytes.length > maxFrameBytes) {
        return compressedTooLong(bytes.length);
      }
      if (packed && laterIfLarge) {
        return bytes.length > LARGE_PACKED_BYTES
            ? new LargeFrame(bytes, /* packed= */ true, this)
            : unpack(bytes);
      }
      return bytes.length > LARGE_BYTES && laterIfLarge
          ? new LargeFrame(bytes, /* packed= */ false, this)
          : Frame.of(bytes);
    } catch (IOException | StatusRuntimeException e) { // Badly compressed.
      return Frame.notAFrame(Math.max(0, known), String.valueOf(e.getMessage()));
    }
  }

  /** A frame that came compressed. */
  Frame unpack(byte[] packed) {
    try (InputStream stream = new GZIPInputStream(new ByteArrayInputStream(packed))) {
      byte[] bytes = FrameBytes.read(stream, maxFrameBytes);
      return bytes.length > maxFrameBytes ? compressedTooLong(bytes.length) : Frame.of(bytes);
    } catch (IOException e) {
      return Frame.notAFrame(packed.length, String.valueOf(e.getMessage()));
    }
  }

  /** A frame that came as a part of something else. */
  Frame readWhole(byte[] bytes) {
    return bytes.length > maxFrameBytes
        ? tooLong(bytes.length, "a frame has %,d bytes".formatted(bytes.length))
        : Frame.of(bytes);
  }

  private Frame compressedTooLong(int bytes) {
    return tooLong(bytes, "a frame has %,d bytes or more, decompressed".formatted(bytes));
  }

  private Frame tooLong(int bytes, String what) {
    return overloaded(bytes, "%s, expected at most %,d".formatted(what, maxFrameBytes));
  }

  /** A frame that can't be had, because it is too much. */
  static Frame overloaded(int bytes, String why) {
    return Frame.refused(bytes, BreakCause.of(BreakReason.OVERLOADED, why));
  }

  /** The size of the frame, or -1 if it comes compressed. */
  private static int knownLength(InputStream stream) {
    try {
      return stream instanceof KnownLength ? stream.available() : -1;
    } catch (IOException e) {
      return -1;
    }
  }
}
