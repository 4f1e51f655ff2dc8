package dev.seriatim.cluster;

import static com.google.common.base.Preconditions.checkArgument;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.HostLimits.QueueSize;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** How a host takes part in a cluster. Immutable: each {@code with…} gives a changed copy. */
public final class JoinOptions {
  /** Where a host's membership is reached if nothing is said. */
  public static final int DEFAULT_PORT = 25520;

  private final String clusterHost;
  private final int clusterPort;
  private @Nullable String advertise;
  private int weight = 1;
  private Duration routingPatience = Duration.ofSeconds(8);
  private Duration handOffLimit = Duration.ofSeconds(2);
  private Duration lostPatience = Duration.ofSeconds(2);
  private Duration trunkPatience = Duration.ofSeconds(8);
  private Duration leaveLimit = Duration.ofSeconds(20);
  private int trunksPerHost = Math.min(4, Runtime.getRuntime().availableProcessors());
  private @Nullable QueueSize edgeQueue;
  private ChannelCredentials peerCredentials = InsecureChannelCredentials.create();
  private @Nullable MembershipTls membershipTls;
  private String version = "0";

  private JoinOptions(String clusterHost, int clusterPort) {
    this.clusterHost = clusterHost;
    this.clusterPort = clusterPort;
  }

  /**
   * Every default.
   *
   * @param clusterHost where the other hosts' membership reaches this one: a name or an address
   * @param clusterPort the port of that, this host's own; 0 picks a free one
   */
  public static JoinOptions at(String clusterHost, int clusterPort) {
    checkArgument(!clusterHost.isEmpty(), "clusterHost: '', expected a name or an address");
    checkArgument(
        clusterPort >= 0 && clusterPort <= 65535,
        "clusterPort: %s, expected 0 to 65535",
        clusterPort);
    return new JoinOptions(clusterHost, clusterPort);
  }

  private JoinOptions with(Consumer<JoinOptions> change) {
    JoinOptions copy = new JoinOptions(clusterHost, clusterPort);
    copy.advertise = advertise;
    copy.weight = weight;
    copy.routingPatience = routingPatience;
    copy.handOffLimit = handOffLimit;
    copy.lostPatience = lostPatience;
    copy.trunkPatience = trunkPatience;
    copy.leaveLimit = leaveLimit;
    copy.trunksPerHost = trunksPerHost;
    copy.edgeQueue = edgeQueue;
    copy.peerCredentials = peerCredentials;
    copy.membershipTls = membershipTls;
    copy.version = version;
    change.accept(copy);
    return copy;
  }

  private static Duration positive(String name, Duration value) {
    checkArgument(value.isPositive(), "%s: %s, expected more than nothing", name, value);
    return value;
  }

  /**
   * Where the other hosts reach what this one serves, as {@code HOST:PORT}. Default: the cluster's
   * host and the port on which it listens.
   */
  public JoinOptions withAdvertise(String address) {
    return with(copy -> copy.advertise = address);
  }

  /** 0 for a host that has no objects and only passes stubs on; 1, the default, for others. */
  public JoinOptions withWeight(int other) {
    checkArgument(other == 0 || other == 1, "weight: %s, expected 0 or 1", other);
    return with(copy -> copy.weight = other);
  }

  /**
   * How long a stub waits while no host has its object, before it breaks with OWNER_UNAVAILABLE.
   * Default: 8 s.
   */
  public JoinOptions withRoutingPatience(Duration patience) {
    return with(copy -> copy.routingPatience = positive("routingPatience", patience));
  }

  /**
   * How long a turn may go on whose object goes to another host; then it is cut off, and its stub
   * breaks with OBJECT_MOVED. Default: 2 s.
   */
  public JoinOptions withHandOffLimit(Duration limit) {
    return with(copy -> copy.handOffLimit = positive("handOffLimit", limit));
  }

  /**
   * How long what an owner has said may be on its way after it has lost the object; then its stubs
   * end as lost. Default: 2 s.
   */
  public JoinOptions withLostPatience(Duration patience) {
    return with(copy -> copy.lostPatience = positive("lostPatience", patience));
  }

  /**
   * How long a connection to another host may be silent; then it is given up, and stubs that it
   * carries end as lost. A host that hangs for less than its lease goes on: let it be longer.
   * Default: 8 s.
   */
  public JoinOptions withTrunkPatience(Duration patience) {
    return with(copy -> copy.trunkPatience = positive("trunkPatience", patience));
  }

  /** How long a host that shuts down has to hand over what it has. Default: 20 s. */
  public JoinOptions withLeaveLimit(Duration limit) {
    return with(copy -> copy.leaveLimit = positive("leaveLimit", limit));
  }

  /** How many connections lead to each other host. Default: one per processor, at most 4. */
  public JoinOptions withTrunksPerHost(int trunks) {
    checkArgument(trunks >= 1, "trunksPerHost: %s, expected at least 1", trunks);
    return with(copy -> copy.trunksPerHost = trunks);
  }

  /**
   * What may be kept for stubs until it is answered; a stub that would need more breaks with
   * OVERLOADED. Default: as much as the host may have queued.
   */
  public JoinOptions withEdgeQueue(QueueSize size) {
    return with(copy -> copy.edgeQueue = size);
  }

  /** How other hosts are called. Default: in the clear. */
  public JoinOptions withPeerCredentials(ChannelCredentials credentials) {
    return with(copy -> copy.peerCredentials = credentials);
  }

  /**
   * Has the hosts' memberships show each other certificates, both sides of each connection, and
   * speak TLS. All hosts of a cluster have to, or none. The files, in PEM, are read again each
   * minute. Default: in the clear.
   *
   * @param certificate the host's own; a subject or an alternative name of it must be in those of
   *     all other hosts, too
   * @param key its key: of RSA, as PKCS #8
   * @param authority the one that issued the certificates of all hosts
   * @throws IllegalArgumentException if one of the files can't be read, or the key isn't one of RSA
   */
  public JoinOptions withMembershipTls(Path certificate, Path key, Path authority) {
    MembershipTls tls = new MembershipTls(certificate, key, authority);
    return with(copy -> copy.membershipTls = tls);
  }

  /** The version of this host's program: what new slots go to first is the newest. */
  public JoinOptions withVersion(String other) {
    return with(copy -> copy.version = other);
  }

  String clusterHost() {
    return clusterHost;
  }

  int clusterPort() {
    return clusterPort;
  }

  int weight() {
    return weight;
  }

  Duration routingPatience() {
    return routingPatience;
  }

  Duration handOffLimit() {
    return handOffLimit;
  }

  Duration lostPatience() {
    return lostPatience;
  }

  Duration trunkPatience() {
    return trunkPatience;
  }

  Duration leaveLimit() {
    return leaveLimit;
  }

  int trunksPerHost() {
    return trunksPerHost;
  }

  ChannelCredentials peerCredentials() {
    return peerCredentials;
  }

  @Nullable MembershipTls membershipTls() {
    return membershipTls;
  }

  String version() {
    return version;
  }

  QueueSize edgeQueue(HostLimits limits) {
    return edgeQueue == null ? limits.hostQueue() : edgeQueue;
  }

  String advertised(int port) {
    return advertise == null ? clusterHost + ":" + port : advertise;
  }
}
