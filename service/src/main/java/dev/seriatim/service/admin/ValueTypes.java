package dev.seriatim.service.admin;

import com.google.common.collect.Iterables;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.admin.v1.JsonValue;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.storage.StorageEngine;
import io.grpc.StatusException;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The messages that may be stored: those that objects have stored since the host started, and those
 * of the files in which their service is declared. Safe for any number of threads.
 */
final class ValueTypes {
  /** How many types an error names. */
  private static final int NAMED = 20;

  private final StorageEngine storage;
  private final Namespaces namespaces;

  ValueTypes(AdminHost host) {
    this.storage = host.storage();
    this.namespaces = host.directory().namespaces();
  }

  /** The bytes of a message that is written as JSON. */
  ByteString fromJson(String namespace, JsonValue value) throws StatusException {
    Map<String, Message> known = known(served(namespace));
    Message prototype = known.get(value.getType());
    if (prototype == null) {
      throw Failures.invalid(
          "type '%s' is not known in namespace %s, expected one of %s",
          value.getType(), namespace, names(known.keySet()));
    }
    TypeRegistry.Builder types = TypeRegistry.newBuilder();
    known.values().forEach(message -> types.add(message.getDescriptorForType()));
    Message.Builder message = prototype.newBuilderForType();
    try {
      JsonFormat.parser().usingTypeRegistry(types.build()).merge(value.getJson(), message);
    } catch (InvalidProtocolBufferException e) {
      throw Failures.invalid(
          "json of type %s: %s", value.getType(), String.valueOf(e.getMessage()));
    }
    return message.build().toByteString();
  }

  private Namespace served(String namespace) throws StatusException {
    try {
      return namespaces.find(namespace);
    } catch (BreakException e) {
      throw Failures.status(e);
    }
  }

  private static String names(Set<String> known) {
    List<String> first = List.copyOf(known).subList(0, Math.min(NAMED, known.size()));
    return String.join(", ", first) + (known.size() > NAMED ? ", …" : "");
  }

  /** By full name; the classes that objects use before those that nobody has compiled. */
  private Map<String, Message> known(Namespace namespace) {
    Map<String, Message> known = new TreeMap<>();
    for (Message prototype : storage.types(namespace.name()).prototypes()) {
      known.put(prototype.getDescriptorForType().getFullName(), prototype);
    }
    if (namespace.methods().service().getSchemaDescriptor()
        instanceof ProtoFileDescriptorSupplier declared) {
      addFile(known, declared.getFileDescriptor(), new HashSet<>());
    }
    return known;
  }

  private static void addFile(Map<String, Message> known, FileDescriptor file, Set<String> seen) {
    if (seen.add(file.getFullName())) {
      addTypes(known, file.getMessageTypes());
      Iterables.concat(file.getDependencies(), file.getPublicDependencies())
          .forEach(other -> addFile(known, other, seen));
    }
  }

  private static void addTypes(Map<String, Message> known, List<Descriptor> types) {
    for (Descriptor type : types) {
      if (!type.getOptions().getMapEntry()) {
        known.putIfAbsent(type.getFullName(), DynamicMessage.getDefaultInstance(type));
        addTypes(known, type.getNestedTypes());
      }
    }
  }
}
