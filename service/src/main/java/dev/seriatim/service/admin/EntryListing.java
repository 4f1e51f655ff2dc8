package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListEntriesResponse;
import io.grpc.Status;
import io.grpc.StatusException;

/** {@code ListEntries}: what an object has stored. Safe for any number of threads. */
@SuppressWarnings("DoNotCallSuggester")
final class EntryListing {
  EntryListing(AdminHost host) {}

  /** Answers one page. May block on the store. */
  ListEntriesResponse list(ListEntriesRequest request) throws StatusException {
    throw Status.UNIMPLEMENTED.asException();
  }
}
