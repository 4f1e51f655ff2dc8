package dev.seriatim.cluster;

import static com.google.common.base.Preconditions.checkArgument;

import dev.seriatim.service.HostLimits;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a host takes part in a cluster. Immutable.
 *
 * @param clusterHost where the other hosts' membership reaches this one: a name or an address
 * @param clusterPort the port of that, this host's own
 * @param advertise where the other hosts reach what this one serves, as {@code HOST:PORT}; null for
 *     {@code clusterHost} and the port on which it listens
 * @param weight 1, or 0 for a host that has no objects and only passes stubs on
 * @param routingPatience how long a stub waits while no host has its object, before it breaks with
 *     OWNER_UNAVAILABLE
 * @param handOffLimit how long a turn may go on whose object goes to another host
 * @param lostPatience how long what an owner has said may be on its way, after it has lost the
 *     object
 * @param leaveLimit how long a host that shuts down has to hand over what it has
 * @param trunksPerHost how many connections lead to each other host
 * @param edgeQueue what may be kept for stubs until it is answered; null for as much as the host
 *     may have queued
 * @param peerCredentials how other hosts are called
 * @param version of this host's program
 */
public record JoinOptions(
    String clusterHost,
    int clusterPort,
    @Nullable String advertise,
    int weight,
    Duration routingPatience,
    Duration handOffLimit,
    Duration lostPatience,
    Duration leaveLimit,
    int trunksPerHost,
    HostLimits.@Nullable QueueSize edgeQueue,
    ChannelCredentials peerCredentials,
    String version) {
  /** Where a host's membership is reached if nothing is said. */
  public static final int DEFAULT_PORT = 25520;

  /** Checks them. */
  public JoinOptions {
    checkArgument(!clusterHost.isEmpty(), "clusterHost: '', expected a name or an address");
    checkArgument(
        clusterPort >= 0 && clusterPort <= 65535,
        "clusterPort: %s, expected 0 to 65535",
        clusterPort);
    checkArgument(weight == 0 || weight == 1, "weight: %s, expected 0 or 1", weight);
    checkArgument(trunksPerHost >= 1, "trunksPerHost: %s, expected at least 1", trunksPerHost);
    checkPositive("routingPatience", routingPatience);
    checkPositive("handOffLimit", handOffLimit);
    checkPositive("lostPatience", lostPatience);
    checkPositive("leaveLimit", leaveLimit);
  }

  private static void checkPositive(String name, Duration value) {
    checkArgument(value.isPositive(), "%s: %s, expected more than nothing", name, value);
  }

  /** Every default, at this place. */
  public static JoinOptions at(String clusterHost, int clusterPort) {
    return new JoinOptions(
        clusterHost,
        clusterPort,
        /* advertise= */ null,
        /* weight= */ 1,
        /* routingPatience= */ Duration.ofSeconds(8),
        /* handOffLimit= */ Duration.ofSeconds(2),
        /* lostPatience= */ Duration.ofSeconds(2),
        /* leaveLimit= */ Duration.ofSeconds(20),
        Math.min(4, Runtime.getRuntime().availableProcessors()),
        /* edgeQueue= */ null,
        InsecureChannelCredentials.create(),
        "0");
  }

  /** The same, reached by the other hosts at this address. */
  public JoinOptions withAdvertise(String address) {
    return new JoinOptions(
        clusterHost,
        clusterPort,
        address,
        weight,
        routingPatience,
        handOffLimit,
        lostPatience,
        leaveLimit,
        trunksPerHost,
        edgeQueue,
        peerCredentials,
        version);
  }

  /** The same, with this weight. */
  public JoinOptions withWeight(int other) {
    return new JoinOptions(
        clusterHost,
        clusterPort,
        advertise,
        other,
        routingPatience,
        handOffLimit,
        lostPatience,
        leaveLimit,
        trunksPerHost,
        edgeQueue,
        peerCredentials,
        version);
  }

  /** The same, with this patience while no host has an object. */
  public JoinOptions withRoutingPatience(Duration patience) {
    return new JoinOptions(
        clusterHost,
        clusterPort,
        advertise,
        weight,
        patience,
        handOffLimit,
        lostPatience,
        leaveLimit,
        trunksPerHost,
        edgeQueue,
        peerCredentials,
        version);
  }

  /** The same, with this limit on turns whose object moves. */
  public JoinOptions withHandOffLimit(Duration limit) {
    return new JoinOptions(
        clusterHost,
        clusterPort,
        advertise,
        weight,
        routingPatience,
        limit,
        lostPatience,
        leaveLimit,
        trunksPerHost,
        edgeQueue,
        peerCredentials,
        version);
  }

  /** The same, with so many connections to each other host. */
  public JoinOptions withTrunksPerHost(int trunks) {
    return new JoinOptions(
        clusterHost,
        clusterPort,
        advertise,
        weight,
        routingPatience,
        handOffLimit,
        lostPatience,
        leaveLimit,
        trunks,
        edgeQueue,
        peerCredentials,
        version);
  }

  /** The same, calling the other hosts with these credentials. */
  public JoinOptions withPeerCredentials(ChannelCredentials credentials) {
    return new JoinOptions(
        clusterHost,
        clusterPort,
        advertise,
        weight,
        routingPatience,
        handOffLimit,
        lostPatience,
        leaveLimit,
        trunksPerHost,
        edgeQueue,
        credentials,
        version);
  }

  HostLimits.QueueSize edgeQueue(HostLimits limits) {
    return edgeQueue == null ? limits.hostQueue() : edgeQueue;
  }

  String advertised(int port) {
    return advertise == null ? clusterHost + ":" + port : advertise;
  }
}
