package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.StorageEngine;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hosts with real memberships over one PostgreSQL. */
final class PostgresClusterTest {
  private static final int ALL = Slots.COUNT;

  private record Host(StorageEngine engine, TestHost host) {
    void close() {
      host.close();
      engine.close();
    }
  }

  @TempDir private Path home;
  private TestPostgres postgres;
  private Host one;
  private Host two;

  @BeforeEach
  void open() throws Exception {
    postgres = TestPostgres.start(home);
    one = host();
    two = host();
  }

  @AfterEach
  void close() throws Exception {
    one.close();
    two.close();
    postgres.close();
  }

  private Host host() {
    StorageEngine engine =
        StorageEngine.open(
            StorageOptions.postgres(postgres.url())
                .withLease(Duration.ofSeconds(60), Duration.ofSeconds(1))
                .withSharedSlots());
    return new Host(engine, new TestHost(engine.slots(), 1));
  }

  /** Two that start at the same moment make one cluster, not two. */
  @Test
  void hostsShareTheSlotsAndHandThemOver() throws Exception {
    CountDownLatch started = new CountDownLatch(2);
    for (Host each : new Host[] {one, two}) {
      Thread.ofVirtual()
          .start(
              () -> {
                each.host().start();
                started.countDown();
              });
    }
    assertThat(started.await(60, TimeUnit.SECONDS)).isTrue();
    one.host().awaitUp();
    two.host().awaitUp();
    for (TestHost each : new TestHost[] {one.host(), two.host()}) {
      TestHost.await(
          "routes of " + each.name() + " to both, and slots at both",
          () ->
              each.routesTo(one.host()) + each.routesTo(two.host()) == ALL
                  && one.host().slots() > 32
                  && two.host().slots() > 32);
    }

    assertThat(one.host().cluster().leave()).isTrue();

    two.host().awaitSlots(ALL);
    two.host().awaitRoutes(ALL, two.host());
    assertThat(one.host().slots()).isEqualTo(0);
  }
}
