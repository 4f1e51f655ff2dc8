package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import dev.seriatim.service.storage.Slots;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Hosts with real memberships over a store in memory. */
final class SlotClusterTest {
  private static final int ALL = Slots.COUNT;

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
    said("the founder has all slots");

    TestHost edge = start("edge", 0);
    edge.awaitRoutes(ALL, one);
    assertThat(edge.slots()).isEqualTo(0);
    said("the edge knows all slots");

    TestHost two = start("two", 1);
    TestHost.await("an even share for host two", () -> two.slots() >= ALL / 2 - 20);
    said("the second host has its share");
    int share = two.slots();
    for (TestHost host : hosts) {
      TestHost.await(
          "routes of " + host.name() + " to both",
          () -> host.routesTo(one) + host.routesTo(two) == ALL && host.routesTo(two) >= share);
    }

    assertThat(one.cluster().leave()).isTrue();
    said("the first host has left");
    two.awaitSlots(ALL);
    edge.awaitRoutes(ALL, two);
    said("the second host has all slots");
    assertThat(store.owned()).doesNotContainKey("one");

    assertThat(two.cluster().leave()).isTrue();
    said("the last host has left");
    assertThat(store.owned()).isEmpty();
  }

  @Test
  void slotsOfADeadHostComeToAnother() throws Exception {
    TestHost one = start("one", 1);
    TestHost two = start("two", 1);
    TestHost.await("an even share for both", () -> isEven(one, two));
    said("both have slots");

    // The founder, so that Pekko's coordinator dies, too.
    store.kill("one");
    one.close();
    store.bury("one");

    two.awaitSlots(ALL);
    two.awaitRoutes(ALL, two);
    said("the other has all slots");
  }

  @Test
  void aHostThatWasBuriedComesBack() throws Exception {
    TestHost one = start("one", 1);
    TestHost two = start("two", 1);
    TestHost.await("an even share for both", () -> isEven(one, two));
    said("both have slots");

    store.bury("two");

    TestHost.await("host two is down", () -> !two.cluster().isUp());
    said("the second is down");
    two.awaitUp();
    said("the second is up again");
    TestHost.await("an even share for both again", () -> isEven(one, two));
    said("both have slots again");
  }

  private static boolean isEven(TestHost one, TestHost two) {
    return one.slots() + two.slots() == ALL && Math.abs(one.slots() - two.slots()) <= 40;
  }

  private TestHost start(String name, int weight) throws InterruptedException {
    TestHost host = new TestHost(store.join(name), weight).start();
    hosts.add(host);
    host.awaitUp();
    said(name + " is up");
    return host;
  }

  private long last = System.nanoTime();

  private void said(String what) {
    long now = System.nanoTime();
    System.err.println("TIME " + (now - last) / 1_000_000 + " ms: " + what);
    last = now;
  }
}
