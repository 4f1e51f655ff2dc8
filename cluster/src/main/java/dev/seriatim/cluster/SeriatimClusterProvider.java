package dev.seriatim.cluster;

import dev.seriatim.service.placement.Cluster;
import dev.seriatim.service.placement.ClusterProvider;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Makes the cluster of the server program. */
public final class SeriatimClusterProvider implements ClusterProvider {
  /** For the {@link java.util.ServiceLoader}. */
  public SeriatimClusterProvider() {}

  @Override
  public Cluster make(Options options) {
    JoinOptions defaults = JoinOptions.at(options.host(), options.port());
    Integer trunks = options.trunksPerHost();
    return SeriatimCluster.join(
        new JoinOptions(
            options.host(),
            options.port(),
            options.advertise() == null ? listening(options.listen()) : options.advertise(),
            options.weight(),
            options.routingPatience(),
            options.handOffLimit(),
            options.lostPatience(),
            options.leaveLimit(),
            trunks == null ? defaults.trunksPerHost() : trunks,
            options.edgeQueue(),
            credentials(options.trusted()),
            options.version()));
  }

  /** Null if it listens everywhere, or on a port that isn't known yet. */
  private static @Nullable String listening(InetSocketAddress listen) {
    return listen.getPort() == 0
            || (!listen.isUnresolved() && listen.getAddress().isAnyLocalAddress())
        ? null
        : listen.getHostString() + ":" + listen.getPort();
  }

  private static ChannelCredentials credentials(@Nullable Path trusted) {
    if (trusted == null) {
      return InsecureChannelCredentials.create();
    }
    try {
      return TlsChannelCredentials.newBuilder().trustManager(trusted.toFile()).build();
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "file '" + trusted + "', expected a certificate: " + e.getMessage(), e);
    }
  }
}
