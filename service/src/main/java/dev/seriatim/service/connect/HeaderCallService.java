package dev.seriatim.service.connect;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.caller.Authorization;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.object.HostCounts;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.wire.EncodedFrame;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The namespaces' own services, for clients that have no stub: a plain unary call whose header
 * names the object is one invocation, on a stub of its own. Between such calls there is no order.
 */
public final class HeaderCallService {
  private HeaderCallService() {}

  /**
   * One definition for each service that a namespace has.
   *
   * @param stubs counts those that are open
   * @param authorization says what callers may do; null if they may do everything
   * @param counts counts the calls that are refused
   */
  public static List<ServerServiceDefinition> all(
      Namespaces namespaces,
      Placement placement,
      HostLimits limits,
      CountedStubs stubs,
      @Nullable Authorization authorization,
      HostCounts counts) {
    KnownNamespaces known = new KnownNamespaces(namespaces, placement);
    Map<String, ServerServiceDefinition> services = new LinkedHashMap<>();
    for (Namespace namespace : namespaces.all()) {
      services.computeIfAbsent(
          namespace.methods().serviceName(),
          name ->
              define(namespace.methods(), known, placement, limits, stubs, authorization, counts));
    }
    return List.copyOf(services.values());
  }

  private static ServerServiceDefinition define(
      MethodTable table,
      KnownNamespaces namespaces,
      Placement placement,
      HostLimits limits,
      CountedStubs stubs,
      @Nullable Authorization authorization,
      HostCounts counts) {
    ServiceDescriptor.Builder service =
        ServiceDescriptor.newBuilder(table.serviceName())
            .setSchemaDescriptor(table.service().getSchemaDescriptor());
    Argument.ArgumentMarshaller arguments = new Argument.ArgumentMarshaller(limits.maxFrameBytes());
    Map<ObjectMethod, MethodDescriptor<Argument, EncodedFrame>> descriptors = new LinkedHashMap<>();
    for (ObjectMethod method : table.methods()) {
      MethodDescriptor<Argument, EncodedFrame> descriptor =
          method.descriptor().toBuilder(arguments, EncodedFrame.MARSHALLER).build();
      descriptors.put(method, descriptor);
      service.addMethod(descriptor);
    }
    ServerServiceDefinition.Builder definition = ServerServiceDefinition.builder(service.build());
    descriptors.forEach(
        (method, descriptor) ->
            definition.addMethod(
                descriptor,
                (call, headers) ->
                    new HeaderCall(
                        call,
                        headers,
                        method,
                        namespaces,
                        placement,
                        stubs,
                        authorization,
                        counts)));
    return definition.build();
  }
}
