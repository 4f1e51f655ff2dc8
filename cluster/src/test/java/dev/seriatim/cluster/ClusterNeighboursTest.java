package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import dev.seriatim.service.storage.Slots.HostRow;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The channels to the other hosts. */
final class ClusterNeighboursTest {
  private static final HostRow ONE = RoutingTableTest.row("one", "127.0.0.1:1");
  private static final HostRow TWO = RoutingTableTest.row("two", "127.0.0.1:2");

  private final FakeStore store = new FakeStore();
  private final Map<String, Shut> channels = new LinkedHashMap<>();

  /** Whether another thread could use the neighbours, for each channel that was shut down. */
  private final List<Boolean> free = new ArrayList<>();

  private final ClusterNeighbours neighbours =
      new ClusterNeighbours(
          store.join("self"), new Nowhere(), this::channel, Duration.ofSeconds(10));

  ClusterNeighboursTest() {
    store.join("one").announce(ONE.announcement());
    store.join("two").announce(TWO.announcement());
  }

  @AfterEach
  void close() {
    channels.values().forEach(channel -> channel.delegate.shutdownNow());
    store.close();
  }

  private ManagedChannel channel(String address) {
    Shut made = new Shut(NettyChannelBuilder.forTarget(address).usePlaintext().build());
    channels.put(address, made);
    return made;
  }

  /** Knows where no object is. */
  private static final class Nowhere implements Routes {
    @Override
    public @Nullable HostRow host(int slot) {
      return null;
    }

    @Override
    public void ask(int slot) {}

    @Override
    public void wrong(int slot, HostRow host) {}

    @Override
    public void listen(Listener listener) {}
  }

  /**
   * A channel that is shut down may have the calling thread tell calls that they have ended, and
   * whoever is told may wait for another thread that uses the neighbours.
   */
  private final class Shut extends ManagedChannel {
    private final ManagedChannel delegate;

    private Shut(ManagedChannel delegate) {
      this.delegate = delegate;
    }

    private void whileItIsShutDown() {
      CompletableFuture<Boolean> other = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(
              () -> {
                neighbours.keep(List.of(TWO));
                other.complete(true);
              });
      try {
        free.add(other.get(60, TimeUnit.SECONDS));
      } catch (TimeoutException e) {
        free.add(false);
      } catch (ExecutionException | InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public ManagedChannel shutdown() {
      whileItIsShutDown();
      delegate.shutdown();
      return this;
    }

    @Override
    public ManagedChannel shutdownNow() {
      whileItIsShutDown();
      delegate.shutdownNow();
      return this;
    }

    @Override
    public boolean isShutdown() {
      return delegate.isShutdown();
    }

    @Override
    public boolean isTerminated() {
      return delegate.isTerminated();
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
      return delegate.awaitTermination(timeout, unit);
    }

    @Override
    public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
      return delegate.newCall(method, options);
    }

    @Override
    public String authority() {
      return delegate.authority();
    }
  }

  private void assertFree(int times) {
    assertWithMessage("whether others could use the neighbours, at each shutdown")
        .that(free)
        .isEqualTo(Collections.nCopies(times, true));
  }

  private boolean isShutdown(HostRow host) {
    return requireNonNull(channels.get(host.announcement().address())).isShutdown();
  }

  @Test
  void theChannelToAHostThatIsGoneIsShutDownWithNoLockHeld() {
    assertThat(neighbours.all()).hasSize(2);
    neighbours.keep(List.of(TWO));
    assertFree(1);
    assertThat(isShutdown(ONE)).isTrue();
    assertThat(isShutdown(TWO)).isFalse();
  }

  @Test
  void allChannelsAreShutDownWithNoLockHeldAtTheEnd() {
    assertThat(neighbours.all()).hasSize(2);
    neighbours.close();
    assertFree(2);
    assertThat(isShutdown(ONE)).isTrue();
    assertThat(isShutdown(TWO)).isTrue();
  }
}
