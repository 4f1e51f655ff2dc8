package dev.seriatim.service.connect;

import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.ObjectDirectory;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The namespaces' own services, for clients that have no stub: a plain unary call whose header
 * names the object is one invocation, on a stub of its own. Between such calls there is no order.
 */
public final class HeaderCallService {
  private HeaderCallService() {}

  /** One definition for each service that a namespace has. */
  public static List<ServerServiceDefinition> all(ObjectDirectory directory) {
    Map<String, ServerServiceDefinition> services = new LinkedHashMap<>();
    for (Namespace namespace : directory.namespaces().values()) {
      services.computeIfAbsent(
          namespace.methods().serviceName(), name -> define(namespace.methods(), directory));
    }
    return List.copyOf(services.values());
  }

  private static ServerServiceDefinition define(MethodTable table, ObjectDirectory directory) {
    ServiceDescriptor.Builder service =
        ServiceDescriptor.newBuilder(table.serviceName())
            .setSchemaDescriptor(table.service().getSchemaDescriptor());
    Map<ObjectMethod, MethodDescriptor<byte[], byte[]>> descriptors = new LinkedHashMap<>();
    for (ObjectMethod method : table.methods()) {
      MethodDescriptor<byte[], byte[]> descriptor =
          method.descriptor().toBuilder(new Bytes(), new Bytes()).build();
      descriptors.put(method, descriptor);
      service.addMethod(descriptor);
    }
    ServerServiceDefinition.Builder definition = ServerServiceDefinition.builder(service.build());
    descriptors.forEach(
        (method, descriptor) ->
            definition.addMethod(
                descriptor, (call, headers) -> HeaderCall.start(call, headers, method, directory)));
    return definition.build();
  }

  /** Leaves messages as they are: it is the turn that parses the argument. */
  private record Bytes() implements Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] message) {
      return new ByteArrayInputStream(message);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
