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
 * One message from a client: a request, or as much of one as there is, and what is wrong with it.
 *
 * @param bytes its size
 * @param fault why the stub breaks behind the frame's invocations, or null
 */
record Frame(RequestFrame request, int bytes, @Nullable BreakCause fault) {
  private static final RequestFrame EMPTY = new RequestFrame(null, List.of(), null);

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
        return tooLong(known, "");
      }
      try {
        byte[] bytes = FrameBytes.read(stream, maxFrameBytes);
        return bytes.length > maxFrameBytes
            ? tooLong(bytes.length, " or more, decompressed")
            : parse(bytes);
      } catch (IOException | StatusRuntimeException e) { // Badly compressed.
        return notAFrame(EMPTY, Math.max(0, known), String.valueOf(e.getMessage()));
      }
    }

    private static Frame parse(byte[] bytes) {
      RequestFrame request = RequestFrame.parse(bytes);
      return request.fault() == null
          ? new Frame(request, bytes.length, null)
          : notAFrame(request, bytes.length, request.fault());
    }

    private static Frame notAFrame(RequestFrame request, int bytes, String why) {
      return new Frame(
          request,
          bytes,
          BreakCause.of(BreakReason.PROTOCOL_VIOLATION, "a frame is not a ConnectRequest: " + why));
    }

    private Frame tooLong(int bytes, String orMore) {
      return new Frame(
          EMPTY,
          bytes,
          BreakCause.of(
              BreakReason.OVERLOADED,
              "a frame has %,d bytes%s, expected at most %,d"
                  .formatted(bytes, orMore, maxFrameBytes)));
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
