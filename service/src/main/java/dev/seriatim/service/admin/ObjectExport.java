package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ExportObjectsResponse;
import io.grpc.Status;

/** {@code ExportObjects}. Safe for any number of threads. */
@SuppressWarnings("DoNotCallSuggester")
final class ObjectExport {
  ObjectExport(AdminHost host) {}

  /** Sends all that is asked for. May block on the store. */
  void export(ExportObjectsRequest request, Responses<ExportObjectsResponse> to) throws Exception {
    throw Status.UNIMPLEMENTED.asException();
  }
}
