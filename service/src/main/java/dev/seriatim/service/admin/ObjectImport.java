package dev.seriatim.service.admin;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.IfExists;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.caller.HandedOn;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectControl;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.wire.ObjectPath;
import io.grpc.Status;
import io.grpc.StatusException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * One call of {@code ImportObjects}. Its methods are called one after the other, and may block. A
 * few objects are on their way to the store at a time: those that come next are in the same group
 * of commits, if the store is slow. Those that another host has are on their way there.
 */
final class ObjectImport {
  /** How many objects are on their way at most. */
  static final int MOST_UNDER_WAY = 256;

  /** Bytes of these; but one is in any case. */
  static final long MOST_BYTES_UNDER_WAY = 16 << 20;

  private final Namespaces namespaces;
  private final OtherHosts others;
  private final ImportElsewhere elsewhere;
  private final ObjectControl control;
  private final long maxObjectBytes;
  private final ArrayDeque<UnderWay> underWay = new ArrayDeque<>();

  /** Those of {@link #underWay}. */
  private final Set<DurableObjectId> idsUnderWay = new HashSet<>();

  /** Whether another host has taken the call, for one object. */
  private final boolean handedOn = HandedOn.isCurrent();

  private long bytesUnderWay;
  private IfExists ifExists = IfExists.IF_EXISTS_UNSPECIFIED;
  private boolean begun;
  private @Nullable Incoming incoming;
  private long imported;
  private long skipped;

  ObjectImport(AdminHost host, OtherHosts others) {
    this.namespaces = host.directory().namespaces();
    this.others = others;
    this.elsewhere = new ImportElsewhere(others, host.threads());
    this.control = host.directory().control();
    this.maxObjectBytes = host.storage().options().maxTurnBytes();
  }

  /** An object of which some parts have come. */
  private static final class Incoming {
    final ObjectAddress address;
    final String words;
    final List<ObjectSnapshot> parts = new ArrayList<>();
    final Set<String> keys = new HashSet<>();
    @Nullable Instant alarm;
    long bytes;

    Incoming(ObjectAddress address, String words) {
      this.address = address;
      this.words = words;
    }

    Map<String, ByteString> entries() {
      Map<String, ByteString> entries = new LinkedHashMap<>();
      for (ObjectSnapshot part : parts) {
        part.getEntriesList().forEach(entry -> entries.put(entry.getKey(), entry.getValue()));
      }
      return entries;
    }
  }

  private record UnderWay(
      DurableObjectId id, String words, long bytes, CompletableFuture<Boolean> written) {}

  /** What the client has sent next. If this throws, nothing more is called. */
  void next(ImportObjectsRequest request) throws Exception {
    Incoming whole;
    try {
      whole = take(request);
    } catch (StatusException | BreakException e) {
      awaitAll(); // What came before is written; or that it isn't, is told.
      throw e;
    }
    if (whole != null) {
      write(whole);
    }
  }

  /** The object whose last part this is; null if more is to come. */
  private @Nullable Incoming take(ImportObjectsRequest request)
      throws StatusException, BreakException {
    Incoming whole = null;
    switch (request.getWhatCase()) {
      case OPTIONS -> {
        if (begun) {
          throw Failures.invalid("options came again, expected a part");
        }
        ifExists = request.getOptions().getIfExists();
        if (ifExists == IfExists.UNRECOGNIZED) {
          throw Failures.invalid(
              "if_exists: %d, expected one that is known", request.getOptions().getIfExistsValue());
        }
      }
      case PART -> {
        if (!begun) {
          throw Failures.invalid("a part came first, expected options");
        }
        whole = add(request.getPart());
      }
      case WHAT_NOT_SET -> throw Failures.invalid("a message is empty, expected options or a part");
    }
    begun = true;
    return whole;
  }

  /** The client has sent everything. */
  ImportObjectsResponse end() throws Exception {
    awaitAll();
    if (incoming != null) {
      throw Failures.invalid(
          "the call ended in the middle of object %s, expected its last part", incoming.words);
    }
    return ImportObjectsResponse.newBuilder().setImported(imported).setSkipped(skipped).build();
  }

