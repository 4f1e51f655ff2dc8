package dev.seriatim.service.connect;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import java.util.ArrayList;
import java.util.List;

/**
 * Has gRPC hand every message on as it comes. Of a method whose clients send one, it would keep the
 * message to itself until the client has ended the call, packed and in the buffers that it came in,
 * where nobody can count what it takes; and a second one would end the call in gRPC's own way. So
 * gRPC is told that clients may send many. Who serves the call is told what is so.
 */
final class MessagesAtOnce {
  private MessagesAtOnce() {}

  /** The same service, as gRPC is to know it. */
  static ServerServiceDefinition of(ServerServiceDefinition service) {
    ServiceDescriptor known = service.getServiceDescriptor();
    ServiceDescriptor.Builder told =
        ServiceDescriptor.newBuilder(known.getName())
            .setSchemaDescriptor(known.getSchemaDescriptor());
    List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
    for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
      ServerMethodDefinition<?, ?> atOnce = of(method);
      methods.add(atOnce);
      told.addMethod(atOnce.getMethodDescriptor());
    }
    ServerServiceDefinition.Builder served = ServerServiceDefinition.builder(told.build());
    methods.forEach(served::addMethod);
    return served.build();
  }

  private static <Q, R> ServerMethodDefinition<Q, R> of(ServerMethodDefinition<Q, R> method) {
    MethodDescriptor<Q, R> known = method.getMethodDescriptor();
    if (!known.getType().clientSendsOneMessage()) {
      return method;
    }
    MethodType many =
        known.getType().serverSendsOneMessage()
            ? MethodType.CLIENT_STREAMING
            : MethodType.BIDI_STREAMING;
    ServerCallHandler<Q, R> handler = method.getServerCallHandler();
    return ServerMethodDefinition.create(
        known.toBuilder().setType(many).build(),
        (call, headers) -> handler.startCall(new Known<>(call, known), headers));
  }

  /** A call as those who serve it know it. */
  private static final class Known<Q, R> extends SimpleForwardingServerCall<Q, R> {
    private final MethodDescriptor<Q, R> method;

    Known(ServerCall<Q, R> call, MethodDescriptor<Q, R> method) {
      super(call);
      this.method = method;
    }

    @Override
    public MethodDescriptor<Q, R> getMethodDescriptor() {
      return method;
    }
  }
}
