package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Open;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@code seriatim.v1.ConnectRequest} that has come.
 *
 * @param open the object, or null
 * @param invocations whose messages are parts of the frame's own bytes
 */
public record RequestFrame(@Nullable Open open, List<Invocation> invocations) {
  private static final int OPEN = Tags.bytes(ConnectRequest.OPEN_FIELD_NUMBER);
  private static final int INVOCATION = Tags.bytes(ConnectRequest.INVOCATIONS_FIELD_NUMBER);
  private static final int SEQUENCE =
      Tags.integer(dev.seriatim.v1.Invocation.SEQUENCE_FIELD_NUMBER);
  private static final int METHOD = Tags.bytes(dev.seriatim.v1.Invocation.METHOD_FIELD_NUMBER);
  private static final int MESSAGE = Tags.bytes(dev.seriatim.v1.Invocation.MESSAGE_FIELD_NUMBER);

  /**
   * Reads a frame.
   *
   * @param bytes the frame, which nobody changes any more
   * @throws InvalidProtocolBufferException if it isn't one
   */
  public static RequestFrame parse(byte[] bytes) throws InvalidProtocolBufferException {
    try {
      return new Reader(bytes).read();
    } catch (InvalidProtocolBufferException e) {
      throw e;
    } catch (IOException e) {
      throw new InvalidProtocolBufferException(e);
    }
  }

  private static final class Reader {
    private final byte[] bytes;
    private final ByteString frame;
    private final CodedInputStream in;

    // Mostly all invocations of a frame call the same method.
    private String method = "";
    private int methodStart;
    private int methodEnd;

    Reader(byte[] bytes) {
      this.bytes = bytes;
      frame = UnsafeByteOperations.unsafeWrap(bytes);
      in = frame.newCodedInput();
      in.enableAliasing(true);
    }

    RequestFrame read() throws IOException {
      Open open = null;
      List<Invocation> invocations = new ArrayList<>();
      while (true) {
        int tag = in.readTag();
        if (tag == 0) {
          return new RequestFrame(open, invocations);
        } else if (tag == INVOCATION) {
          invocations.add(invocation());
        } else if (tag == OPEN) {
          Open more = in.readMessage(Open.parser(), ExtensionRegistryLite.getEmptyRegistry());
          open = open == null ? more : open.toBuilder().mergeFrom(more).build();
        } else if (!in.skipField(tag)) {
          throw new InvalidProtocolBufferException("a group ends that did not begin");
        }
      }
    }

    private Invocation invocation() throws IOException {
      int size = in.readRawVarint32();
      int start = in.getTotalBytesRead();
      int outer = in.pushLimit(size);
      long sequence = 0;
      String name = "";
      ByteString message = ByteString.EMPTY;
      int tag = in.readTag();
      while (tag != 0) {
        if (tag == SEQUENCE) {
          sequence = in.readUInt64();
        } else if (tag == METHOD) {
          name = method();
        } else if (tag == MESSAGE) {
          message = in.readBytes();
        } else {
          // Rare enough to be read anew, and whole.
          in.skipRawBytes(in.getBytesUntilLimit());
          in.popLimit(outer);
          return Invocation.of(
              dev.seriatim.v1.Invocation.parseFrom(frame.substring(start, start + size)));
        }
        tag = in.readTag();
      }
      in.popLimit(outer);
      return new Invocation(sequence, name, message);
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
  }
}
