package dev.seriatim.service.connect;

import dev.seriatim.wire.FrameBytes;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** A message that has come on a {@link ManyCall}, not read yet. */
final class ManyMessage {
  /** A message of so many bytes takes a millisecond or two to read. */
  private static final int LARGE_BYTES = LaneMessages.FULL_MESSAGE_BYTES + (16 << 10);

  /** A compressed one of so many bytes may unpack to a thousand times as many. */
  private static final int LARGE_PACKED_BYTES = 512;

  private final byte[] bytes;
  private final boolean packed;
  private final int maxBytes;
  private final boolean fromHost;

  /**
   * A message.
   *
   * @param bytes as they came; those of a message that is too long are not all here
   * @param packed whether they are compressed
   * @param maxBytes how long it may be, once it is unpacked
   * @param fromHost whether it is another host that has sent it
   */
  private ManyMessage(byte[] bytes, boolean packed, int maxBytes, boolean fromHost) {
    this.fromHost = fromHost;
    this.bytes = bytes;
    this.packed = packed;
    this.maxBytes = maxBytes;
  }

  /** How much it takes in memory. */
  int size() {
    return bytes.length;
  }

  /**
   * How long a message may be: what is no lane's own fault ends the call, so there is some room.
   */
  static int maxBytes(int maxFrameBytes) {
    return (int) Math.min(Integer.MAX_VALUE - 8, 2L * maxFrameBytes);
  }

  /** Whether another host has sent it. */
  boolean isFromHost() {
    return fromHost;
  }

  /** Whether it is better read by another thread than the transport's. */
  boolean isLarge() {
    return bytes.length > (packed ? LARGE_PACKED_BYTES : LARGE_BYTES);
  }

  /**
   * Reads it.
   *
   * @throws IOException if it is none, or too long
   */
  List<LaneRequest> read() throws IOException {
    byte[] unpacked = bytes;
    if (packed) {
      try (InputStream stream = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
        unpacked = FrameBytes.read(stream, maxBytes);
      }
    }
    if (unpacked.length > maxBytes) {
      throw new IOException(
          "%,d bytes or more, expected at most %,d".formatted(unpacked.length, maxBytes));
    }
    return fromHost
        ? LaneMessages.readTrunkRequests(unpacked)
        : LaneMessages.readRequests(unpacked);
  }

  /**
   * Takes messages out of gRPC's hands.
   *
   * @param leavesPacked whether {@link Gzip} is what gRPC unpacks with
   * @param fromHosts whether other hosts send them
   */
  record Reader(int maxFrameBytes, boolean leavesPacked, boolean fromHosts)
      implements Marshaller<ManyMessage> {
    @Override
    public InputStream stream(ManyMessage message) {
      throw new UnsupportedOperationException("a host sends no requests");
    }

    @Override
    public ManyMessage parse(InputStream stream) {
      boolean packed = leavesPacked && !(stream instanceof KnownLength);
      int most = maxBytes(maxFrameBytes);
      try {
        if (packed) {
          Gzip.leavePacked(stream);
        }
        return new ManyMessage(FrameBytes.read(stream, most), packed, most, fromHosts);
      } catch (IOException | StatusRuntimeException e) { // Badly compressed: no message at all.
        return new ManyMessage(new byte[] {(byte) 0xff}, /* packed= */ false, most, fromHosts);
      }
    }
  }
}
