package dev.seriatim.wire;

import com.google.protobuf.MessageLite;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** A frame in the form in which it is sent. Immutable, so that it can be sent again. */
public final class EncodedFrame {
  /** Sends encoded frames as they are. */
  public static final Marshaller<EncodedFrame> MARSHALLER = new EncodedMarshaller();

  private final byte[] bytes;

  EncodedFrame(byte[] bytes) {
    this.bytes = bytes;
  }

  /** A frame that is written by its generated class. */
  public static EncodedFrame of(MessageLite frame) {
    return new EncodedFrame(frame.toByteArray());
  }

  /** A frame of these bytes, which nobody changes any more. */
  public static EncodedFrame ofBytes(byte[] bytes) {
    return new EncodedFrame(bytes);
  }

  /** Its bytes, which nobody may change. */
  public byte[] bytes() {
    return bytes;
  }

  /** The number of bytes. */
  public int size() {
    return bytes.length;
  }

  private static final class EncodedMarshaller implements Marshaller<EncodedFrame> {
    @Override
    public InputStream stream(EncodedFrame frame) {
      return new FrameStream(frame.bytes);
    }

    @Override
    public EncodedFrame parse(InputStream stream) {
      try {
        return new EncodedFrame(FrameBytes.read(stream));
      } catch (IOException e) {
        throw Status.INTERNAL
            .withDescription("a frame can't be read")
            .withCause(e)
            .asRuntimeException();
      }
    }
  }

  /** Gives all of its bytes away at once where it can. */
  private static final class FrameStream extends ByteArrayInputStream
      implements KnownLength, Drainable {
    FrameStream(byte[] bytes) {
      super(bytes);
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      int drained = count - pos;
      target.write(buf, pos, drained);
      pos = count;
      return drained;
    }
  }
}
