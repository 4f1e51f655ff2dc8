package dev.seriatim.service.admin;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.Condition;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.DeleteObjectResponse;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EditEntriesResponse;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.EvictObjectResponse;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.ResetObjectResponse;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.admin.v1.RunAlarmResponse;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.object.ObjectControl;
import dev.seriatim.service.object.TurnCode;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StorageEngine;
import io.grpc.Status;
import io.grpc.StatusException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** What is done to one object, as a turn of it or between two. Safe for any number of threads. */
final class ObjectChanges {
  private final ObjectNames names;
  private final OtherHosts others;
  private final ObjectControl control;
  private final ValueTypes types;
  private final StorageEngine storage;
  private final StoredNames stored;
  private final UnservedObjects unservedObjects;

  ObjectChanges(AdminHost host, ObjectNames names, ValueTypes types, OtherHosts others) {
    this.others = others;
    this.names = names;
    this.control = host.directory().control();
    this.types = types;
    this.storage = host.storage();
    this.stored = new StoredNames(host);
    this.unservedObjects = new UnservedObjects(storage);
  }

  EditEntriesResponse edit(EditEntriesRequest request) throws Exception {
    return others.ofOwner(
        request.getObject(), AdminGrpc.getEditEntriesMethod(), request, () -> editHere(request));
  }

  private EditEntriesResponse editHere(EditEntriesRequest request) throws Exception {
    Map<String, ByteString> puts = puts(request);
    Optional<Instant> alarm =
        request.hasSetAlarm() ? Optional.of(instant(request.getSetAlarm())) : Optional.empty();
    return turn(
        request.getObject(),
        state -> {
          DurableObjectStorage storage = state.storage();
          for (Condition condition : request.getConditionsList()) {
            check(condition, storage.get(condition.getKey()));
          }
          request.getDeletesList().forEach(storage::delete);
          storage.put(puts);
          if (alarm.isPresent()) {
            storage.setAlarm(alarm.get());
          } else if (request.getDeleteAlarm()) {
            storage.deleteAlarm();
          }
          return EditEntriesResponse.getDefaultInstance();
        });
  }

  private Map<String, ByteString> puts(EditEntriesRequest request) throws StatusException {
    Map<String, ByteString> puts = new LinkedHashMap<>();
    for (Put put : request.getPutsList()) {
      ByteString value =
          switch (put.getWhatCase()) {
            case VALUE -> put.getValue();
            case JSON -> types.fromJson(request.getObject().getNamespace(), put.getJson());
            case WHAT_NOT_SET ->
                throw Failures.invalid(
                    "puts: key '%s' has nothing to put, expected one of value, json", put.getKey());
          };
      if (puts.put(put.getKey(), value) != null
          || request.getDeletesList().contains(put.getKey())) {
        throw Failures.invalid(
            "key '%s' is changed twice, expected one put or one delete", put.getKey());
      }
    }
    return puts;
  }

  private static Instant instant(Timestamp time) throws StatusException {
    if (!Timestamps.isValid(time)) {
      throw Failures.invalid(
          "set_alarm: %d s and %d ns, expected a valid time", time.getSeconds(), time.getNanos());
    }
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }

  private static void check(Condition condition, Optional<ByteString> found)
      throws StatusException {
    Optional<ByteString> expected =
        condition.hasValue() ? Optional.of(condition.getValue()) : Optional.empty();
    if (!found.equals(expected)) {
      String other = found.isPresent() && expected.isPresent() ? "another one, " : "";
      throw Status.ABORTED
          .withDescription(
              "key '%s': %s, expected %s"
                  .formatted(condition.getKey(), words(found), other + words(expected)))
          .asException();
    }
  }

  /** Not the value itself: who may edit an object need not be allowed to see it. */
  private static String words(Optional<ByteString> value) {
    return value.map(bytes -> "a value of %,d bytes".formatted(bytes.size())).orElse("no value");
  }

  DeleteObjectResponse delete(DeleteObjectRequest request) throws Exception {
    ObjectName object = request.getObject();
    ObjectPlace unserved = stored.findUnserved(storage, object);
    if (unserved != null) {
      return DeleteObjectResponse.newBuilder().setDeleted(unservedObjects.delete(unserved)).build();
    }
    return others.ofOwner(
        object, AdminGrpc.getDeleteObjectMethod(), request, () -> deleteHere(object));
  }

  private DeleteObjectResponse deleteHere(ObjectName object) throws Exception {
    return turn(
        object,
        state -> {
          DurableObjectStorage storage = state.storage();
          boolean had =
              storage.getAlarm().isPresent() || !storage.list(ListOptions.all().limit(1)).isEmpty();
          storage.deleteAll();
          return DeleteObjectResponse.newBuilder().setDeleted(had).build();
        });
  }

  RunAlarmResponse runAlarm(RunAlarmRequest request) throws Exception {
    ObjectName object = request.getObject();
    return others.ofOwner(
        object, AdminGrpc.getRunAlarmMethod(), request, () -> runAlarmHere(object));
  }

  private RunAlarmResponse runAlarmHere(ObjectName object) throws Exception {
    boolean ran;
    try {
      ran = control.runAlarm(names.resolve(object)).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof BreakException failed && isOfTheObject(failed)) {
        throw Status.ABORTED
            .withDescription("the alarm failed, and is tried again: " + failed.getMessage())
            .withCause(failed)
            .asException();
      }
      throw e;
    }
    if (!ran) {
      throw Status.FAILED_PRECONDITION
          .withDescription(ObjectNames.words(object) + " has no alarm, expected one")
          .asException();
    }
    return RunAlarmResponse.getDefaultInstance();
  }

  private static boolean isOfTheObject(BreakException failed) {
    return switch (failed.cause().reason()) {
      case OBJECT_EXCEPTION, OBJECT_START_FAILED, INVOCATION_TIMED_OUT -> true;
      default -> false;
    };
  }

  EvictObjectResponse evict(EvictObjectRequest request) throws Exception {
    return others.ofOwner(
        request.getObject(),
        AdminGrpc.getEvictObjectMethod(),
        request,
        () ->
            EvictObjectResponse.newBuilder()
                .setEvicted(control.evict(names.resolve(request.getObject())).get())
                .build());
  }

  ResetObjectResponse reset(ResetObjectRequest request) throws Exception {
    String why = request.getWhy().isEmpty() ? "no reason was given" : request.getWhy();
    return others.ofOwner(
        request.getObject(),
        AdminGrpc.getResetObjectMethod(),
        request,
        () ->
            ResetObjectResponse.newBuilder()
                .setReset(control.reset(names.resolve(request.getObject()).id(), why))
                .build());
  }

  private <T extends @Nullable Object> T turn(ObjectName object, TurnCode<T> code)
      throws Exception {
    return control.runTurn(names.resolve(object), code).get();
  }
}
