package dev.seriatim.service.connect;

import dev.seriatim.service.object.BreakCause;
import dev.seriatim.service.object.BreakReason;
import dev.seriatim.wire.FrameBytes;
import dev.seriatim.wire.RequestFrame;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One message from a client: a request, or what is wrong with it.
 *
 * @param bytes its size
 * @param fault why the stub breaks when it comes to this frame, or null
 */
record Frame(RequestFrame request, int bytes, @Nullable BreakCause fault) {
  private static final RequestFrame EMPTY = new RequestFrame(null, List.of());

  private static Frame faulty(int bytes, BreakReason reason, String message) {
    return new Frame(EMPTY, bytes, BreakCause.of(reason, message));
  }

  /**
   * Reads frames such that a bad one takes its place in the queue. gRPC itself would end the call
   * on the spot, and what was validly sent before would be lost.
   */
  record FrameMarshaller(int maxFrameBytes) implements Marshaller<Frame> {
    @Override
    public InputStream stream(Frame frame) {
      throw new UnsupportedOperationException("a host sends no requests");
    }

    @Override
    public Frame parse(InputStream stream) {
      int known = knownLength(stream);
      if (known > maxFrameBytes) {
        return tooLong(known);
      }
      try {
        byte[] bytes = FrameBytes.read(stream);
        return bytes.length > maxFrameBytes
            ? tooLong(bytes.length)
            : new Frame(RequestFrame.parse(bytes), bytes.length, null);
      } catch (IOException | StatusRuntimeException e) { // Not a frame, or badly compressed.
        return faulty(
            Math.max(0, known),
            BreakReason.PROTOCOL_VIOLATION,
            "a frame is not a ConnectRequest: " + e.getMessage());
      }
    }

    private Frame tooLong(int bytes) {
      return faulty(
          bytes,
          BreakReason.OVERLOADED,
          "a frame has %,d bytes, expected at most %,d".formatted(bytes, maxFrameBytes));
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
}
