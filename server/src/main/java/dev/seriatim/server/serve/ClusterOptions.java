package dev.seriatim.server.serve;

import dev.seriatim.server.Version;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.placement.Cluster;
import dev.seriatim.service.placement.ClusterProvider;
import io.grpc.ChannelCredentials;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the server takes part in a cluster, as options of the command line. */
final class ClusterOptions {
  @Option(
      names = "--cluster",
      paramLabel = "HOST:PORT",
      converter = AddressConverter.class,
      description =
          "Share the objects of --store with the other hosts that say so; where those reach this"
              + " one, on a port of its own, such as 10.0.0.5:25520.")
  private @Nullable InetSocketAddress cluster;

  @Option(
      names = "--advertise",
      paramLabel = "HOST:PORT",
      description =
          "Where the other hosts reach what this one serves. Default: where it listens, or the host"
              + " of --cluster if that is everywhere")
  private @Nullable String advertise;

  @Option(
      names = "--weight",
      paramLabel = "N",
      description = "0 for a host that has no objects and only passes stubs on. Default: 1")
  private int weight = 1;

  @Option(
      names = "--routing-patience",
      paramLabel = "SECONDS",
      description = "How long a stub waits while no host has its object. Default: 8")
  private double routingPatience = 8;

  @Option(
      names = "--hand-off-limit",
      paramLabel = "SECONDS",
      description = "How long a turn may go on whose object goes to another host. Default: 2")
  private double handOffLimit = 2;

  @Option(
      names = "--lost-patience",
      paramLabel = "SECONDS",
      description =
          "How long the last words of a host may be on their way that has lost an object. Default:"
              + " 2")
  private double lostPatience = 2;

  @Option(
      names = "--trunk-patience",
      paramLabel = "SECONDS",
      description =
          "How long a connection to another host may be silent before it is given up. Default: 8")
  private double trunkPatience = 8;

  @Option(
      names = "--leave-limit",
      paramLabel = "SECONDS",
      description = "How long it may take to hand everything over after SIGTERM. Default: 20")
  private double leaveLimit = 20;

  @Option(
      names = "--trunks-per-host",
      paramLabel = "N",
      description = "How many connections lead to each other host. Default: one per processor, ≤ 4")
  private @Nullable Integer trunksPerHost;

  @Option(
      names = "--edge-queue-invocations",
      paramLabel = "N",
      description = "What is kept for stubs until it is answered. Default: as the host's queue")
  private @Nullable Integer edgeQueueInvocations;

  @Option(
      names = "--edge-queue-bytes",
      paramLabel = "BYTES",
      description = "The same, in bytes. Default: as the host's queue")
  private @Nullable Long edgeQueueBytes;

  @Option(
      names = "--cluster-tls-certificate",
      paramLabel = "FILE",
      description =
          "This host's certificate for the port of --cluster, in PEM: hosts show each other theirs"
              + " and speak TLS there. They need a name in common. Default: they speak in the"
              + " clear")
  private @Nullable Path tlsCertificate;

  @Option(
      names = "--cluster-tls-key",
      paramLabel = "FILE",
      description = "The key of --cluster-tls-certificate: of RSA, PKCS #8 in PEM")
  private @Nullable Path tlsKey;

  @Option(
      names = "--cluster-tls-ca",
      paramLabel = "FILE",
      description = "Who issued the certificates of all hosts of the cluster, in PEM")
  private @Nullable Path tlsCa;

  boolean isWanted() {
    return cluster != null;
  }

  /** How long it may take longer to shut down. */
  Duration leaveLimit() {
    return isWanted() ? seconds(leaveLimit) : Duration.ZERO;
  }

  /**
   * The cluster as given, or null if none is wanted.
   *
   * @param shared whether the store can be shared
   * @param peers what other hosts are called with; null without TLS
   * @throws IllegalArgumentException if it can't be made
   */
  @Nullable Cluster make(
      boolean shared,
      InetSocketAddress listen,
      HostLimits limits,
      @Nullable ChannelCredentials peers) {
    if (cluster == null) {
      if (advertise != null || weight != 1 || membershipTls() != null) {
        throw new IllegalArgumentException(
            "--advertise, --weight and --cluster-tls-… are of use with --cluster only, which is not"
                + " given");
      }
      return null;
    }
    if (!shared) {
      throw new IllegalArgumentException(
          "--cluster without a store that hosts can share, expected --store"
              + " jdbc:postgresql://HOST:PORT/DATABASE?user=…");
    }
    ClusterProvider provider =
        ServiceLoader.load(ClusterProvider.class)
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "--cluster: the module seriatim-cluster is not on the class path"));
    return provider.make(
        new ClusterProvider.Options(
            cluster.getHostString(),
            cluster.getPort(),
            listen,
            advertise,
            weight,
            seconds(routingPatience),
            seconds(handOffLimit),
            seconds(lostPatience),
            seconds(trunkPatience),
            seconds(leaveLimit),
            trunksPerHost,
            edgeQueue(limits),
            peers,
            membershipTls(),
            Version.number()));
  }

  private ClusterProvider.@Nullable MembershipTls membershipTls() {
    if (tlsCertificate == null && tlsKey == null && tlsCa == null) {
      return null;
    }
    if (tlsCertificate == null || tlsKey == null || tlsCa == null) {
      throw new IllegalArgumentException(
          "--cluster-tls-certificate, --cluster-tls-key and --cluster-tls-ca: expected all three,"
              + " or none");
    }
    return new ClusterProvider.MembershipTls(tlsCertificate, tlsKey, tlsCa);
  }

  private HostLimits.@Nullable QueueSize edgeQueue(HostLimits limits) {
    if (edgeQueueInvocations == null && edgeQueueBytes == null) {
      return null;
    }
    return new HostLimits.QueueSize(
        edgeQueueInvocations == null ? limits.hostQueue().invocations() : edgeQueueInvocations,
        edgeQueueBytes == null ? limits.hostQueue().bytes() : edgeQueueBytes);
  }

  private static Duration seconds(double seconds) {
    return Duration.ofNanos((long) (seconds * 1_000_000_000));
  }
}
