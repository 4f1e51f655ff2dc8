package dev.seriatim.service.storage;

import static com.google.common.base.Preconditions.checkArgument;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hashing;
import com.google.common.hash.PrimitiveSink;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;

/**
 * Names a session of an object, or an idempotency key: 16 bytes. Whoever knows them can take the
 * session over, so they are not shown.
 */
public final class SessionId implements Comparable<SessionId> {
  private static final int BYTES = 16;
  private static final String KEY_PREFIX = "seriatim-idempotency-key\0";

  private final long first;
  private final long second;

  private SessionId(ByteBuffer bytes) {
    this.first = bytes.getLong();
    this.second = bytes.getLong();
  }

  /**
   * The session of these bytes.
   *
   * @throws IllegalArgumentException if they aren't 16
   */
  public static SessionId of(ByteString sixteenBytes) {
    checkArgument(
        sixteenBytes.size() == BYTES,
        "a session's id of %s bytes, expected %s",
        sixteenBytes.size(),
        BYTES);
    return new SessionId(sixteenBytes.asReadOnlyByteBuffer());
  }

  /** What an idempotency key is kept under: the first 16 bytes of a SHA-256 of it. */
  public static SessionId ofKey(String idempotencyKey) {
    return new SessionId(
        ByteBuffer.wrap(Hashing.sha256().hashString(KEY_PREFIX + idempotencyKey, UTF_8).asBytes()));
  }

  /** The 16 bytes. */
  public ByteString bytes() {
    return ByteString.copyFrom(ByteBuffer.allocate(BYTES).putLong(first).putLong(second).flip());
  }

  /** Puts the 16 bytes into a hash. */
  public void into(PrimitiveSink hash) {
    hash.putLong(first).putLong(second);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SessionId that && first == that.first && second == that.second;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(first ^ second);
  }

  /** An order without a meaning: maps stay quick also if a client chooses ids of one hash. */
  @Override
  public int compareTo(SessionId other) {
    int byFirst = Long.compare(first, other.first);
    return byFirst != 0 ? byFirst : Long.compare(second, other.second);
  }

  /** Doesn't say which. */
  @Override
  public String toString() {
    return "a session's id";
  }
}
