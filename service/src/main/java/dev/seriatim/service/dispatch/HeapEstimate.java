package dev.seriatim.service.dispatch;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.util.IdentityHashMap;

/**
 * About how much memory a serialized message takes once it is read: an empty message within another
 * has two bytes, and is an object. Found out without making any. For one message.
 */
final class HeapEstimate {
  /** A message has a header, its size and hash, and what it knows of unknown fields. */
  private static final int MESSAGE_BYTES = 24;

  /** A field holds a number or a reference. */
  private static final int FIELD_BYTES = 8;

  /** A string, or bytes, beside what is in it. */
  private static final int TEXT_BYTES = 48;

  /** An entry of a map, beside its key and value. */
  private static final int ENTRY_BYTES = 48;

  /** A field that the type doesn't have. */
  private static final int UNKNOWN_BYTES = 64;

  /** Protobuf reads no deeper. */
  private static final int MAX_DEPTH = 100;

  private final CodedInputStream in;
  private final long most;
  private final IdentityHashMap<Descriptor, Integer> empty = new IdentityHashMap<>();
  private long bytes;
  private int depth;

  private HeapEstimate(CodedInputStream in, long most) {
    this.in = in;
    this.most = most;
  }

  /**
   * What a message of this type takes; if it is damaged, what it takes up to there.
   *
   * @param most it looks no further when it is more
   */
  static long of(ByteString message, Descriptor type, long most) {
    HeapEstimate estimate = new HeapEstimate(message.newCodedInput(), most);
    try {
      estimate.add(type);
    } catch (IOException damaged) {
      // Who reads it finds out, too, and where.
    }
    return estimate.bytes;
  }

  private void add(Descriptor type) throws IOException {
    bytes += empty.computeIfAbsent(type, HeapEstimate::emptyBytes);
    for (int tag = in.readTag(); tag != 0 && bytes <= most; tag = in.readTag()) {
      FieldDescriptor field = type.findFieldByNumber(WireFormat.getTagFieldNumber(tag));
      if (field == null || WireFormat.getTagWireType(tag) != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
        bytes += field == null ? UNKNOWN_BYTES : FIELD_BYTES;
        int before = in.getTotalBytesRead();
        if (!in.skipField(tag)) {
          return;
        }
        bytes += field == null ? in.getTotalBytesRead() - before : 0;
      } else {
        add(field);
      }
    }
  }

  /** A field of which the length comes next. */
  private void add(FieldDescriptor field) throws IOException {
    int length = in.readRawVarint32();
    switch (field.getJavaType()) {
      case MESSAGE -> {
        bytes += FIELD_BYTES + (field.isMapField() ? ENTRY_BYTES : 0);
        if (++depth > MAX_DEPTH) {
          throw new InvalidProtocolBufferException("nested deeper than protobuf reads");
        }
        int outer = in.pushLimit(length);
        add(field.getMessageType());
        in.popLimit(outer);
        depth--;
      }
      case STRING, BYTE_STRING -> {
        bytes += FIELD_BYTES + TEXT_BYTES + length;
        in.skipRawBytes(length);
      }
      default -> {
        bytes += (long) FIELD_BYTES * length; // Packed numbers, of a byte each at least.
        in.skipRawBytes(length);
      }
    }
  }

  private static int emptyBytes(Descriptor type) {
    int slots = type.getFields().size();
    for (OneofDescriptor oneof : type.getRealOneofs()) {
      slots += 2 - oneof.getFieldCount();
    }
    return MESSAGE_BYTES + FIELD_BYTES * slots;
  }
}
