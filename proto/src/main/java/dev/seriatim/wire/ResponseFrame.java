package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.UnsafeByteOperations;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Opened;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A {@code seriatim.v1.ConnectResponse} that has come. Immutable; its results are parts of the
 * frame's own bytes.
 */
public final class ResponseFrame {
  /** Reads frames. */
  public static final Marshaller<ResponseFrame> MARSHALLER = new ResponseMarshaller();

  private static final int OPENED = Tags.bytes(ConnectResponse.OPENED_FIELD_NUMBER);
  private static final int OUTCOME = Tags.bytes(ConnectResponse.OUTCOMES_FIELD_NUMBER);
  private static final int BROKEN = Tags.bytes(ConnectResponse.BROKEN_FIELD_NUMBER);
  private static final int SEQUENCE = Tags.integer(dev.seriatim.v1.Outcome.SEQUENCE_FIELD_NUMBER);
  private static final int MESSAGE = Tags.bytes(dev.seriatim.v1.Outcome.MESSAGE_FIELD_NUMBER);

  private final byte[] bytes;
  private @Nullable Opened opened;
  private @Nullable Broken broken;
  private int outcomes;
  private long[] sequences = new long[1];
  private @Nullable ByteString[] messages = new ByteString[1];

  private ResponseFrame(byte[] bytes) throws IOException {
    this.bytes = bytes;
    read();
  }

  /**
   * Reads a frame.
   *
   * @param bytes the frame, which nobody changes any more
   * @throws IOException if they are none
   */
  public static ResponseFrame parse(byte[] bytes) throws IOException {
    return new ResponseFrame(bytes);
  }

  /** How many bytes it has. */
  public int size() {
    return bytes.length;
  }

  /** What stands in the stub's first frame only, or null. */
  public @Nullable Opened opened() {
    return opened;
  }

  /** Why the stub is broken, or null if it isn't. */
  public @Nullable Broken broken() {
    return broken;
  }

  /** How many outcomes there are. */
  public int outcomes() {
    return outcomes;
  }

  /** The number of the invocation whose outcome stands here; an unsigned one. */
  public long sequence(int outcome) {
    return sequences[outcome];
  }

  /** The result that stands here, or null if it isn't one of bytes. */
  public @Nullable ByteString message(int outcome) {
    return messages[outcome];
  }

  private void read() throws IOException {
    ByteString frame = UnsafeByteOperations.unsafeWrap(bytes);
    CodedInputStream in = frame.newCodedInput();
    in.enableAliasing(true);
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == OUTCOME) {
        readOutcome(frame, in);
      } else if (tag == OPENED) {
        Opened more = in.readMessage(Opened.parser(), ExtensionRegistryLite.getEmptyRegistry());
        opened = opened == null ? more : opened.toBuilder().mergeFrom(more).build();
      } else if (tag == BROKEN) {
        Broken more = in.readMessage(Broken.parser(), ExtensionRegistryLite.getEmptyRegistry());
        broken = broken == null ? more : broken.toBuilder().mergeFrom(more).build();
      } else {
        UnknownFields.skip(in, tag, /* depth= */ 0);
      }
    }
  }

  private void readOutcome(ByteString frame, CodedInputStream in) throws IOException {
    int size = in.readRawVarint32();
    int start = in.getTotalBytesRead();
    int outer = in.pushLimit(size);
    long sequence = 0;
    ByteString message = null;
    int tag = in.readTag();
    while (tag == SEQUENCE || tag == MESSAGE) {
      if (tag == SEQUENCE) {
        sequence = in.readUInt64();
      } else {
        message = in.readBytes();
      }
      tag = in.readTag();
    }
    if (tag != 0) {
      // Rare enough to be read anew, and whole.
      in.skipRawBytes(in.getBytesUntilLimit());
      var whole =
          dev.seriatim.v1.Outcome.parseFrom(
              Invocation.nested(frame.substring(start, start + size), /* depth= */ 1));
      sequence = whole.getSequence();
      message = whole.hasMessage() ? whole.getMessage() : null;
    }
    in.popLimit(outer);
    add(sequence, message);
  }

  private void add(long sequence, @Nullable ByteString message) {
    if (outcomes == sequences.length) {
      sequences = Arrays.copyOf(sequences, 4 * outcomes);
      messages = Arrays.copyOf(messages, 4 * outcomes);
    }
    sequences[outcomes] = sequence;
    messages[outcomes] = message;
    outcomes++;
  }

  private static final class ResponseMarshaller implements Marshaller<ResponseFrame> {
    @Override
    public InputStream stream(ResponseFrame frame) {
      return EncodedFrame.MARSHALLER.stream(new EncodedFrame(frame.bytes));
    }

    @Override
    public ResponseFrame parse(InputStream stream) {
      try {
        return new ResponseFrame(FrameBytes.read(stream));
      } catch (IOException e) {
        throw Status.INTERNAL
            .withDescription("a frame is not a ConnectResponse: " + e.getMessage())
            .withCause(e)
            .asRuntimeException();
      }
    }
  }
}
