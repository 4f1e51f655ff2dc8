package dev.seriatim.stub;

import com.google.common.io.BaseEncoding;
import io.grpc.Metadata;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Turns the headers of one call into the metadata of its invocation. */
final class CallMetadata {
  private CallMetadata() {}

  /**
   * The headers, as the contract wants them.
   *
   * @throws IllegalArgumentException if a key is reserved, if a text value isn't printable ASCII,
   *     or if a binary key has several values
   */
  static Map<String, String> of(Metadata headers, ClientOptions options) {
    Map<String, String> more = options.invocationMetadata().get();
    if (headers.keys().isEmpty()) {
      return more;
    }
    Map<String, String> metadata = new TreeMap<>(more);
    for (String key : headers.keys()) {
      boolean isIdempotencyKey = key.equals(DurableObjectStub.IDEMPOTENCY_KEY.name());
      if (!isIdempotencyKey && (key.startsWith("grpc-") || key.startsWith("seriatim-"))) {
        throw new IllegalArgumentException("metadata key '" + key + "' is reserved");
      }
      metadata.put(
          key,
          key.endsWith(Metadata.BINARY_HEADER_SUFFIX) ? binary(headers, key) : text(headers, key));
    }
    return metadata;
  }

  private static String text(Metadata headers, String key) {
    Iterable<String> values =
        headers.getAll(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER));
    String joined = values == null ? "" : String.join(",", values);
    for (int i = 0; i < joined.length(); i++) {
      char c = joined.charAt(i);
      if (c < ' ' || c > '~') {
        throw new IllegalArgumentException(
            String.format(
                "metadata value of '%s' has character U+%04X, expected printable ASCII",
                key, (int) c));
      }
    }
    return joined;
  }

  private static String binary(Metadata headers, String key) {
    List<byte[]> values = new ArrayList<>();
    Iterable<byte[]> all = headers.getAll(Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER));
    if (all != null) {
      all.forEach(values::add);
    }
    if (values.size() != 1) {
      throw new IllegalArgumentException(
          "metadata key '" + key + "' has " + values.size() + " values, expected 1");
    }
    return BaseEncoding.base64().encode(values.get(0));
  }
}
