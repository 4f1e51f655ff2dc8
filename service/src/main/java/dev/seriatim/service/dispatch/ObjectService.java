package dev.seriatim.service.dispatch;

import io.grpc.BindableService;
import io.grpc.Metadata;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.util.List;

/** The method handlers of one instance. Called by one turn at a time. */
public final class ObjectService {
  private final ServerMethodDefinition<?, ?>[] handlers;

  private ObjectService(ServerMethodDefinition<?, ?>[] handlers) {
    this.handlers = handlers;
  }

  /**
   * Binds an instance to the methods of its namespace.
   *
   * @param interceptors stand around each call, the first one outermost
   * @throws IllegalStateException if it is another service
   */
  public static ObjectService bind(
      BindableService instance, MethodTable table, List<ServerInterceptor> interceptors) {
    ServerServiceDefinition bound = instance.bindService();
    ServerServiceDefinition service =
        interceptors.isEmpty() ? bound : ServerInterceptors.interceptForward(bound, interceptors);
    String name = service.getServiceDescriptor().getName();
    if (!name.equals(table.serviceName())) {
      throw new IllegalStateException(
          "the factory made a service %s, expected %s".formatted(name, table.serviceName()));
    }
    ServerMethodDefinition<?, ?>[] handlers =
        new ServerMethodDefinition<?, ?>[table.methods().size()];
    for (ObjectMethod method : table.methods()) {
      ServerMethodDefinition<?, ?> handler = service.getMethod(method.fullName());
      if (handler == null) {
        throw new IllegalStateException("the instance has no handler for " + method.fullName());
      }
      handlers[method.index()] = handler;
    }
    return new ObjectService(handlers);
  }

  /**
   * A call of a method, to be {@link MethodCall#run run} and then told when the turn is over. The
   * reply may be closed before or after the method returns.
   *
   * @param argument a message that {@code method} has parsed
   * @param asJson whether the response is wanted as JSON
   * @param reply told once how the reply was closed, by whatever thread closes it
   */
  public MethodCall<?, ?> call(
      ObjectMethod method, Object argument, Metadata metadata, boolean asJson, Reply reply) {
    @SuppressWarnings("unchecked") // The argument comes from this very method's parser.
    ServerMethodDefinition<Object, Object> handler =
        (ServerMethodDefinition<Object, Object>) handlers[method.index()];
    Object request =
        handler.getMethodDescriptor() == method.descriptor()
            ? argument
            : handler
                .getMethodDescriptor()
                .parseRequest(method.descriptor().streamRequest(argument));
    return new MethodCall<>(handler, method, request, metadata, asJson, reply);
  }
}
