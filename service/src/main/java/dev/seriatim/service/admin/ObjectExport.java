package dev.seriatim.service.admin;

import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ExportObjectsResponse;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.service.storage.ObjectFilter;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoredObject;
import dev.seriatim.service.storage.StoredView;
import io.grpc.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code ExportObjects}. Small objects are read many at once, and sent when the store is let go of;
 * a large one holds a transaction until the client has taken it. Safe for any number of threads.
 */
final class ObjectExport {
  /** Keys and values of a part, but for a single one that is larger. */
  static final int PART_BYTES = 1 << 20;

  /** How long a large object is held open for a client that reads nothing. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final int PART_ENTRIES = 4_096;

  /** How many objects are read at once, if they are small. */
  private static final int OBJECTS = 256;

  private final StorageEngine storage;
  private final StoredNames names;

  ObjectExport(AdminHost host) {
    this.storage = host.storage();
    this.names = new StoredNames(host);
  }

  /** Sends all that is asked for. May block on the store. */
  void export(ExportObjectsRequest request, Responses<ExportObjectsResponse> to) throws Exception {
    if (request.hasObject()) {
      if (!request.getNamespace().isEmpty() || !request.getNamePrefix().isEmpty()) {
        throw Failures.invalid("object and a filter, expected one of both");
      }
      exportOne(request, to);
      return;
    }
    ObjectFilter filter =
        ObjectListing.filter(request.getNamespace(), request.getNamePrefix(), /* alarm= */ false);
    ObjectPlace after = null;
    do {
      Batch batch = new Batch();
      try (StoredView view = storage.view()) {
        after = read(view, filter, after, batch, to);
      }
      for (ObjectSnapshot snapshot : batch.snapshots) {
        send(snapshot, to);
      }
    } while (after != null);
  }

  private void exportOne(ExportObjectsRequest request, Responses<ExportObjectsResponse> to)
      throws Exception {
    Batch batch = new Batch();
    try (StoredView view = storage.view()) {
      ObjectPlace place = names.find(view, request.getObject());
      StoredObject object = place == null ? null : view.find(place.namespace(), place.id());
      if (object == null) {
        throw Status.NOT_FOUND
            .withDescription("nothing is stored of " + ObjectNames.words(request.getObject()))
            .asException();
      }
      boolean _ = add(view, object, batch, to);
    }
    for (ObjectSnapshot snapshot : batch.snapshots) {
      send(snapshot, to);
    }
  }

  /** What is read at once. */
  private static final class Batch {
    final List<ObjectSnapshot> snapshots = new ArrayList<>();
    long bytes;
  }

  /** Behind which place it goes on; null if there is nothing more. */
  private static @Nullable ObjectPlace read(
      StoredView view,
      ObjectFilter filter,
      @Nullable ObjectPlace after,
      Batch batch,
      Responses<ExportObjectsResponse> to)
      throws Exception {
    StoredView.Page page = view.objects(filter, after, OBJECTS);
    ObjectPlace through = after;
    for (StoredObject object : page.objects()) {
      if (batch.bytes >= PART_BYTES || !add(view, object, batch, to)) {
        return through;
      }
      through = object.place();
    }
    return page.through();
  }

  /** Adds a small one, or sends a large one if nothing comes before it; else it has to wait. */
  private static boolean add(
      StoredView view, StoredObject object, Batch batch, Responses<ExportObjectsResponse> to)
      throws Exception {
    StoredView.Entries entries = entries(view, object.place(), /* after= */ null);
    if (!entries.more()) {
      ObjectSnapshot snapshot = snapshot(object, entries, /* first= */ true);
      batch.snapshots.add(snapshot);
      batch.bytes += snapshot.getSerializedSize();
      return true;
    }
    if (!batch.snapshots.isEmpty()) {
      return false;
    }
    view.hold();
    boolean first = true;
    while (true) {
      to.send(response(snapshot(object, entries, first)), PATIENCE);
      if (!entries.more()) {
        return true;
      }
      first = false;
      entries = entries(view, object.place(), entries.entries().keySet().asList().getLast());
    }
  }

  private static StoredView.Entries entries(
      StoredView view, ObjectPlace place, @Nullable String after) {
    return view.entries(
        place.namespace(), place.id(), /* prefix= */ "", after, PART_ENTRIES, PART_BYTES);
  }

  private static ObjectSnapshot snapshot(
      StoredObject object, StoredView.Entries entries, boolean first) {
    ObjectPlace place = object.place();
    ObjectSnapshot.Builder snapshot =
        ObjectSnapshot.newBuilder()
            .setNamespace(place.namespace())
            .setId(place.hexId())
            .setMore(entries.more());
    if (place.name() != null) {
      snapshot.setName(place.name());
    }
    Instant alarm = object.alarmTime();
    if (first && alarm != null) {
      snapshot.setAlarm(Timestamps.fromMillis(alarm.toEpochMilli()));
    }
    entries
        .entries()
        .forEach(
            (key, value) -> snapshot.addEntries(Entry.newBuilder().setKey(key).setValue(value)));
    return snapshot.build();
  }

  private static void send(ObjectSnapshot part, Responses<ExportObjectsResponse> to)
      throws Exception {
    to.send(response(part));
  }

  private static ExportObjectsResponse response(ObjectSnapshot part) {
    return ExportObjectsResponse.newBuilder().setPart(part).build();
  }
}
