package dev.seriatim.cluster;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.ByteString;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.placement.Cluster;
import dev.seriatim.service.placement.Peers;
import dev.seriatim.service.session.QueueBudget;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.Slots.HostRow;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import java.security.SecureRandom;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes a host one of many: give it to {@code DurableObjectHost.Builder#cluster}, once. Hosts with
 * the same PostgreSQL store find each other there, share its objects, and pass stubs on: each of
 * them takes a stub for any object.
 *
 * <pre>{@code
 * DurableObjectHost.builder()
 *     .storage(StorageOptions.postgres(url))
 *     .listen(new InetSocketAddress("10.0.0.5", 7070))
 *     .cluster(SeriatimCluster.join(JoinOptions.at("10.0.0.5", 25520)))
 * }</pre>
 *
 * <p>Safe for any number of threads; its methods are the host's to call.
 */
public final class SeriatimCluster implements Cluster {
  private static final int TOKEN_BYTES = 16;

  /** How long the network may take to say that a host is there. */
  private static final int CONNECT_MILLIS = 3_000;

  private final JoinOptions options;
  private final Placer.Factory placers;
  private final ByteString token;

  /**
   * Written by join, with the lock held; read without it, as who asks may not wait for a close. A
   * host joins before anyone can close it.
   */
  private volatile @Nullable Parts parts;

  /** What there is once a host has joined. */
  private record Parts(
      Member member,
      Placer placer,
      ClaimingSlots claims,
      SlotMover mover,
      Edge edge,
      ClusterNeighbours neighbours) {}

  /** What makes a host one of those that share its store. */
  public static SeriatimCluster join(JoinOptions options) {
    return new SeriatimCluster(options, (slots, host) -> new PekkoPlacer(slots, host, options));
  }

  SeriatimCluster(JoinOptions options, Placer.Factory placers) {
    this.options = options;
    this.placers = placers;
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    this.token = ByteString.copyFrom(random);
  }

  @Override
  public synchronized Places join(Member member) {
    if (parts != null) {
      throw new IllegalStateException("a host has joined before, expected one cluster for each");
    }
    Slots slots = member.slots().get();
    ObjectDirectory directory = member.directory();
    HostLimits limits = member.limits();
    ClaimingSlots claims = new ClaimingSlots(slots);
    SlotMover mover = new SlotMover(claims, directory, options.handOffLimit(), System::nanoTime);
    Placer placer = placers.make(slots, mover);
    Trunks trunks = new Trunks(this::channel, options.trunksPerHost(), options.trunkPatience());
    Edge edge =
        new Edge(
            slots,
            directory,
            placer.routes(),
            trunks,
            new QueueBudget("the edge", options.edgeQueue(limits)),
            new OtherNamespaces(slots.host(), options.version(), member.namespaces(), slots::hosts),
            options.routingPatience(),
            options.lostPatience(),
            System::nanoTime);
    ClusterNeighbours neighbours =
        new ClusterNeighbours(slots, placer.routes(), this::channel, options.routingPatience());
    slots.listen(
        new Slots.Listener() {
          @Override
          public void lost(Set<Integer> lost) {
            directory.moves().lost(lost);
          }

          @Override
          public void hostsChanged(List<HostRow> hosts) {
            trunks.keep(hosts);
            neighbours.keep(hosts);
          }
        });
    parts = new Parts(member, placer, claims, mover, edge, neighbours);
    return new Places(
        edge.forClients(), edge.forObjects(), new Peers(directory, slots), neighbours);
  }

  private ManagedChannel channel(String address) {
    return NettyChannelBuilder.forTarget(address, options.peerCredentials())
        .directExecutor() // What comes is only passed on.
        .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
        .keepAliveTime(10, TimeUnit.SECONDS)
        .keepAliveTimeout(3, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        .maxInboundMessageSize(Integer.MAX_VALUE)
        .build();
  }

  private Parts parts() {
    Parts there = parts;
    if (there == null) {
      throw new IllegalStateException("no host has joined yet");
    }
    return there;
  }

  @Override
  public String token() {
    return BaseEncoding.base16().lowerCase().encode(token.toByteArray());
  }

  @Override
  public void start(int port) {
    Parts there = parts();
    String refusal =
        SameNamespaces.refusal(there.member().namespaces(), there.member().slots().get().hosts());
    if (refusal != null) {
      throw new IllegalStateException(refusal);
    }
    String address = options.advertised(port);
    there.neighbours().isAt(address);
    there
        .placer()
        .start(
            new Announcement(
                address,
                /* clusterAddress= */ "",
                options.version(),
                there.member().namespaces(),
                /* leaving= */ false,
                token));
  }

  @Override
  public void leave() throws InterruptedException {
    Parts there = parts();
    there.edge().leave();
    there.placer().leave();
    there.edge().drain(there.member().limits().drainLimit());
  }

  @Override
  public boolean isUp() {
    return parts().placer().isUp();
  }

  @Override
  public void close() {
    Parts there = parts;
    if (there != null) {
      // With no lock held: stubs and calls end here, and whoever hears of it may ask the host, or
      // wait for a thread that does.
      there.placer().close();
      there.mover().close();
      there.claims().close();
      there.edge().close();
      there.neighbours().close();
    }
  }
}
