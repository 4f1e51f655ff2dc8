package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.storage.StorageEngine;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A stub that came in at the host that has its object. */
final class LocalWayTest {
  private final FakeStore store = new FakeStore();
  private final FakeStore.FakeSlots slots = store.join("one");
  private final ObjectDirectory directory =
      new ObjectDirectory(
          new Namespaces(Map.of(OneStub.NAMESPACE.name(), OneStub.NAMESPACE)),
          HostLimits.defaults(),
          StorageEngine.open(StorageOptions.memory()),
          System::nanoTime,
          /* tracer= */ null);

  @AfterEach
  void close() {
    directory.close();
    store.close();
  }

  /**
   * A client that reads as soon as its session has found that it doesn't, and says so on another
   * thread before the session is there that was to hear it.
   */
  private static final class ReadsAMomentLater {
    private @Nullable OneStub stub;
    private boolean asked;
    private volatile boolean reads;

    boolean reads() {
      if (!asked) {
        asked = true;
        CompletableFuture<Boolean> said = new CompletableFuture<>();
        Thread.ofVirtual()
            .start(
                () -> {
                  reads = true;
                  requireNonNull(stub).relay().input().onReady();
                  said.complete(true);
                });
        try {
          return !said.get(60, TimeUnit.SECONDS); // As it was when it was asked.
        } catch (TimeoutException e) {
          throw new AssertionError("never came: the relay has heard that its client reads", e);
        } catch (ExecutionException | InterruptedException e) {
          throw new AssertionError(e);
        }
      }
      return reads;
    }
  }

  @Test
  void aSessionHearsThatItsClientReadsThoughItWasSaidWhileTheWayWasOpened() throws Exception {
    directory.drain(); // So that a session has something to say when it is opened.
    ReadsAMomentLater client = new ReadsAMomentLater();
    OneStub stub =
        new OneStub(
            relay -> new LocalWay(relay, directory, slots, /* onClientsThread= */ false),
            client::reads);
    client.stub = stub;
    stub.relay().begin();
    assertWithMessage("whether the session has looked whether its client reads")
        .that(client.asked)
        .isTrue();
    Status end = requireNonNull(stub.end(), "the stub's end");
    assertThat(end.getMessage()).contains("the host is shutting down");
    assertWithMessage("whether the edge knows the stub").that(stub.isKnown()).isFalse();
  }
}
