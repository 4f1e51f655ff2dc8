package dev.seriatim.service.admin;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.service.storage.ObjectFilter;
import dev.seriatim.service.storage.ObjectPlace;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The live objects of all hosts of a cluster, for one request, whose thread waits for what the
 * others say. Each of them says where its first objects are, and so the first of all of them are
 * known.
 */
final class LiveEverywhere implements ObjectPages.Live {
  private static final BaseEncoding HEX = BaseEncoding.base16().lowerCase();

  private final ObjectPages.Live here;
  private final OtherHosts others;

  /** Where objects are that other hosts have, by their ids, as far as those were asked. */
  private final Map<ByteString, ObjectPlace> there = new HashMap<>();

  LiveEverywhere(ObjectPages.Live here, OtherHosts others) {
    this.here = here;
    this.others = others;
  }

  @Override
  public List<ObjectPlace> first(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    List<ObjectPlace> own = here.first(filter, after, limit);
    List<ListObjectsResponse> told = ask(filter, after, limit);
    if (told.isEmpty()) {
      return own;
    }
    // One that moves may be at two hosts, with its name at one of them only: the first place
    // counts.
    Map<ByteString, ObjectPlace> all = new HashMap<>();
    own.forEach(place -> all.put(place.id(), place));
    for (ListObjectsResponse response : told) {
      for (ObjectSummary object : response.getObjectsList()) {
        ObjectPlace place = place(object);
        there.put(place.id(), place);
        all.merge(place.id(), place, (a, b) -> a.compareTo(b) <= 0 ? a : b);
      }
    }
    return new TreeSet<>(all.values()).stream().limit(limit).toList();
  }

  /** From now on it is known which objects are live up to there. */
  void lookThrough(ObjectFilter filter, @Nullable ObjectPlace after, ObjectPlace through) {
    ObjectPlace at = after;
    List<ObjectPlace> some;
    do {
      some = first(filter, at, ObjectListing.MOST);
      at = some.isEmpty() ? at : some.getLast();
    } while (some.size() == ObjectListing.MOST && some.getLast().compareTo(through) < 0);
  }

  private List<ListObjectsResponse> ask(
      ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    try {
      return others.all(
          AdminGrpc.getListObjectsMethod(),
          ListObjectsRequest.newBuilder()
              .setNamespace(filter.namespace() == null ? "" : filter.namespace())
              .setNamePrefix(filter.namePrefix())
              .setLive(true)
              .setPageSize(limit)
              .setPageToken(PageToken.of(after))
              .build());
    } catch (StatusException e) {
      throw new StatusRuntimeException(e.getStatus(), e.getTrailers());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Status.CANCELLED.withCause(e).asRuntimeException();
    }
  }

  private static ObjectPlace place(ObjectSummary object) {
    return new ObjectPlace(
        object.getNamespace(),
        object.hasName() ? object.getName() : null,
        ByteString.copyFrom(HEX.decode(object.getId())));
  }

  @Override
  public @Nullable ObjectPlace now(ObjectPlace place) {
    ObjectPlace now = here.now(place);
    return now == null ? there.get(place.id()) : now;
  }
}
