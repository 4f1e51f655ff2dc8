package dev.seriatim.cluster;

import com.google.common.net.HostAndPort;
import com.google.protobuf.ByteString;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.Slots.HostRow;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A host in this process, on a free port of the loopback interface. */
final class TestHost implements AutoCloseable {
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private final Slots slots;
  private final ClaimingSlots claiming;
  private final SlotCluster cluster;

  TestHost(Slots slots, int weight) {
    this(slots, weight, 0);
  }

  TestHost(Slots slots, int weight, int port) {
    this(slots, weight, port, /* tls= */ null);
  }

  TestHost(Slots slots, int weight, int port, @Nullable MembershipTls tls) {
    this.slots = slots;
    this.claiming = new ClaimingSlots(slots);
    this.cluster =
        new SlotCluster(
            slots,
            claiming,
            new MembershipOptions(
                    "127.0.0.1",
                    port,
                    new Announcement(
                        "at-" + slots.host(),
                        "",
                        "1.0.0",
                        List.of(),
                        /* leaving= */ false,
                        ByteString.copyFromUtf8(slots.host())))
                .withWeight(weight)
                .withTls(tls)
                .withRebalanceInterval(Duration.ofMillis(250)));
  }

  TestHost start() {
    var _ = cluster.start();
    return this;
  }

  String name() {
    return slots.host();
  }

  SlotCluster cluster() {
    return cluster;
  }

  /** The port of its membership, as its row says. */
  int clusterPort() throws InterruptedException {
    await("the address of " + name(), () -> !clusterAddress().isEmpty());
    return HostAndPort.fromString(clusterAddress()).getPort();
  }

  private String clusterAddress() {
    return slots.hosts().stream()
        .filter(row -> row.host().equals(name()))
        .map(row -> row.announcement().clusterAddress())
        .findFirst()
        .orElse("");
  }

  /** How many slots this host knows at that one. */
  int routesTo(TestHost host) {
    return (int)
        IntStream.range(0, Slots.COUNT)
            .filter(
                slot -> {
                  HostRow row = cluster.routes().host(slot);
                  return row != null && row.host().equals(host.name());
                })
            .count();
  }

  /** How many slots this host has, as the store says. */
  int slots() {
    return (int) IntStream.range(0, Slots.COUNT).filter(slots::has).count();
  }

  void awaitUp() throws InterruptedException {
    await("host " + name() + " up", cluster::isUp);
  }

  void awaitSlots(int count) throws InterruptedException {
    await(
        "host " + name() + " with " + count + " slots, it has " + slots(), () -> slots() == count);
  }

  /** Waits until this host knows that many slots at that one. */
  void awaitRoutes(int count, TestHost host) throws InterruptedException {
    await(
        "host " + name() + " with " + count + " routes to " + host.name(),
        () -> routesTo(host) == count);
  }

  static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long start = System.nanoTime();
    Object monitor = new Object();
    synchronized (monitor) {
      while (!condition.getAsBoolean()) {
        if (System.nanoTime() - start > LONGEST.toNanos()) {
          throw new AssertionError(what + ": never came");
        }
        monitor.wait(10);
      }
    }
  }

  @Override
  public void close() {
    cluster.close();
    claiming.close();
  }
}
