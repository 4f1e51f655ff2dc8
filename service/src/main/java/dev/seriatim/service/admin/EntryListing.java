package dev.seriatim.service.admin;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListEntriesResponse;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoredView;
import io.grpc.StatusException;
import java.util.List;
import java.util.Map;

/** {@code ListEntries}: what an object has stored. Safe for any number of threads. */
final class EntryListing {
  /** Keys and values of a page. */
  static final int MOST_BYTES = 1 << 20;

  /** A page with the texts of its values, which may be longer than these: half of a message. */
  static final int MOST_ENCODED = 2 << 20;

  private final StorageEngine storage;
  private final StoredNames names;
  private final OtherHosts others;

  EntryListing(AdminHost host, OtherHosts others) {
    this.others = others;
    this.storage = host.storage();
    this.names = new StoredNames(host);
  }

  /**
   * Answers one page. May block on the store, and for the host that has the object: that one knows
   * best what its values are.
   */
  ListEntriesResponse list(ListEntriesRequest request) throws StatusException, BreakException {
    ListEntriesResponse there =
        others.ifOwnerSays(request.getObject(), AdminGrpc.getListEntriesMethod(), request);
    return there == null ? listHere(request) : there;
  }

  private ListEntriesResponse listHere(ListEntriesRequest request)
      throws StatusException, BreakException {
    int limit = ObjectListing.size("limit", request.getLimit());
    StoredView.Entries page;
    try (StoredView view = storage.view()) {
      ObjectPlace place = names.find(view, request.getObject());
      if (place == null) {
        return ListEntriesResponse.getDefaultInstance();
      }
      page =
          view.entries(
              place.namespace(),
              place.id(),
              request.getPrefix(),
              request.getStartAfter().isEmpty() ? null : request.getStartAfter(),
              limit,
              MOST_BYTES);
    }
    return response(
        page, storage.types(request.getObject().getNamespace()).prototypes(), MOST_ENCODED);
  }

  /** As many as fit, and one in any case. */
  static ListEntriesResponse response(StoredView.Entries page, List<Message> types, int mostBytes) {
    ListEntriesResponse.Builder response = ListEntriesResponse.newBuilder().setMore(page.more());
    long bytes = 0;
    for (Map.Entry<String, ByteString> stored : page.entries().entrySet()) {
      ValueText text = ValueText.of(stored.getValue(), types);
      Entry entry =
          Entry.newBuilder()
              .setKey(stored.getKey())
              .setValue(stored.getValue())
              .setType(text.type())
              .setText(text.text())
              .build();
      bytes += entry.getSerializedSize();
      if (bytes > mostBytes && response.getEntriesCount() > 0) {
        return response.setMore(true).build();
      }
      response.addEntries(entry);
    }
    return response.build();
  }
}
