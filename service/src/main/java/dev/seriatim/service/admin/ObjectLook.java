package dev.seriatim.service.admin;

import static com.google.protobuf.util.Durations.fromNanos;

import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.GetObjectResponse;
import dev.seriatim.admin.v1.LiveObject;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.OpenStub;
import dev.seriatim.service.object.LastBreak;
import dev.seriatim.service.object.LiveState;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectControl;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoredObject;
import dev.seriatim.service.storage.StoredView;
import io.grpc.Status;
import io.grpc.StatusException;
import org.jspecify.annotations.Nullable;

/** {@code GetObject}: what one object has, and what it does. Safe for any number of threads. */
final class ObjectLook {
  private static final int STUBS = 100;

  private final ObjectNames names;
  private final OtherHosts others;
  private final ObjectControl control;
  private final StorageEngine storage;
  private final StoredNames storedNames;

  ObjectLook(AdminHost host, ObjectNames names, OtherHosts others) {
    this.others = others;
    this.names = names;
    this.control = host.directory().control();
    this.storage = host.storage();
    this.storedNames = new StoredNames(host);
  }

  /** May block on the store, and for the host that has the object. */
  GetObjectResponse look(GetObjectRequest request) throws Exception {
    ObjectName object = request.getObject();
    ObjectPlace unserved = storedNames.findUnserved(storage, object);
    if (unserved != null) {
      return look(object, unserved, /* live= */ null);
    }
    ObjectAddress address = names.resolve(object);
    ObjectPlace place =
        new ObjectPlace(
            address.namespace().name(),
            address.id().name().orElse(null),
            address.id().toByteString());
    return others.ofOwner(
        object,
        AdminGrpc.getGetObjectMethod(),
        request,
        () ->
            look(object, place, control.look(address.id(), STUBS)).toBuilder()
                .setHost(others.self())
                .build());
  }

  private GetObjectResponse look(ObjectName object, ObjectPlace place, @Nullable LiveState live)
      throws StatusException {
    GetObjectResponse.Builder response = GetObjectResponse.newBuilder();
    StoredObject stored;
    try (StoredView view = storage.view()) {
      stored = view.find(place.namespace(), place.id());
      if (stored != null) {
        StoredObject.Size size = view.size(place.namespace(), place.id());
        response.setEntries(size.entries()).setBytes(size.bytes());
      }
    }
    if (stored == null && live == null) {
      throw Status.NOT_FOUND
          .withDescription(ObjectNames.words(object) + " has stored nothing, and is not live")
          .asException();
    }
    if (stored != null && stored.alarm() != null) {
      response.setAlarmRetries(stored.alarm().retries()).setAlarmGivenUp(stored.alarm().givenUp());
    }
    if (live != null) {
      response.setLive(live(live));
    }
    return response.setObject(ObjectListing.summary(place, stored, live != null)).build();
  }

  private static LiveObject live(LiveState state) {
    LiveObject.Builder live =
        LiveObject.newBuilder()
            .setRunningMethod(state.running() == null ? "" : state.running())
            .setRunningFor(fromNanos(state.runningFor().toNanos()))
            .setQueued(state.queued())
            .setQueuedBytes(state.queuedBytes())
            .setPendingCommits(state.pendingCommits())
            .setOpenStubs(state.openStubs());
    for (LiveState.Stub stub : state.stubs()) {
      live.addStubs(
          OpenStub.newBuilder()
              .setPeer(stub.peer())
              .setCaller(stub.caller().name())
              .setReceivedThrough(stub.receivedThrough())
              .setAnsweredThrough(stub.completedThrough()));
    }
    if (state.instanceSince() != null) {
      live.setInstanceSince(HostAnswers.timestamp(state.instanceSince()));
    }
    LastBreak last = state.lastBreak();
    if (last != null) {
      live.setLastBreak(
          dev.seriatim.admin.v1.LastBreak.newBuilder()
              .setTime(HostAnswers.timestamp(last.time()))
              .setReason(last.reason())
              .setMessage(last.message())
              .setMethod(last.method()));
    }
    return live.build();
  }
}
