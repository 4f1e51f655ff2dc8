package dev.seriatim.service.connect;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.ByteString;
import dev.seriatim.service.Caller;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.caller.Authorization;
import dev.seriatim.service.object.HostCounts;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.ListNamespacesRequest;
import dev.seriatim.v1.ListNamespacesResponse;
import dev.seriatim.wire.EncodedFrame;
import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** The service {@code seriatim.v1.DurableObjects}. */
public final class ConnectService implements BindableService {
  private final KnownNamespaces namespaces;
  private final Placement placement;
  private final HostLimits limits;
  private final FrameMarshaller frames;
  private final @Nullable CountedStubs stubs;
  private final @Nullable Authorization authorization;
  private final @Nullable Executor readers;
  private final @Nullable HostCounts counts;

  /** Whether it is other hosts that pass stubs on. */
  private final boolean forHosts;

  /** Those that carry many stubs. */
  private final Set<ManyCall> calls = ConcurrentHashMap.newKeySet();

  private volatile boolean drained;

  /**
   * Serves stubs on objects of these namespaces.
   *
   * @param placement knows where they are
   * @param stubs counts those that are open; null if the clients are objects of this host
   * @param authorization says what callers may do; null if they may do everything
   * @param connections which they come on, if it is this host that listens
   * @param counts counts the stubs that are refused
   */
  public ConnectService(
      Namespaces namespaces,
      Placement placement,
      HostLimits limits,
      @Nullable CountedStubs stubs,
      @Nullable Authorization authorization,
      @Nullable Connections connections,
      HostCounts counts) {
    this(
        namespaces,
        placement,
        limits,
        stubs,
        authorization,
        connections,
        counts,
        /* forHosts= */ false);
  }

  /**
   * The same.
   *
   * @param counts null if it is others who tell the clients
   * @param forHosts whether other hosts pass them on, as many as all of their clients have
   */
  ConnectService(
      Namespaces namespaces,
      Placement placement,
      HostLimits limits,
      @Nullable CountedStubs stubs,
      @Nullable Authorization authorization,
      @Nullable Connections connections,
      @Nullable HostCounts counts,
      boolean forHosts) {
    this.forHosts = forHosts;
    this.counts = counts;
    this.namespaces = new KnownNamespaces(namespaces, placement);
    this.placement = placement;
    this.limits = limits;
    this.stubs = stubs;
    this.authorization = authorization;
    this.readers = connections == null ? null : connections.readers();
    this.frames = new FrameMarshaller(limits.maxFrameBytes(), readers != null);
  }

  KnownNamespaces namespaces() {
    return namespaces;
  }

  Placement placement() {
    return placement;
  }

  /** What says what callers may do; null if they may do everything. */
  @Nullable Authorization authorization() {
    return authorization;
  }

  /** Reads frames. */
  FrameMarshaller frames() {
    return frames;
  }

  /**
   * A stub is opened, on a call of its own.
   *
   * @return why it is one too many; null if it isn't, and {@link #endStub} must follow
   */
  @Nullable BreakCause beginStub(Caller caller, @Nullable Connection connection) {
    return stubs == null ? null : stubs.begin(caller, connection);
  }

  /** As {@link CountedStubs#beginRefusal}. */
  boolean beginRefusal() {
    return stubs == null || stubs.beginRefusal();
  }

  /** As {@link CountedStubs#endRefusal}. */
  void endRefusal() {
    if (stubs != null) {
      stubs.endRefusal();
    }
  }

  /** It has ended. */
  void endStub(Caller caller, @Nullable Connection connection) {
    if (stubs != null) {
      stubs.end(caller, connection);
    }
  }

  /**
   * A lane is opened.
   *
   * @param open how many its call has
   * @return why it is one too many; null if it isn't, and {@link #endLane} must follow
   */
  @Nullable BreakCause beginLane(int open, Caller caller, @Nullable Connection connection) {
    int most = limits.connections().maxLanesPerCall();
    if (open >= most && !forHosts) {
      return BreakCause.of(
          BreakReason.OVERLOADED,
          "a call may have %,d lanes open at a time, and this one has them".formatted(most));
    }
    BreakCause refusal = connection == null || forHosts ? null : connection.beginLane();
    if (refusal == null && stubs != null) {
      refusal = stubs.begin(caller);
      if (refusal != null && connection != null && !forHosts) {
        connection.endLane();
      }
    }
    return refusal;
  }

