package dev.seriatim.service.admin;

import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.JsonValue;
import io.grpc.Status;
import io.grpc.StatusException;

/** The messages that are stored, as far as they are known. Safe for any number of threads. */
@SuppressWarnings("DoNotCallSuggester")
final class ValueTypes {
  ValueTypes(AdminHost host) {}

  /** The bytes of a message that is written as JSON. */
  ByteString fromJson(String namespace, JsonValue value) throws StatusException {
    throw Status.UNIMPLEMENTED.asException();
  }
}
