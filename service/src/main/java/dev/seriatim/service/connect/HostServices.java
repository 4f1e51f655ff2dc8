package dev.seriatim.service.connect;

import static java.util.Objects.requireNonNull;

import com.google.common.collect.ImmutableList;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.caller.Authorization;
import dev.seriatim.service.caller.Callers;
import dev.seriatim.service.object.HostCounts;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.placement.Placement;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.util.MutableHandlerRegistry;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** All that a host serves, with what stands before it. */
public final class HostServices {
  /** Whoever asks whether a host is well, shows nothing of himself. */
  private static final String HEALTH = "grpc.health.v1.Health";

  /** What hosts of a cluster answer for each other. */
  private static final String ADMIN = AdminGrpc.SERVICE_NAME;

  private final HostLimits limits;
  private final Executor threads;
  private final CountedStubs stubs;
  private final ConnectService connect;
  private final @Nullable PeerService peers;
  private final Supplier<List<ServerServiceDefinition>> headerCalls;

  /** Where calls with a header are found, if the objects' code may be replaced; null else. */
  private final @Nullable MutableHandlerRegistry replaceable;

  /** Before all but peers, the outermost first. */
  private final ImmutableList<ServerInterceptor> first;

  /** Finds out who calls; null if nobody is asked. */
  private final @Nullable CallerGate gate;

  /** The same, before what are no stubs. */
  private final @Nullable CallerGate gateOfOthers;

  /** The same, which lets other hosts pass; null if there are none. */
  private final @Nullable PeerGate gateOfHosts;

  /**
   * What a host serves.
   *
   * @param forClients where the objects of clients' stubs are
   * @param forPeers opens stubs that other hosts pass on; null if the host is alone
   * @param token what other hosts must show
   * @param connections which calls come on, if it is this host that listens
   * @param interceptors stand before everything, the first one outermost
   * @param threads starts a thread for each task, which may be held up
   * @param counts counts the stubs that are refused
   * @param replaceable whether the objects' code may be replaced
   */
  public HostServices(
      Namespaces namespaces,
      Placement forClients,
      @Nullable Placement forPeers,
      String token,
      HostLimits limits,
      @Nullable Connections connections,
      Callers callers,
      List<ServerInterceptor> interceptors,
      Executor threads,
      HostCounts counts,
      boolean replaceable) {
    this.limits = limits;
    this.threads = threads;
    this.stubs = new CountedStubs(limits);
    this.first = ImmutableList.copyOf(interceptors);
    OpenCalls unverified = new OpenCalls(limits.maxStubs());
    this.gate = gate(callers, unverified, counts);
    this.gateOfOthers = gate(callers, unverified, /* counts= */ null);
    this.gateOfHosts = forPeers == null ? null : new PeerGate(token, gateOfOthers);
    Authorization authorization = callers.authorization();
    connect =
        new ConnectService(
            namespaces, forClients, limits, stubs, authorization, connections, counts);
    peers =
        forPeers == null
            ? null
            : new PeerService(namespaces, forPeers, limits, stubs, connections, token);
    headerCalls =
        () -> HeaderCallService.all(namespaces, forClients, limits, stubs, authorization, counts);
    this.replaceable = replaceable ? new MutableHandlerRegistry() : null;
  }

  private @Nullable CallerGate gate(
      Callers callers, OpenCalls unverified, @Nullable HostCounts counts) {
    return callers.authentication() == null
        ? null
        : new CallerGate(callers.authentication(), threads, unverified, counts);
  }

  /** Counts the stubs that are open. */
  public CountedStubs openStubs() {
    return stubs;
  }

  /**
   * A server of everything, which has still to be started.
   *
   * @param others services beside the objects, such as health
   */
  public Server on(ServerBuilder<?> server, List<ServerServiceDefinition> others) {
    // As many again of other services, health for one: it is to be told also when there are many.
    OffTransport offTransport = new OffTransport(threads, new OpenCalls(limits.maxStubs()));
    for (ServerServiceDefinition service : others) {
      server.addService(
          behind(gateOf(service.getServiceDescriptor().getName()), offTransport, service));
    }
    if (replaceable == null) {
      headerCalls.get().forEach(service -> server.addService(behind(gate, null, service)));
    } else {
      server.fallbackHandlerRegistry(replaceable);
      codeReplaced();
    }
    if (peers != null) {
      server.addService(peers); // They have a token of their own.
    }
    return server
        .addService(behind(gate, new OfOneMessage(offTransport), connect.bindService()))
        // Longer frames are refused by Seriatim, in their place; this is what may be in memory.
        .maxInboundMessageSize(4 * Math.min(limits.maxFrameBytes(), 1 << 28))
        // Stubs are served on the transport's own threads, which only enqueue.
        .directExecutor()
        .build();
  }

  /** Stands before those calls only whose clients send one message, and no stubs therefore. */
  private record OfOneMessage(ServerInterceptor delegate) implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      return call.getMethodDescriptor().getType().clientSendsOneMessage()
          ? delegate.interceptCall(call, headers, next)
          : next.startCall(call, headers);
    }
  }

  private @Nullable ServerInterceptor gateOf(String service) {
    if (service.equals(HEALTH)) {
      return null;
    }
    return service.equals(ADMIN) && gateOfHosts != null ? gateOfHosts : gateOfOthers;
  }

  /** The objects' code was replaced. To be called by one thread at a time. */
  public void codeReplaced() {
    MutableHandlerRegistry registry = requireNonNull(replaceable);
    Set<String> there = new HashSet<>();
    for (ServerServiceDefinition service : headerCalls.get()) {
      registry.addService(behind(gate, null, service));
      there.add(service.getServiceDescriptor().getName());
    }
    for (ServerServiceDefinition old : registry.getServices()) {
      if (!there.contains(old.getServiceDescriptor().getName())) {
        registry.removeService(old);
      }
    }
  }

  private ServerServiceDefinition behind(
      @Nullable ServerInterceptor second,
      @Nullable ServerInterceptor third,
      ServerServiceDefinition service) {
    List<ServerInterceptor> all = new ArrayList<>(first);
    if (second != null) {
      all.add(second);
    }
    if (third != null) {
      all.add(third);
    }
    return MessagesAtOnce.of(
        all.isEmpty() ? service : ServerInterceptors.interceptForward(service, all));
  }

  /** Every stub has been told that the host shuts down. */
  public void drained() {
    connect.drained();
    if (peers != null) {
      peers.drained();
    }
  }
}