  /** A lane has ended. */
  void endLane(Caller caller, @Nullable Connection connection) {
    if (connection != null && !forHosts) {
      connection.endLane();
    }
    if (stubs != null) {
      stubs.end(caller);
    }
  }

  /** A stub was refused. */
  void refused(@Nullable Namespace namespace, BreakCause cause) {
    if (counts != null) {
      counts.refused(namespace, cause);
    }
  }

  void begin(ManyCall call) {
    calls.add(call);
    if (drained) {
      call.drain();
    }
  }

  void end(ManyCall call) {
    calls.remove(call);
  }

  /** Every stub has been told that the host shuts down: calls that carry many end without them. */
  public void drained() {
    drained = true;
    calls.forEach(ManyCall::drain);
  }

  /** Where large frames are read; null if that is done where they come in. */
  @Nullable Executor readers() {
    return readers;
  }

  /**
   * Reads the messages of calls that carry many stubs.
   *
   * @param fromHosts whether other hosts send them
   */
  ManyMessage.Reader manyMessages(boolean fromHosts) {
    return new ManyMessage.Reader(limits.maxFrameBytes(), readers != null, fromHosts);
  }

  @Override
  public ServerServiceDefinition bindService() {
    MethodDescriptor<ConnectRequest, ConnectResponse> contract =
        DurableObjectsGrpc.getConnectMethod();
    MethodDescriptor<Arrived, EncodedFrame> connect =
        contract.toBuilder(frames, EncodedFrame.MARSHALLER).build();
    MethodDescriptor<ManyMessage, EncodedFrame> connectMany =
        DurableObjectsGrpc.getConnectManyMethod().toBuilder(
                manyMessages(/* fromHosts= */ false), EncodedFrame.MARSHALLER)
            .build();
    MethodDescriptor<DescribeNamespaceRequest, DescribeNamespaceResponse> describe =
        DurableObjectsGrpc.getDescribeNamespaceMethod();
    MethodDescriptor<ListNamespacesRequest, ListNamespacesResponse> list =
        DurableObjectsGrpc.getListNamespacesMethod();
    ServiceDescriptor service =
        ServiceDescriptor.newBuilder(DurableObjectsGrpc.SERVICE_NAME)
            .setSchemaDescriptor(DurableObjectsGrpc.getServiceDescriptor().getSchemaDescriptor())
            .addMethod(connect)
            .addMethod(connectMany)
            .addMethod(describe)
            .addMethod(list)
            .build();
    return ServerServiceDefinition.builder(service)
        .addMethod(connect, (call, headers) -> new StubCall(call, this))
        .addMethod(connectMany, (call, headers) -> new ManyCall(call, this))
        .addMethod(describe, ServerCalls.asyncUnaryCall(this::describeNamespace))
        .addMethod(list, ServerCalls.asyncUnaryCall(this::listNamespaces))
        .build();
  }

  private void describeNamespace(
      DescribeNamespaceRequest request, StreamObserver<DescribeNamespaceResponse> reply) {
    DescribeNamespaceResponse response;
    try {
      response = namespaces.describe(request.getName());
    } catch (BreakException e) {
      reply.onError(
          StatusProto.toStatusRuntimeException(StatusTrailers.fit(e.cause().toStatusProto())));
      return;
    }
    reply.onNext(response);
    reply.onCompleted();
  }

  /** What another host wants to know of these: a serialized description each. */
  public static List<ByteString> describe(Namespaces all) {
    ImmutableList.Builder<ByteString> described = ImmutableList.builder();
    all.all()
        .forEach(namespace -> described.add(KnownNamespaces.describe(namespace).toByteString()));
    return described.build();
  }

  private void listNamespaces(
      ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> reply) {
    reply.onNext(ListNamespacesResponse.newBuilder().addAllNames(namespaces.names()).build());
    reply.onCompleted();
  }
}
