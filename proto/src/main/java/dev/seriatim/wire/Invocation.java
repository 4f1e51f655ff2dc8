package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Value;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An invocation that has come, as {@code seriatim.v1.Invocation} describes it. Immutable.
 *
 * <p>JSON and metadata are kept as they came, parts of the frame's own bytes, and read when they
 * are asked for: in memory they take many times as much, and what is wrong with them is to be found
 * when it is their invocation's turn.
 */
public final class Invocation {
  private final long sequence;
  private final String method;
  private final ByteString argument;

  /** What few invocations have, or null. */
  private final @Nullable Rest rest;

  /**
   * What few invocations have.
   *
   * @param isJson whether the argument is a serialized {@code google.protobuf.Value}
   * @param metadata the entries, as fields of a {@code seriatim.v1.Invocation}
   */
  record Rest(boolean isJson, @Nullable Duration timeout, ByteString metadata) {}

  Invocation(long sequence, String method, ByteString argument, @Nullable Rest rest) {
    this.sequence = sequence;
    this.method = method;
    this.argument = argument;
    this.rest = rest;
  }

  /** An invocation whose argument is this message, serialized. */
  public static Invocation of(
      long sequence,
      String method,
      ByteString message,
      @Nullable Duration timeout,
      Map<String, String> metadata) {
    return new Invocation(
        sequence,
        method,
        message,
        timeout == null && metadata.isEmpty()
            ? null
            : new Rest(/* isJson= */ false, timeout, asFields(metadata)));
  }

  private static ByteString asFields(Map<String, String> metadata) {
    return metadata.isEmpty()
        ? ByteString.EMPTY
        : dev.seriatim.v1.Invocation.newBuilder().putAllMetadata(metadata).build().toByteString();
  }

  /** The same invocation. */
  public static Invocation of(dev.seriatim.v1.Invocation invocation) {
    return new Invocation(
        invocation.getSequence(),
        invocation.getMethod(),
        invocation.hasJson() ? invocation.getJson().toByteString() : invocation.getMessage(),
        new Rest(
            invocation.hasJson(),
            invocation.hasTimeout() ? invocation.getTimeout() : null,
            asFields(invocation.getMetadataMap())));
  }

  /**
   * The same invocation.
   *
   * @throws IllegalArgumentException if its metadata, or its JSON, can't be read
   */
  public dev.seriatim.v1.Invocation toProto() {
    dev.seriatim.v1.Invocation.Builder proto =
        dev.seriatim.v1.Invocation.newBuilder().setSequence(sequence).setMethod(method);
    try {
      if (isJson()) {
        proto.setJson(json());
      } else {
        proto.setMessage(message());
      }
      proto.putAllMetadata(metadata());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("invocation " + Long.toUnsignedString(sequence), e);
    }
    Duration limit = timeout();
    return (limit == null ? proto : proto.setTimeout(limit)).build();
  }

  /** Its number, as an unsigned one. */
  public long sequence() {
    return sequence;
  }

  /** The method's short or full name. */
  public String method() {
    return method;
  }

  /** Whether the argument is JSON. */
  public boolean isJson() {
    return rest != null && rest.isJson();
  }

  /** The argument as it came, serialized: the message, or the JSON as a {@code Value}. */
  public ByteString argument() {
    return argument;
  }

  /** How many bytes of metadata came. */
  public int metadataSize() {
    return rest == null ? 0 : rest.metadata().size();
  }

  /** The argument, if it isn't JSON. */
  public ByteString message() {
    return isJson() ? ByteString.EMPTY : argument;
  }

  /**
   * Reads the argument, which is JSON. It may be nested as deep as protobuf reads it in a frame by
   * default: 32 objects in each other, or 49 lists.
   *
   * @throws InvalidProtocolBufferException if it is nested deeper, or no {@code Value} at all
   * @throws IllegalStateException if the argument isn't JSON
   */
  public Value json() throws InvalidProtocolBufferException {
    if (!isJson()) {
      throw new IllegalStateException("the argument of invocation " + sequence + " is not JSON");
    }
    return InvocationReader.readJson(argument);
  }

  /** How long it may take, or null. */
  public @Nullable Duration timeout() {
    return rest == null ? null : rest.timeout();
  }

  /** Whether there is any {@link #metadata}. */
  public boolean hasMetadata() {
    return rest != null && !rest.metadata().isEmpty();
  }

  /**
   * Reads the caller's metadata.
   *
   * @throws InvalidProtocolBufferException if that isn't what came
   */
  public Map<String, String> metadata() throws InvalidProtocolBufferException {
    return rest == null || rest.metadata().isEmpty()
        ? Map.of()
        : MetadataReader.read(rest.metadata());
  }

  /** A part of a frame, to be read as deep as within the whole. */
  static CodedInputStream nested(ByteString part, int depth) {
    CodedInputStream in = part.newCodedInput();
    in.enableAliasing(true);
    in.setRecursionLimit(UnknownFields.MAX_DEPTH - depth);
    return in;
  }
}
