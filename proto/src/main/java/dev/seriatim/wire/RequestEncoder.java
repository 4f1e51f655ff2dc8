package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/** Writes one {@code seriatim.v1.ConnectRequest}. For one thread, and one frame. */
public final class RequestEncoder {
  private static final int OPEN = ConnectRequest.OPEN_FIELD_NUMBER;
  private static final int INVOCATION = ConnectRequest.INVOCATIONS_FIELD_NUMBER;

  private final @Nullable Open open;

  // Of each invocation: either all of it by the generated class, or its parts.
  private final @Nullable Invocation[] wholes;
  private final long[] sequences;
  private final ByteString[] methods;
  private final @Nullable Content[] arguments;
  private final int[] sizes;
  private int count;

  // Mostly all invocations of a frame call the same method.
  private String method = "";
  private ByteString methodUtf8 = ByteString.EMPTY;

  /**
   * Begins a frame.
   *
   * @param open the object, if it is the first frame
   * @param invocations how many there will be
   */
  public RequestEncoder(@Nullable Open open, int invocations) {
    this.open = open;
    wholes = new Invocation[invocations];
    sequences = new long[invocations];
    methods = new ByteString[invocations];
    arguments = new Content[invocations];
    sizes = new int[invocations];
  }

  /** Adds an invocation that has nothing but these. */
  public void add(long sequence, String methodName, Content argument) {
    if (!methodName.equals(method)) {
      method = methodName;
      methodUtf8 = ByteString.copyFromUtf8(methodName);
    }
    sequences[count] = sequence;
    methods[count] = methodUtf8;
    arguments[count] = argument;
    sizes[count] =
        CodedOutputStream.computeUInt64Size(Invocation.SEQUENCE_FIELD_NUMBER, sequence)
            + CodedOutputStream.computeBytesSize(Invocation.METHOD_FIELD_NUMBER, methodUtf8)
            + argument.fieldSize(Invocation.MESSAGE_FIELD_NUMBER);
    count++;
  }

  /** Adds any invocation. */
  public void add(Invocation invocation) {
    wholes[count] = invocation;
    sizes[count] = invocation.getSerializedSize();
    count++;
  }

  /** Ends the frame. */
  public EncodedFrame encode() {
    int size = open == null ? 0 : CodedOutputStream.computeMessageSize(OPEN, open);
    for (int i = 0; i < count; i++) {
      size +=
          CodedOutputStream.computeTagSize(INVOCATION)
              + CodedOutputStream.computeUInt32SizeNoTag(sizes[i])
              + sizes[i];
    }
    byte[] bytes = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      if (open != null) {
        out.writeMessage(OPEN, open);
      }
      for (int i = 0; i < count; i++) {
        out.writeTag(INVOCATION, Tags.LENGTH_DELIMITED);
        out.writeUInt32NoTag(sizes[i]);
        write(i, out);
      }
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // A message wrote more than it had said.
    }
    return new EncodedFrame(bytes);
  }

  private void write(int i, CodedOutputStream out) throws IOException {
    Invocation whole = wholes[i];
    Content argument = arguments[i];
    if (whole != null) {
      whole.writeTo(out);
    } else if (argument != null) {
      out.writeUInt64(Invocation.SEQUENCE_FIELD_NUMBER, sequences[i]);
      out.writeBytes(Invocation.METHOD_FIELD_NUMBER, methods[i]);
      argument.writeField(Invocation.MESSAGE_FIELD_NUMBER, out);
    }
  }
}
