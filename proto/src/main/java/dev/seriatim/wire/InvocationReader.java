package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Duration;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Value;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Reads the invocations of one frame. For one thread. */
final class InvocationReader {
  private static final int SEQUENCE =
      Tags.integer(dev.seriatim.v1.Invocation.SEQUENCE_FIELD_NUMBER);
  private static final int METHOD = Tags.bytes(dev.seriatim.v1.Invocation.METHOD_FIELD_NUMBER);
  private static final int MESSAGE = Tags.bytes(dev.seriatim.v1.Invocation.MESSAGE_FIELD_NUMBER);
  private static final int JSON = Tags.bytes(dev.seriatim.v1.Invocation.JSON_FIELD_NUMBER);
  private static final int TIMEOUT = Tags.bytes(dev.seriatim.v1.Invocation.TIMEOUT_FIELD_NUMBER);
  private static final int METADATA = Tags.bytes(dev.seriatim.v1.Invocation.METADATA_FIELD_NUMBER);

  private final byte[] bytes;
  private final ByteString frame;
  private final CodedInputStream in;

  // Mostly all invocations of a frame call the same method.
  private String method = "";
  private int methodStart;
  private int methodEnd;

  // Of the invocation that is being read, what few have.
  private boolean isJson;
  private @Nullable Duration timeout;
  private ByteString metadata = ByteString.EMPTY;

  /**
   * A reader of a frame.
   *
   * @param bytes those of the frame
   * @param in where in the frame the reader is, which it shares with whoever reads the rest of it
   */
  InvocationReader(byte[] bytes, ByteString frame, CodedInputStream in) {
    this.bytes = bytes;
    this.frame = frame;
    this.in = in;
  }

  /** The invocation whose tag has just been read. */
  Invocation read() throws IOException {
    int outer = in.pushLimit(in.readRawVarint32());
    long sequence = 0;
    String name = "";
    ByteString argument = ByteString.EMPTY;
    isJson = false;
    timeout = null;
    metadata = ByteString.EMPTY;
    int start = in.getTotalBytesRead();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == SEQUENCE) {
        sequence = in.readUInt64();
      } else if (tag == METHOD) {
        name = method();
      } else if (tag == MESSAGE) {
        if (isJson) {
          readJson(argument); // It is dropped, but must have been some.
        }
        argument = in.readBytes();
        isJson = false;
      } else if (tag == JSON) {
        argument = isJson ? mergeJson(argument, in.readBytes()) : in.readBytes();
        isJson = true;
      } else {
        rare(tag, start);
      }
      start = in.getTotalBytesRead();
    }
    in.popLimit(outer);
    return new Invocation(
        sequence,
        name,
        argument,
        isJson || timeout != null || !metadata.isEmpty()
            ? new Invocation.Rest(isJson, timeout, metadata)
            : null);
  }

  /**
   * A field that few invocations have.
   *
   * @param start where its tag begins
   */
  private void rare(int tag, int start) throws IOException {
    if (tag == TIMEOUT) {
      Duration more = in.readMessage(Duration.parser(), ExtensionRegistryLite.getEmptyRegistry());
      timeout = timeout == null ? more : timeout.toBuilder().mergeFrom(more).build();
    } else if (tag == METADATA) {
      in.skipRawBytes(in.readRawVarint32());
      metadata = metadata.concat(frame.substring(start, in.getTotalBytesRead()));
    } else {
      UnknownFields.skip(in, tag, /* depth= */ 1);
    }
  }

  private String method() throws IOException {
    int size = in.readRawVarint32();
    int start = in.getTotalBytesRead();
    in.skipRawBytes(size);
    int end = start + size;
    if (!Arrays.equals(bytes, start, end, bytes, methodStart, methodEnd)) {
      ByteString name = frame.substring(start, end);
      if (!name.isValidUtf8()) {
        throw new InvalidProtocolBufferException("a method's name is not UTF-8");
      }
      method = name.toStringUtf8();
      methodStart = start;
      methodEnd = end;
    }
    return method;
  }

  /** JSON that comes twice is merged, as by the generated class. */
  private static ByteString mergeJson(ByteString first, ByteString second) throws IOException {
    return readJson(first).toBuilder().mergeFrom(readJson(second)).build().toByteString();
  }

  /** Reads JSON that stands in an invocation of a frame. */
  static Value readJson(ByteString json) throws InvalidProtocolBufferException {
    return Value.parser().parseFrom(Invocation.nested(json, /* depth= */ 2));
  }
}
