package dev.seriatim.service.connect;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.wire.FrameBytes;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * The message of a call that names its object in a header, or what is wrong with it. It is the turn
 * that parses it.
 *
 * @param fault why the call fails, or null
 */
record Argument(ByteString bytes, @Nullable BreakCause fault) {
  /**
   * Reads arguments. What gRPC itself would find wrong with one has no reason that clients know.
   */
  record ArgumentMarshaller(int maxBytes) implements Marshaller<Argument> {
    @Override
    public InputStream stream(Argument argument) {
      throw new UnsupportedOperationException("a host sends no requests");
    }

    @Override
    public Argument parse(InputStream stream) {
      try {
        boolean compressed = !(stream instanceof KnownLength);
        byte[] bytes = FrameBytes.read(stream, maxBytes);
        if (bytes.length <= maxBytes) {
          return new Argument(UnsafeByteOperations.unsafeWrap(bytes), null);
        }
        return faulty(
            BreakReason.OVERLOADED,
            "the message has %,d bytes%s, expected at most %,d"
                .formatted(bytes.length, compressed ? " or more, decompressed" : "", maxBytes));
      } catch (IOException | StatusRuntimeException e) { // Badly compressed.
        return faulty(
            BreakReason.PROTOCOL_VIOLATION, "the message can't be read: " + e.getMessage());
      }
    }

    private static Argument faulty(BreakReason reason, String message) {
      return new Argument(ByteString.EMPTY, BreakCause.of(reason, message));
    }
  }
}
