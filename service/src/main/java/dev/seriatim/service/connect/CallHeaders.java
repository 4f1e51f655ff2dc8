package dev.seriatim.service.connect;

import com.google.common.io.BaseEncoding;
import dev.seriatim.service.caller.Credential;
import io.grpc.Metadata;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The headers of a call without a stub, as the metadata of its invocation. */
final class CallHeaders {
  /** Of all headers that begin like this, the one that means something to an invocation. */
  static final String IDEMPOTENCY_KEY = "seriatim-idempotency-key";

  /** Headers that are about the call rather than for the method. */
  private static final Set<String> OF_TRANSPORT =
      Set.of("content-type", "te", "user-agent", "accept-encoding", "content-length", "host");

  private CallHeaders() {}

  static Map<String, String> metadata(Metadata headers) {
    Map<String, String> metadata = new HashMap<>();
    for (String name : headers.keys()) {
      if (name.startsWith("grpc-")
          || (name.startsWith("seriatim-") && !name.equals(IDEMPOTENCY_KEY))
          || OF_TRANSPORT.contains(name)
          || Credential.isIn(name)) {
        continue;
      }
      if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
        byte[] value = headers.get(Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER));
        if (value != null) {
          metadata.put(name, BaseEncoding.base64().encode(value));
        }
      } else {
        Iterable<String> values =
            headers.getAll(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
        if (values != null) {
          metadata.put(name, String.join(",", values));
        }
      }
    }
    return metadata;
  }
}
