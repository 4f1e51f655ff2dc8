package dev.seriatim.service.connect;

import dev.seriatim.service.connect.Frame.FrameMarshaller;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.object.BreakException;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.ListNamespacesRequest;
import dev.seriatim.v1.ListNamespacesResponse;
import dev.seriatim.v1.Method;
import dev.seriatim.wire.EncodedFrame;
import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;

/** The service {@code seriatim.v1.DurableObjects}. */
public final class ConnectService implements BindableService {
  /** The full name of the method that carries stubs. */
  public static final String CONNECT = DurableObjectsGrpc.getConnectMethod().getFullMethodName();

  private final ObjectDirectory directory;
  private final boolean local;

  /**
   * Serves stubs on the objects of this directory.
   *
   * @param local whether the clients are objects of this host
   */
  public ConnectService(ObjectDirectory directory, boolean local) {
    this.directory = directory;
    this.local = local;
  }

  @Override
  public ServerServiceDefinition bindService() {
    MethodDescriptor<ConnectRequest, ConnectResponse> contract =
        DurableObjectsGrpc.getConnectMethod();
    MethodDescriptor<Frame, EncodedFrame> connect =
        contract.toBuilder(
                new FrameMarshaller(directory.limits().maxFrameBytes()), EncodedFrame.MARSHALLER)
            .build();
    MethodDescriptor<DescribeNamespaceRequest, DescribeNamespaceResponse> describe =
        DurableObjectsGrpc.getDescribeNamespaceMethod();
    MethodDescriptor<ListNamespacesRequest, ListNamespacesResponse> list =
        DurableObjectsGrpc.getListNamespacesMethod();
    ServiceDescriptor service =
        ServiceDescriptor.newBuilder(DurableObjectsGrpc.SERVICE_NAME)
            .setSchemaDescriptor(DurableObjectsGrpc.getServiceDescriptor().getSchemaDescriptor())
            .addMethod(connect)
            .addMethod(describe)
            .addMethod(list)
            .build();
    return ServerServiceDefinition.builder(service)
        .addMethod(connect, (call, headers) -> new StubCall(call, directory, local))
        .addMethod(describe, ServerCalls.asyncUnaryCall(this::describeNamespace))
        .addMethod(list, ServerCalls.asyncUnaryCall(this::listNamespaces))
        .build();
  }

  private void describeNamespace(
      DescribeNamespaceRequest request, StreamObserver<DescribeNamespaceResponse> reply) {
    Namespace namespace;
    try {
      namespace = directory.namespace(request.getName());
    } catch (BreakException e) {
      reply.onError(
          StatusProto.toStatusRuntimeException(StatusTrailers.fit(e.cause().toStatusProto())));
      return;
    }
    DescribeNamespaceResponse.Builder response =
        DescribeNamespaceResponse.newBuilder()
            .setName(namespace.name())
            .setUniqueKey(namespace.uniqueKey())
            .setService(namespace.methods().serviceName());
    for (ObjectMethod method : namespace.methods().methods()) {
      response.addMethods(
          Method.newBuilder()
              .setName(method.name())
              .setRequestType(method.requestType())
              .setResponseType(method.responseType()));
    }
    reply.onNext(response.build());
    reply.onCompleted();
  }

  private void listNamespaces(
      ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> reply) {
    reply.onNext(
        ListNamespacesResponse.newBuilder().addAllNames(directory.namespaces().keySet()).build());
    reply.onCompleted();
  }
}
