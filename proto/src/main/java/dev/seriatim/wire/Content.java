package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What an argument or a result holds: a message, which is written only when its frame is, or bytes
 * that another marshaller has made. Immutable.
 */
public final class Content {
  private final @Nullable MessageLite message;
  private final ByteString bytes;
  private final int size;

  private Content(@Nullable MessageLite message, ByteString bytes, int size) {
    this.message = message;
    this.bytes = bytes;
    this.size = size;
  }

  /** This message, serialized. */
  public static Content of(MessageLite message) {
    return new Content(message, ByteString.EMPTY, message.getSerializedSize());
  }

  /** These bytes. */
  public static Content of(ByteString bytes) {
    return new Content(null, bytes, bytes.size());
  }

  /** The number of bytes. */
  public int size() {
    return size;
  }

  /** The bytes. */
  public ByteString toByteString() {
    return message == null ? bytes : message.toByteString();
  }

  /** A copy of the bytes. */
  public byte[] toByteArray() {
    return message == null ? bytes.toByteArray() : message.toByteArray();
  }

  int fieldSize(int field) {
    return CodedOutputStream.computeTagSize(field)
        + CodedOutputStream.computeUInt32SizeNoTag(size)
        + size;
  }

  void writeField(int field, CodedOutputStream out) throws IOException {
    if (message == null) {
      out.writeBytes(field, bytes);
    } else {
      out.writeTag(field, Tags.LENGTH_DELIMITED);
      out.writeUInt32NoTag(size);
      message.writeTo(out);
    }
  }
}
