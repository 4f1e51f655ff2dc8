package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.UnsafeByteOperations;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Open;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@code seriatim.v1.ConnectRequest} that has come.
 *
 * @param open the object, or null
 * @param invocations whose arguments are parts of the frame's own bytes
 * @param acknowledgedThrough an unsigned number; 0 if it says nothing
 * @param fault what is wrong with the frame behind these, or null
 */
public record RequestFrame(
    @Nullable Open open,
    List<Invocation> invocations,
    long acknowledgedThrough,
    @Nullable String fault) {
  private static final int OPEN = Tags.bytes(ConnectRequest.OPEN_FIELD_NUMBER);
  private static final int ACKNOWLEDGED =
      Tags.integer(ConnectRequest.ACKNOWLEDGED_THROUGH_FIELD_NUMBER);
  private static final int INVOCATION = Tags.bytes(ConnectRequest.INVOCATIONS_FIELD_NUMBER);

  /**
   * Reads a frame: all of it, or up to where it is none any more. What is taken is what the
   * generated class takes, once {@link Invocation#json} and {@link Invocation#metadata} are read.
   *
   * @param bytes the frame, which nobody changes any more
   */
  public static RequestFrame parse(byte[] bytes) {
    ByteString frame = UnsafeByteOperations.unsafeWrap(bytes);
    CodedInputStream in = frame.newCodedInput();
    in.enableAliasing(true);
    InvocationReader reader = new InvocationReader(bytes, frame, in);
    Open open = null;
    List<Invocation> invocations = new ArrayList<>();
    long acknowledged = 0;
    try {
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        if (tag == INVOCATION) {
          invocations.add(reader.read());
        } else if (tag == OPEN) {
          Open more = in.readMessage(Open.parser(), ExtensionRegistryLite.getEmptyRegistry());
          open = open == null ? more : open.toBuilder().mergeFrom(more).build();
        } else if (tag == ACKNOWLEDGED) {
          acknowledged = in.readUInt64();
        } else {
          UnknownFields.skip(in, tag, /* depth= */ 0);
        }
      }
    } catch (IOException e) {
      return new RequestFrame(open, invocations, acknowledged, String.valueOf(e.getMessage()));
    }
    return new RequestFrame(open, invocations, acknowledged, null);
  }
}
