package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.placement.Cluster.Member;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.StorageEngine;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A host that stops, while others still ask what it is. */
final class SeriatimClusterTest {
  private final FakeStore store = new FakeStore();
  private final ObjectDirectory directory =
      new ObjectDirectory(
          new Namespaces(Map.of(OneStub.NAMESPACE.name(), OneStub.NAMESPACE)),
          HostLimits.defaults(),
          StorageEngine.open(StorageOptions.memory()),
          System::nanoTime,
          /* tracer= */ null);
  private final SeriatimCluster cluster =
      new SeriatimCluster(JoinOptions.at("127.0.0.1", 0), (_, _) -> new Asked());

  /** Whether another thread was told that the host is up, while it was closed. */
  private boolean told;

  @AfterEach
  void close() {
    cluster.close();
    directory.close();
    store.close();
  }

  /** As it is closed it waits for another thread, which asks for the host's state. */
  private final class Asked implements Placer {
    private final Routes routes = new LiveRoutes();

    @Override
    public Routes routes() {
      return routes;
    }

    @Override
    public void start(Announcement announcement) {}

    @Override
    public void leave() {}

    @Override
    public boolean isUp() {
      return true;
    }

    @Override
    public void close() {
      CompletableFuture<Boolean> isUp = new CompletableFuture<>();
      Thread.ofVirtual().start(() -> isUp.complete(cluster.isUp()));
      try {
        told = isUp.get(60, TimeUnit.SECONDS);
      } catch (TimeoutException e) {
        told = false;
      } catch (ExecutionException | InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Test
  void nobodyWaitsForItsEndWhoAsksWhetherItIsUp() {
    FakeStore.FakeSlots slots = store.join("one");
    cluster.join(new Member(() -> slots, directory, HostLimits.defaults(), List.of()));
    cluster.close();
    assertWithMessage("whether another thread was told while it was closed").that(told).isTrue();
  }
}
