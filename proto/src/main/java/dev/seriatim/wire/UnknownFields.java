package dev.seriatim.wire;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;

/**
 * Passes over fields that a reader has no use for, and refuses just what the generated classes
 * refuse. {@code CodedInputStream.skipField} is stricter than they are: they read an integer, and
 * take one whose tenth byte says that more will come.
 */
final class UnknownFields {
  /** How deep protobuf reads messages and groups in each other, unless it is told otherwise. */
  static final int MAX_DEPTH = 100;

  private static final int TYPE_BITS = 3;
  private static final int TYPE_MASK = (1 << TYPE_BITS) - 1;

  private UnknownFields() {}

  /**
   * Passes over the field whose tag has just been read.
   *
   * @param depth in how many messages the field is: 0 in a frame, 1 in an invocation
   */
  static void skip(CodedInputStream in, int tag, int depth) throws IOException {
    switch (tag & TYPE_MASK) {
      case Tags.VARINT -> in.readRawVarint64();
      case Tags.GROUP -> skipGroup(in, tag, depth);
      case Tags.END_OF_GROUP ->
          throw new InvalidProtocolBufferException("a group ends that did not begin");
      default -> in.skipField(tag);
    }
  }

  private static void skipGroup(CodedInputStream in, int tag, int depth) throws IOException {
    if (depth >= MAX_DEPTH) {
      throw new InvalidProtocolBufferException("groups are nested deeper than " + MAX_DEPTH);
    }
    int inner = in.readTag();
    while (inner != 0 && (inner & TYPE_MASK) != Tags.END_OF_GROUP) {
      skip(in, inner, depth + 1);
      inner = in.readTag();
    }
    in.checkLastTagWas(tag - Tags.GROUP + Tags.END_OF_GROUP);
  }
}
