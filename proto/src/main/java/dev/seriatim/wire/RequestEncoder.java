package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Duration;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes one {@code seriatim.v1.ConnectRequest}. For one thread, and one frame. */
public final class RequestEncoder {
  private static final int OPEN = ConnectRequest.OPEN_FIELD_NUMBER;
  private static final int INVOCATION = ConnectRequest.INVOCATIONS_FIELD_NUMBER;
  private static final int ACKNOWLEDGED = ConnectRequest.ACKNOWLEDGED_THROUGH_FIELD_NUMBER;
  private static final int TIMEOUT = Invocation.TIMEOUT_FIELD_NUMBER;
  private static final int METADATA = Invocation.METADATA_FIELD_NUMBER;
  private static final byte[] NOTHING = {};
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final @Nullable Open open;

  // Of each invocation.
  private final long[] sequences;
  private final ByteString[] methods;
  private final @Nullable Content[] arguments;
  private final byte[][] rests; // Its fields behind the argument, if it has any.
  private final int[] sizes;
  private int count;
  private long acknowledgedThrough;

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
    sequences = new long[invocations];
    methods = new ByteString[invocations];
    arguments = new Content[invocations];
    rests = new byte[invocations][];
    sizes = new int[invocations];
  }

  /** Says that the outcomes up to this number have been received; 0 says nothing. */
  public void acknowledge(long through) {
    acknowledgedThrough = through;
  }

  /** Adds an invocation that has nothing but these. */
  public void add(long sequence, String methodName, Content argument) {
    add(sequence, methodName, argument, NOTHING);
  }

  /**
   * Adds any invocation.
   *
   * @param timeoutNanos how long it may take, or below zero if that isn't limited
   */
  public void add(
      long sequence,
      String methodName,
      Content argument,
      long timeoutNanos,
      Map<String, String> metadata) {
    add(sequence, methodName, argument, rest(timeoutNanos, metadata));
  }

  private void add(long sequence, String methodName, Content argument, byte[] rest) {
    if (!methodName.equals(method)) {
      method = methodName;
      methodUtf8 = ByteString.copyFromUtf8(methodName);
    }
    sequences[count] = sequence;
    methods[count] = methodUtf8;
    arguments[count] = argument;
    rests[count] = rest;
    sizes[count] =
        CodedOutputStream.computeUInt64Size(Invocation.SEQUENCE_FIELD_NUMBER, sequence)
            + CodedOutputStream.computeBytesSize(Invocation.METHOD_FIELD_NUMBER, methodUtf8)
            + argument.fieldSize(Invocation.MESSAGE_FIELD_NUMBER)
            + rest.length;
    count++;
  }

  private static byte[] rest(long timeoutNanos, Map<String, String> metadata) {
    if (timeoutNanos < 0 && metadata.isEmpty()) {
      return NOTHING;
    }
    Duration timeout = timeoutNanos < 0 ? null : duration(timeoutNanos);
    int size = timeout == null ? 0 : CodedOutputStream.computeMessageSize(TIMEOUT, timeout);
    for (Map.Entry<String, String> entry : metadata.entrySet()) {
      int entrySize = entrySize(entry);
      size +=
          CodedOutputStream.computeTagSize(METADATA)
              + CodedOutputStream.computeUInt32SizeNoTag(entrySize)
              + entrySize;
    }
    byte[] rest = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(rest);
    try {
      if (timeout != null) {
        out.writeMessage(TIMEOUT, timeout);
      }
      for (Map.Entry<String, String> entry : metadata.entrySet()) {
        out.writeTag(METADATA, Tags.LENGTH_DELIMITED);
        out.writeUInt32NoTag(entrySize(entry));
        out.writeString(MetadataReader.KEY_FIELD, entry.getKey());
        out.writeString(MetadataReader.VALUE_FIELD, entry.getValue());
      }
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // It wrote more than it had said.
    }
    return rest;
  }

  private static Duration duration(long nanos) {
    return Duration.newBuilder()
        .setSeconds(nanos / NANOS_PER_SECOND)
        .setNanos((int) (nanos % NANOS_PER_SECOND))
        .build();
  }

  private static int entrySize(Map.Entry<String, String> entry) {
    return CodedOutputStream.computeStringSize(MetadataReader.KEY_FIELD, entry.getKey())
        + CodedOutputStream.computeStringSize(MetadataReader.VALUE_FIELD, entry.getValue());
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
    if (acknowledgedThrough != 0) {
      size += CodedOutputStream.computeUInt64Size(ACKNOWLEDGED, acknowledgedThrough);
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
      if (acknowledgedThrough != 0) {
        out.writeUInt64(ACKNOWLEDGED, acknowledgedThrough);
      }
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // A message wrote more than it had said.
    }
    return new EncodedFrame(bytes);
  }

  private void write(int i, CodedOutputStream out) throws IOException {
    Content argument = arguments[i];
    if (argument != null) {
      out.writeUInt64(Invocation.SEQUENCE_FIELD_NUMBER, sequences[i]);
      out.writeBytes(Invocation.METHOD_FIELD_NUMBER, methods[i]);
      argument.writeField(Invocation.MESSAGE_FIELD_NUMBER, out);
      out.writeRawBytes(rests[i]);
    }
  }
}
