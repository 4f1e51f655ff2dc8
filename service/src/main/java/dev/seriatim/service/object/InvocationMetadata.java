package dev.seriatim.service.object;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.service.caller.Credential;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.wire.Invocation;
import io.grpc.Metadata;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the metadata of an invocation. */
final class InvocationMetadata {
  private InvocationMetadata() {}

  /**
   * The metadata as gRPC has it.
   *
   * @param object hears which object calls, and for whom; null if it comes from none. An object may
   *     also say who waits for it
   * @throws IllegalArgumentException if a key or a value isn't allowed; the message says which
   */
  static Metadata read(Invocation invocation, @Nullable StubCaller object) {
    Metadata metadata = new Metadata();
    if (!invocation.hasMetadata()) {
      if (object != null) {
        object.hear(Map.of());
      }
      return metadata;
    }
    Map<String, String> entries = entries(invocation);
    if (object != null) {
      object.hear(entries);
    }
    for (Map.Entry<String, String> entry : entries.entrySet()) {
      String key = entry.getKey();
      String value = entry.getValue();
      if ((object != null && (key.equals(CallChain.METADATA_KEY) || StubCaller.isTold(key)))
          || key.equals(IdempotencyKey.METADATA_KEY)
          || Credential.isIn(key)) {
        continue;
      }
      if (!isHeaderName(key)) {
        throw new IllegalArgumentException(
            "metadata key '%s', expected lower-case letters, digits, '-', '_' and '.'"
                .formatted(key));
      }
      if (key.startsWith("grpc-") || key.startsWith("seriatim-")) {
        throw new IllegalArgumentException("metadata key '%s' is reserved".formatted(key));
      }
      if (key.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
        metadata.put(Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER), decode(key, value));
      } else {
        if (!isPrintableAscii(value)) {
          throw new IllegalArgumentException(
              "metadata value of '%s', expected printable ASCII".formatted(key));
        }
        metadata.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value);
      }
    }
    return metadata;
  }

  /** What stands under this key, or null. */
  static @Nullable String value(Invocation invocation, String key) {
    return invocation.hasMetadata() ? entries(invocation).get(key) : null;
  }

  private static Map<String, String> entries(Invocation invocation) {
    try {
      return invocation.metadata();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("the metadata can't be read: " + e.getMessage(), e);
    }
  }

  private static byte[] decode(String key, String value) {
    try {
      return BaseEncoding.base64().decode(value);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "metadata value of '%s', expected standard base64: %s".formatted(key, e.getMessage()), e);
    }
  }

  private static boolean isHeaderName(String key) {
    return !key.isEmpty()
        && key.chars()
            .allMatch(
                c ->
                    (c >= 'a' && c <= 'z')
                        || (c >= '0' && c <= '9')
                        || c == '-'
                        || c == '_'
                        || c == '.');
  }

  static boolean isPrintableAscii(String value) {
    for (byte b : value.getBytes(US_ASCII)) {
      if (b < ' ' || b > '~') {
        return false;
      }
    }
    return value.chars().allMatch(c -> c <= '~');
  }
}