  private @Nullable Incoming add(ObjectSnapshot part) throws StatusException, BreakException {
    Incoming object = incoming;
    if (object == null) {
      object = begin(part);
      incoming = object;
    } else if (!part.getNamespace().equals(object.address.namespace().name())
        || !part.getId().equals(object.address.id().toString())) {
      throw Failures.invalid(
          "a part of object %s came, expected one more of %s",
          ObjectPath.byId(part.getNamespace(), part.getId()), object.words);
    }
    for (Entry entry : part.getEntriesList()) {
      if (!object.keys.add(entry.getKey())) {
        throw Failures.invalid("object %s has key '%s' twice", object.words, entry.getKey());
      }
    }
    object.parts.add(part);
    object.bytes += part.getSerializedSize();
    if (object.bytes > maxObjectBytes) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(
              "object %s has more than %,d bytes, expected at most that in one turn (maxTurnBytes)"
                  .formatted(object.words, maxObjectBytes))
          .asException();
    }
    if (part.hasAlarm()) {
      if (!Timestamps.isValid(part.getAlarm())) {
        throw Failures.invalid("object %s has an alarm at no valid time", object.words);
      }
      object.alarm =
          Instant.ofEpochSecond(part.getAlarm().getSeconds(), part.getAlarm().getNanos());
    }
    if (part.getMore()) {
      return null;
    }
    incoming = null;
    return object;
  }

  private Incoming begin(ObjectSnapshot part) throws StatusException, BreakException {
    Namespace namespace = namespaces.find(part.getNamespace());
    String words =
        part.hasName()
            ? ObjectPath.byName(namespace.name(), part.getName())
            : ObjectPath.byId(namespace.name(), part.getId());
    try {
      DurableObjectId id = namespace.ids().fromString(part.getId());
      if (part.hasName()) {
        DurableObjectId named = namespace.ids().fromName(part.getName());
        if (!named.equals(id)) {
          throw Failures.invalid("object %s has id %s, expected %s", words, id, named);
        }
        id = named;
      }
      others.requireHereIfHandedOn(id);
      return new Incoming(new ObjectAddress(namespace, id), words);
    } catch (IllegalArgumentException e) {
      throw Failures.invalid("object %s: %s", words, String.valueOf(e.getMessage()));
    }
  }

  private void write(Incoming object) throws StatusException, InterruptedException {
    DurableObjectId id = object.address.id();
    // One that comes twice is written in this order also if it is on its way to another host.
    while (idsUnderWay.contains(id)
        || underWay.size() >= MOST_UNDER_WAY
        || (!underWay.isEmpty() && bytesUnderWay + object.bytes > MOST_BYTES_UNDER_WAY)) {
      awaitFirst();
    }
    IfExists mode = ifExists;
    bytesUnderWay += object.bytes;
    idsUnderWay.add(id);
    underWay.add(
        new UnderWay(
            id,
            object.words,
            object.bytes,
            others.hasHere(id)
                ? writeHere(object, mode)
                : elsewhere.write(id, mode, object.parts, () -> writeHere(object, mode).get())));
  }

  private CompletableFuture<Boolean> writeHere(Incoming object, IfExists mode) {
    return control.runTurn(object.address, state -> write(state.storage(), object, mode));
  }

  /** The turn. Says whether it wrote the object. */
  private static boolean write(DurableObjectStorage storage, Incoming object, IfExists mode)
      throws StatusException {
    if (mode == IfExists.IF_EXISTS_REPLACE) {
      storage.deleteAll();
    } else if (storage.getAlarm().isPresent()
        || !storage.list(ListOptions.all().limit(1)).isEmpty()) {
      if (mode == IfExists.IF_EXISTS_SKIP) {
        return false;
      }
      throw Status.ALREADY_EXISTS
          .withDescription("it has stored something, expected nothing (if_exists)")
          .asException();
    }
    try {
      storage.put(object.entries());
      Instant alarm = object.alarm;
      if (alarm != null) {
        storage.setAlarm(alarm);
      }
    } catch (IllegalArgumentException e) {
      throw Failures.invalid("%s", String.valueOf(e.getMessage()));
    }
    return true;
  }

  private void awaitAll() throws StatusException, InterruptedException {
    while (!underWay.isEmpty()) {
      awaitFirst();
    }
  }

  private void awaitFirst() throws StatusException, InterruptedException {
    UnderWay first = underWay.remove();
    bytesUnderWay -= first.bytes;
    idsUnderWay.remove(first.id);
    try {
      if (first.written.get()) {
        imported++;
      } else {
        skipped++;
      }
    } catch (ExecutionException e) {
      StatusException failure = Failures.status(e);
      if (handedOn) {
        throw failure; // The other host says of which object.
      }
      Status status = failure.getStatus();
      throw new StatusException(
          status.withDescription("object " + first.words + ": " + status.getDescription()),
          failure.getTrailers());
    }
  }
}
