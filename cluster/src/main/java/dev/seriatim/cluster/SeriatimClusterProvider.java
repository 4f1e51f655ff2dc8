package dev.seriatim.cluster;

import dev.seriatim.service.placement.Cluster;
import dev.seriatim.service.placement.ClusterProvider;
import io.grpc.InsecureChannelCredentials;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/** Makes the cluster of the server program. */
public final class SeriatimClusterProvider implements ClusterProvider {
  /** For the {@link java.util.ServiceLoader}. */
  public SeriatimClusterProvider() {}

  @Override
  public Cluster make(Options options) {
    JoinOptions join =
        JoinOptions.at(options.host(), options.port())
            .withWeight(options.weight())
            .withRoutingPatience(options.routingPatience())
            .withHandOffLimit(options.handOffLimit())
            .withLostPatience(options.lostPatience())
            .withTrunkPatience(options.trunkPatience())
            .withLeaveLimit(options.leaveLimit())
            .withPeerCredentials(
                options.peers() == null ? InsecureChannelCredentials.create() : options.peers())
            .withVersion(options.version());
    String advertise =
        options.advertise() == null ? listening(options.listen()) : options.advertise();
    if (advertise != null) {
      join = join.withAdvertise(advertise);
    }
    if (options.trunksPerHost() != null) {
      join = join.withTrunksPerHost(options.trunksPerHost());
    }
    ClusterProvider.MembershipTls tls = options.membershipTls();
    if (tls != null) {
      join = join.withMembershipTls(tls.certificate(), tls.key(), tls.authority());
    }
    if (options.edgeQueue() != null) {
      join = join.withEdgeQueue(options.edgeQueue());
    }
    return SeriatimCluster.join(join);
  }

  /** Null if it listens everywhere, or on a port that isn't known yet. */
  private static @Nullable String listening(InetSocketAddress listen) {
    return listen.getPort() == 0
            || (!listen.isUnresolved() && listen.getAddress().isAnyLocalAddress())
        ? null
        : listen.getHostString() + ":" + listen.getPort();
  }
}
