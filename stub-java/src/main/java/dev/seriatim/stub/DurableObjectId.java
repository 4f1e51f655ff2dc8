package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The identity of one durable object: 32 bytes, shown as 64 lower-case hex digits.
 *
 * <p>Two ids are equal if their bytes are; the name doesn't count. Made by {@link
 * DurableObjectIds}, and good for the namespace for which those were made. Immutable, and so safe
 * for any number of threads.
 */
public final class DurableObjectId {
  static final HexFormat HEX = HexFormat.of();

  private final DurableObjectIds maker;
  private final ByteString bytes;
  private final @Nullable String name;

  /** Takes the bytes over: nobody may change them any more. */
  DurableObjectId(DurableObjectIds maker, byte[] bytes, @Nullable String name) {
    this.maker = maker;
    this.bytes = UnsafeByteOperations.unsafeWrap(bytes);
    this.name = name;
  }

  /** Who made it, and so for which namespace it was made. */
  DurableObjectIds maker() {
    return maker;
  }

  /**
   * The name from which this id was derived, if it was made from a name. An id that was made from
   * hex digits or at random doesn't know its name, even if it has one.
   */
  public Optional<String> name() {
    return Optional.ofNullable(name);
  }

  /** A copy of the 32 bytes. */
  public byte[] toByteArray() {
    return bytes.toByteArray();
  }

  /** The 32 bytes themselves. */
  public ByteString toByteString() {
    return bytes;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof DurableObjectId id && bytes.equals(id.bytes);
  }

  @Override
  public int hashCode() {
    return bytes.hashCode();
  }

  /** The 64 lower-case hex digits. */
  @Override
  public String toString() {
    return HEX.formatHex(bytes.toByteArray());
  }
}
