package dev.seriatim.service.admin;

import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.service.object.LiveListing;
import dev.seriatim.service.storage.ObjectFilter;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoredObject;
import io.grpc.StatusException;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code ListObjects}: the objects that there are, in order, page by page. Safe for any number of
 * threads.
 */
final class ObjectListing {
  static final int PAGE = 100;
  static final int MOST = 1_000;

  private final Live here;
  private final OtherHosts others;
  private final StorageEngine storage;

  ObjectListing(AdminHost host, OtherHosts others) {
    this.here = new Live(new LiveListing(host.directory()));
    this.others = others;
    this.storage = host.storage();
  }

  /** Those of this host. */
  private record Live(LiveListing listing) implements ObjectPages.Live {
    @Override
    public List<ObjectPlace> first(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
      return listing.first(filter, after, limit);
    }

    @Override
    public @Nullable ObjectPlace now(ObjectPlace place) {
      return listing.now(place);
    }
  }

  /** Answers one page. May block on the store, and for the other hosts. */
  ListObjectsResponse list(ListObjectsRequest request) throws StatusException {
    LiveEverywhere live = new LiveEverywhere(here, others);
    ObjectPages pages = new ObjectPages(storage::view, live);
    int size = size("page_size", request.getPageSize());
    ObjectPlace after = PageToken.parse(request.getPageToken());
    ObjectFilter filter =
        filter(request.getNamespace(), request.getNamePrefix(), request.getAlarm());
    ObjectPages.Page page =
        request.getLive() ? pages.live(filter, after, size) : pages.all(filter, after, size);
    if (request.getAlarm() && !request.getLive() && !page.objects().isEmpty()) {
      live.lookThrough(filter, after, page.objects().getLast().place());
    }
    ListObjectsResponse.Builder response =
        ListObjectsResponse.newBuilder().setNextPageToken(PageToken.of(page.through()));
    for (ObjectPages.Found object : page.objects()) {
      response.addObjects(
          summary(
              object.place(),
              object.stored(),
              request.getLive() || live.now(object.place()) != null));
    }
    return response.build();
  }

  static ObjectFilter filter(String namespace, String prefix, boolean alarm) {
    return new ObjectFilter(namespace.isEmpty() ? null : namespace, prefix, alarm);
  }

  /** How many are asked for. */
  static int size(String field, int asked) throws StatusException {
    if (asked < 0 || asked > MOST) {
      throw Failures.invalid(
          "%s: %s, expected 1 to %d, or 0 for %d",
          field, Integer.toUnsignedString(asked), MOST, PAGE);
    }
    return asked == 0 ? PAGE : asked;
  }

  /** An object, in short. */
  static ObjectSummary summary(ObjectPlace place, @Nullable StoredObject stored, boolean live) {
    ObjectSummary.Builder summary =
        ObjectSummary.newBuilder()
            .setNamespace(place.namespace())
            .setId(place.hexId())
            .setStored(stored != null)
            .setLive(live);
    String name =
        stored == null || stored.place().name() == null ? place.name() : stored.place().name();
    if (name != null) {
      summary.setName(name);
    }
    Instant alarm = stored == null ? null : stored.alarmTime();
    if (alarm != null) {
      summary.setAlarm(Timestamps.fromMillis(alarm.toEpochMilli()));
    }
    return summary.build();
  }
}
