package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import io.grpc.Status;
import io.grpc.StatusException;

/**
 * {@code ListObjects}: the objects that there are, in order, page by page. Safe for any number of
 * threads.
 */
@SuppressWarnings("DoNotCallSuggester")
final class ObjectListing {
  ObjectListing(AdminHost host) {}

  /** Answers one page. May block on the store. */
  ListObjectsResponse list(ListObjectsRequest request) throws StatusException {
    throw Status.UNIMPLEMENTED.asException();
  }
}
