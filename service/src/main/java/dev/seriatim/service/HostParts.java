package dev.seriatim.service;

import static java.util.Objects.requireNonNull;

import dev.seriatim.service.admin.AdminHost;
import dev.seriatim.service.admin.AdminService;
import dev.seriatim.service.caller.Callers;
import dev.seriatim.service.connect.ConnectService;
import dev.seriatim.service.connect.Connections;
import dev.seriatim.service.connect.HostServices;
import dev.seriatim.service.object.HostThreads;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.placement.Cluster;
import dev.seriatim.service.placement.Here;
import dev.seriatim.service.placement.Neighbours;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.storage.StorageEngine;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What a host is made of, from its store to its server. The host starts and closes it. Immutable.
 */
final class HostParts {
  final StorageEngine storage;
  final ObjectDirectory directory;
  final Executor executor = new HostThreads();

  /** What the host listens with; null if it was given a server. */
  final @Nullable Connections connections;

  final HostServices services;

  /** Whether the objects' code may be replaced. */
  final boolean replaceable;

  final Placement forObjects;

  /** Null if the host is alone. */
  final @Nullable Cluster cluster;

  final Server server;

  /**
   * Makes it, and closes again what was made if it fails at that.
   *
   * @param shutdown what happens when an operator wants the host to end
   */
  HostParts(DurableObjectHost.Builder builder, AdminHost.Shutdown shutdown) {
    boolean shares =
        builder.cluster != null && builder.storage.location() instanceof StorageOptions.Postgres;
    storage =
        StorageEngine.openAtOnce(
            shares ? builder.storage.withSharedSlots() : builder.storage, builder.faults);
    directory =
        new ObjectDirectory(
            Namespaces.of(builder.namespaces, builder.interceptors),
            builder.limits,
            storage,
            builder.nanos,
            builder.tracer);
    connections =
        builder.server == null ? new Connections(builder.limits, directory::isHeld) : null;
    cluster = builder.cluster;
    // Others would have to be told: what a policy says of methods, and other hosts know of them.
    replaceable = builder.replaceable && builder.authorizer == null && cluster == null;
    boolean built = false;
    try {
      Cluster.Places places = cluster == null ? null : cluster.join(member(builder.limits));
      forObjects = places == null ? Here.forObjects(directory) : places.forObjects();
      services =
          new HostServices(
              directory.namespaces(),
              places == null ? Here.forClients(directory) : places.forClients(),
              places == null ? null : places.forPeers(),
              cluster == null ? "" : cluster.token(),
              builder.limits,
              connections,
              Callers.of(
                  builder.authenticator,
                  builder.authorizer,
                  builder.storage.clock(),
                  directory.timer()),
              builder.transportInterceptors,
              executor,
              directory.counts(),
              replaceable);
      server =
          services.on(
              connections == null
                  ? requireNonNull(builder.server)
                  : connections.listen(builder.address, builder.credentials),
              builder.admin
                  ? withAdmin(builder, places == null ? null : places.neighbours(), shutdown)
                  : builder.services);
      built = true;
    } finally {
      if (!built) {
        if (cluster != null) {
          cluster.close();
        }
        directory.close();
        if (connections != null) {
          connections.close();
        }
      }
    }
  }

  private Cluster.Member member(HostLimits limits) {
    return new Cluster.Member(
        storage::slots, directory, limits, ConnectService.describe(directory.namespaces()));
  }

  private List<ServerServiceDefinition> withAdmin(
      DurableObjectHost.Builder builder,
      @Nullable Neighbours neighbours,
      AdminHost.Shutdown shutdown) {
    AdminHost host =
        new AdminHost(
            directory, storage, neighbours, executor, builder.version, builder.commit, shutdown);
    boolean local = builder.server != null || isLoopback(builder.address);
    return AdminService.with(builder.services, host, builder.authorizer, local);
  }

  private static boolean isLoopback(InetSocketAddress address) {
    return address.getAddress() != null && address.getAddress().isLoopbackAddress();
  }
}
