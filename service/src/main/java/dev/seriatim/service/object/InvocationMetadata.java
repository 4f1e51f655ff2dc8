package dev.seriatim.service.object;

import com.google.common.collect.ImmutableMap;
import com.google.common.collect.Maps;
import com.google.common.io.BaseEncoding;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.service.caller.Credential;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.wire.Invocation;
import io.grpc.Metadata;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the metadata of an invocation. */
final class InvocationMetadata {
  /** Those that come again and again: to make a key takes longer than all else here. */
  private static final ImmutableMap<String, Metadata.Key<String>> FREQUENT =
      Maps.toMap(List.of("traceparent", "tracestate", "baggage"), InvocationMetadata::key);

  private InvocationMetadata() {}

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /**
   * The metadata as gRPC has it.
   *
   * @param entries {@linkplain #entries as they came}
   * @param object hears which object calls, and for whom; null if it comes from none. An object may
   *     also say who waits for it
   * @throws IllegalArgumentException if a key or a value isn't allowed; the message says which
   */
  static Metadata read(Map<String, String> entries, @Nullable StubCaller object) {
    Metadata metadata = new Metadata();
    if (object != null) {
      object.hear(entries);
    }
    if (entries.isEmpty()) {
      return metadata;
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
        Metadata.Key<String> frequent = FREQUENT.get(key);
        metadata.put(frequent == null ? key(key) : frequent, value);
      }
    }
    return metadata;
  }

  /** What stands under this key, or null. */
  static @Nullable String value(Invocation invocation, String key) {
    return entries(invocation).get(key);
  }

  /**
   * The metadata as it came.
   *
   * @throws IllegalArgumentException if it can't be read
   */
  static Map<String, String> entries(Invocation invocation) {
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
    for (int i = 0; i < key.length(); i++) {
      char c = key.charAt(i);
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) {
        return false;
      }
    }
    return !key.isEmpty();
  }

  static boolean isPrintableAscii(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' || c > '~') {
        return false;
      }
    }
    return true;
  }
}
