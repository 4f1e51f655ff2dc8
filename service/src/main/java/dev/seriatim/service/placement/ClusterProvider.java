package dev.seriatim.service.placement;

import dev.seriatim.service.HostLimits;
import io.grpc.ChannelCredentials;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Makes a cluster for the server program, which finds it with {@link java.util.ServiceLoader}: in
 * the module {@code seriatim-cluster}.
 */
public interface ClusterProvider {
  /**
   * What the program was told.
   *
   * @param host where other hosts reach this one's membership
   * @param port the port of that
   * @param listen where this host serves stubs
   * @param advertise where other hosts reach that; null if nothing was said
   * @param weight 0 for a host without objects, 1 for all others
   * @param edgeQueue what may be kept for stubs; null if nothing was said
   * @param peers what other hosts are called with; null if they are called in the clear
   * @param membershipTls what the hosts' memberships show each other; null if they speak in the
   *     clear
   * @param version of the program
   */
  record Options(
      String host,
      int port,
      InetSocketAddress listen,
      @Nullable String advertise,
      int weight,
      Duration routingPatience,
      Duration handOffLimit,
      Duration lostPatience,
      Duration trunkPatience,
      Duration leaveLimit,
      @Nullable Integer trunksPerHost,
      HostLimits.@Nullable QueueSize edgeQueue,
      @Nullable ChannelCredentials peers,
      @Nullable MembershipTls membershipTls,
      String version) {}

  /** Files in PEM: a host's certificate, its key, and who issued the certificates of all hosts. */
  record MembershipTls(Path certificate, Path key, Path authority) {}

  /**
   * Makes it.
   *
   * @throws IllegalArgumentException if the options are none; it says what was expected
   */
  Cluster make(Options options);
}
