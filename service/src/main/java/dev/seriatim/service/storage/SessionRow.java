package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import org.jspecify.annotations.Nullable;

/**
 * What the store has of a session, or of an idempotency key.
 *
 * @param connection the number of the session's connection, as the contract's {@code uint32}; 0 for
 *     an idempotency key
 * @param completed the number of the last invocation that had completed then
 * @param fingerprint of an idempotency key: which call it belongs to
 * @param frame a {@code ConnectResponse}, as bytes
 */
public record SessionRow(
    int connection, long completed, @Nullable ByteString fingerprint, ByteString frame) {
  /** Whether it is an idempotency key's. */
  public boolean isKey() {
    return connection == 0;
  }

  /** Without what was called and answered. */
  @Override
  public String toString() {
    return "SessionRow[connection="
        + Integer.toUnsignedString(connection)
        + ", completed="
        + completed
        + ", "
        + frame.size()
        + " bytes]";
  }
}
