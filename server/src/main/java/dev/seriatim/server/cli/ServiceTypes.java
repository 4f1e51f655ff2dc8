package dev.seriatim.server.cli;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What a service is, and how its messages are read and written as JSON. Immutable. */
final class ServiceTypes {
  private final ServiceDescriptor service;
  private final JsonFormat.Printer printer;
  private final JsonFormat.Parser parser;

  private ServiceTypes(ServiceDescriptor service, Iterable<FileDescriptor> files) {
    this.service = service;
    TypeRegistry.Builder types = TypeRegistry.newBuilder();
    files.forEach(file -> types.add(file.getMessageTypes()));
    TypeRegistry registry = types.build();
    printer =
        JsonFormat.printer()
            .usingTypeRegistry(registry)
            .alwaysPrintFieldsWithNoPresence()
            .omittingInsignificantWhitespace();
    parser = JsonFormat.parser().usingTypeRegistry(registry);
  }

  /**
   * The service of this name in these files; empty if they don't have it, or don't fit together.
   */
  static Optional<ServiceTypes> find(String service, FileDescriptorSet files) {
    Map<String, FileDescriptorProto> protos = new HashMap<>();
    files.getFileList().forEach(file -> protos.put(file.getName(), file));
    Map<String, FileDescriptor> built = new LinkedHashMap<>();
    try {
      for (String name : protos.keySet()) {
        build(name, protos, built);
      }
    } catch (DescriptorValidationException e) {
      return Optional.empty();
    }
    for (FileDescriptor file : built.values()) {
      for (ServiceDescriptor each : file.getServices()) {
        if (each.getFullName().equals(service)) {
          return Optional.of(new ServiceTypes(each, built.values()));
        }
      }
    }
    return Optional.empty();
  }

  private static @Nullable FileDescriptor build(
      String name, Map<String, FileDescriptorProto> protos, Map<String, FileDescriptor> built)
      throws DescriptorValidationException {
    FileDescriptor done = built.get(name);
    FileDescriptorProto proto = protos.get(name);
    if (done != null || proto == null) {
      return done;
    }
    ImmutableList.Builder<FileDescriptor> imports = ImmutableList.builder();
    for (String imported : proto.getDependencyList()) {
      FileDescriptor file = build(imported, protos, built);
      if (file != null) {
        imports.add(file);
      }
    }
    FileDescriptor file =
        FileDescriptor.buildFrom(
            proto,
            imports.build().toArray(FileDescriptor[]::new),
            /* allowUnknownDependencies= */ true);
    built.put(name, file);
    return file;
  }

  /** The full name of the service. */
  String name() {
    return service.getFullName();
  }

  /** The methods that can be called through a stub. */
  ImmutableList<MethodDescriptor> methods() {
    return service.getMethods().stream()
        .filter(method -> !method.isClientStreaming() && !method.isServerStreaming())
        .collect(ImmutableList.toImmutableList());
  }

  /**
   * The method of this name.
   *
   * @throws CommandFailure if there is none
   */
  MethodDescriptor method(String name) {
    for (MethodDescriptor method : methods()) {
      if (method.getName().equals(name)) {
        return method;
      }
    }
    throw CommandFailure.usage(
        "%s has no method '%s', expected one of %s"
            .formatted(
                service.getFullName(),
                name,
                methods().stream().map(MethodDescriptor::getName).toList()));
  }

  JsonFormat.Parser parser() {
    return parser;
  }

  /** As JSON, in one line. */
  String json(Message message) {
    try {
      return JsonValues.plain(printer.print(message));
    } catch (InvalidProtocolBufferException e) { // Something unknown in an Any.
      return JsonValues.text("unknown", String.valueOf(message));
    }
  }

  /** The method as a stub calls it. */
  static io.grpc.MethodDescriptor<DynamicMessage, DynamicMessage> callable(
      MethodDescriptor method) {
    return io.grpc.MethodDescriptor.<DynamicMessage, DynamicMessage>newBuilder()
        .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(
            io.grpc.MethodDescriptor.generateFullMethodName(
                method.getService().getFullName(), method.getName()))
        .setRequestMarshaller(
            io.grpc.protobuf.ProtoUtils.marshaller(
                DynamicMessage.getDefaultInstance(method.getInputType())))
        .setResponseMarshaller(
            io.grpc.protobuf.ProtoUtils.marshaller(
                DynamicMessage.getDefaultInstance(method.getOutputType())))
        .build();
  }
}
