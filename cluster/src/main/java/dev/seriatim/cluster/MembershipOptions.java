package dev.seriatim.cluster;

import dev.seriatim.service.storage.Slots;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How this host takes part in a cluster.
 *
 * @param host where the others reach its membership; it listens there, too
 * @param port the port for that; 0 takes a free one
 * @param weight 1 for a host that has slots; 0 for one that has none, and only passes stubs on
 * @param announcement gives, from the start on, what the others are to know of this host; its
 *     cluster address and whether it is leaving are filled in here
 * @param leaveLimit how long it may take to hand all slots over when the host leaves
 * @param rebalanceInterval how often slots are moved, half of a surplus at a time, to where fewer
 *     are
 * @param tls what hosts show each other; null if their memberships speak in the clear
 */
record MembershipOptions(
    String host,
    int port,
    int weight,
    Supplier<Slots.Announcement> announcement,
    Duration leaveLimit,
    Duration rebalanceInterval,
    @Nullable MembershipTls tls) {
  static final Duration LEAVE_LIMIT = Duration.ofSeconds(30);
  static final Duration REBALANCE_INTERVAL = Duration.ofSeconds(1);

  MembershipOptions {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("port " + port + ", expected 0 to 65535");
    }
    if (weight < 0 || weight > 1) {
      throw new IllegalArgumentException("weight " + weight + ", expected 0 or 1");
    }
    if (leaveLimit.isNegative() || leaveLimit.isZero()) {
      throw new IllegalArgumentException("leaveLimit " + leaveLimit + ", expected more than 0");
    }
    if (rebalanceInterval.isNegative() || rebalanceInterval.isZero()) {
      throw new IllegalArgumentException(
          "rebalanceInterval " + rebalanceInterval + ", expected more than 0");
    }
  }

  /** With what is usual. */
  MembershipOptions(String host, int port, Slots.Announcement announcement) {
    this(host, port, 1, () -> announcement, LEAVE_LIMIT, REBALANCE_INTERVAL, /* tls= */ null);
  }

  MembershipOptions withWeight(int other) {
    return new MembershipOptions(
        host, port, other, announcement, leaveLimit, rebalanceInterval, tls);
  }

  MembershipOptions withLeaveLimit(Duration other) {
    return new MembershipOptions(host, port, weight, announcement, other, rebalanceInterval, tls);
  }

  MembershipOptions withRebalanceInterval(Duration other) {
    return new MembershipOptions(host, port, weight, announcement, leaveLimit, other, tls);
  }

  MembershipOptions withTls(@Nullable MembershipTls other) {
    return new MembershipOptions(
        host, port, weight, announcement, leaveLimit, rebalanceInterval, other);
  }
}
