package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.typesafe.config.ConfigFactory;
import dev.seriatim.service.storage.Slots;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Hosts with real memberships over a store in memory. */
final class SlotClusterTest {
  private static final int ALL = Slots.COUNT;

  private static final String STABLE_AFTER = "pekko.cluster.split-brain-resolver.stable-after";

  private final FakeStore store = new FakeStore();
  private final List<TestHost> hosts = new ArrayList<>();

  @AfterEach
  void close() {
    hosts.forEach(TestHost::close);
    store.close();
  }

  @Test
  void slotsGoToWhoJoinsAndComeBackFromWhoLeaves() throws Exception {
    TestHost one = start("one", 1);
    one.awaitRoutes(ALL, one);
    assertThat(one.slots()).isEqualTo(ALL);
    assertThat(requireNonNull(one.cluster().routes().host(7)).announcement().address())
        .isEqualTo("at-one");

    TestHost edge = start("edge", 0);
    edge.awaitRoutes(ALL, one);
    assertThat(edge.slots()).isEqualTo(0);

    TestHost two = start("two", 1);
    TestHost.await("an even share for host two", () -> two.slots() >= ALL / 2 - 20);
    int share = two.slots();
    for (TestHost host : hosts) {
      TestHost.await(
          "routes of " + host.name() + " to both",
          () -> host.routesTo(one) + host.routesTo(two) == ALL && host.routesTo(two) >= share);
    }

    assertThat(one.cluster().leave()).isTrue();
    two.awaitSlots(ALL);
    edge.awaitRoutes(ALL, two);
    assertThat(store.owned()).doesNotContainKey("one");

    assertThat(two.cluster().leave()).isTrue();
    assertThat(store.owned()).isEmpty();
  }

  @Test
  void hostsThatLeaveAtTheSameTimeDoNotWaitForEachOther() throws Exception {
    TestHost one = start("one", 1);
    TestHost two = start("two", 1);
    TestHost.await("slots for both", () -> one.slots() > 0 && two.slots() > 0);
    TestHost edge = start("edge", 0);
    TestHost.await("routes to both", () -> edge.routesTo(one) + edge.routesTo(two) == ALL);

    CompletableFuture<Boolean> first = leaving(one);
    CompletableFuture<Boolean> second = leaving(two);

    TestHost.await("nobody to have a slot", () -> store.owned().isEmpty());
    assertThat(first.get()).isTrue();
    assertThat(second.get()).isTrue();
  }

  private static CompletableFuture<Boolean> leaving(TestHost host) {
    CompletableFuture<Boolean> left = new CompletableFuture<>();
    Thread _ =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    left.complete(host.cluster().leave());
                  } catch (InterruptedException | RuntimeException e) {
                    left.completeExceptionally(e);
                  }
                });
    return left;
  }

  @Test
  void slotsOfADeadHostComeToAnother() throws Exception {
    // The founder, so that Pekko's coordinator dies, too.
    TestHost one = start("one", 1);
    one.awaitRoutes(ALL, one);
    TestHost two = start("two", 1);
    // None is on its way when the host dies, so that what it knows of its own stays true.
    two.awaitSlots(ALL / 2);
    two.awaitRoutes(ALL / 2, two);

    store.kill("one");
    one.close();
    store.bury("one");

    two.awaitSlots(ALL);
    two.awaitRoutes(ALL, two);
  }

  /** Those that were there are still in the store when the next one starts, and answer nobody. */
  @Test
  void whoStartsWhenAllAreDeadFoundsTheClusterAnew() throws Exception {
    TestHost one = start("one", 1);
    TestHost two = start("two", 1);
    two.awaitSlots(ALL / 2);
    for (TestHost host : List.of(one, two)) {
      store.kill(host.name());
      host.close();
    }

    TestHost three = new TestHost(store.join("three"), 1).start();
    hosts.add(three);
    assertThat(three.cluster().isUp()).isFalse();
    store.bury("one");
    store.bury("two");

    three.awaitUp();
    three.awaitSlots(ALL);
    three.awaitRoutes(ALL, three);
  }

  @Test
  void aHostThatOnlyTheStoreCanSeeIsDownedByTheOther() throws Exception {
    System.setProperty(STABLE_AFTER, "2 s");
    ConfigFactory.invalidateCaches();
    try {
      TestHost one = start("one", 1);
      one.awaitRoutes(ALL, one);
      TestHost two = start("two", 1);

      // Ends without a word. Its row is still there, and what it had is given up.
      one.cluster().close();

      // First, since it is given back after a while.
      TestHost.await("the lease for host two", () -> "two".equals(store.lease("split")));
      two.awaitSlots(ALL);
      two.awaitRoutes(ALL, two);
    } finally {
      System.clearProperty(STABLE_AFTER);
      ConfigFactory.invalidateCaches();
    }
  }

  @Test
  void aHostThatWasBuriedComesBack() throws Exception {
    TestHost one = start("one", 1);
    one.awaitRoutes(ALL, one);
    TestHost two = start("two", 1);
    TestHost.await("some slots at host two", () -> two.slots() > 0);

    store.bury("two");

    TestHost.await("host two down", () -> !two.cluster().isUp());
    two.awaitUp();
    for (TestHost host : hosts) {
      TestHost.await(
          "routes of " + host.name() + " to both, and slots at two",
          () -> host.routesTo(one) + host.routesTo(two) == ALL && two.slots() > 0);
    }
  }

  /** As after a crash that a supervisor answers at once: the dead one is still a member. */
  @Test
  void aHostThatStartsAgainAtTheSameAddressJoinsAtOnce() throws Exception {
    TestHost one = start("one", 1);
    int port = FreePort.next();
    TestHost two = start(new TestHost(store.join("two"), 0, port));
    store.kill("two");
    two.close();

    TestHost again = new TestHost(store.join("two-again"), 1, port).start();
    hosts.add(again);

    again.awaitUp();
    assertThat(again.clusterPort()).isEqualTo(port);
    TestHost.await(
        "routes to both, and slots at both",
        () -> again.slots() > 0 && again.routesTo(one) + again.routesTo(again) == ALL);
  }

  private TestHost start(String name, int weight) throws InterruptedException {
    return start(new TestHost(store.join(name), weight));
  }

  private TestHost start(TestHost host) throws InterruptedException {
    var _ = host.start();
    hosts.add(host);
    host.awaitUp();
    return host;
  }
}
