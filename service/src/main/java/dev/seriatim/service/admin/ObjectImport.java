package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import io.grpc.Status;

/** One call of {@code ImportObjects}. Its methods are called one after the other, and may block. */
@SuppressWarnings("DoNotCallSuggester")
final class ObjectImport {
  ObjectImport(AdminHost host) {}

  /** What the client has sent next. If this throws, nothing more is called. */
  void next(ImportObjectsRequest request) throws Exception {
    throw Status.UNIMPLEMENTED.asException();
  }

  /** The client has sent everything. */
  ImportObjectsResponse end() throws Exception {
    throw Status.UNIMPLEMENTED.asException();
  }
}
