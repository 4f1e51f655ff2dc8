package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import dev.seriatim.service.storage.Slots.HostRow;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class TrunksTest {
  private final List<ManagedChannel> channels = new ArrayList<>();

  /** Whether another thread could have a trunk, for each call that was started. */
  private final List<Boolean> free = new ArrayList<>();

  private final Trunks trunks = new Trunks(this::channel, 1, Duration.ofSeconds(10));

  @AfterEach
  void close() {
    trunks.close();
    channels.forEach(ManagedChannel::shutdownNow);
  }

  private ManagedChannel channel(String address) {
    ManagedChannel made =
        NettyChannelBuilder.forTarget(address)
            .usePlaintext()
            .directExecutor()
            .intercept(new WhileItStarts())
            .build();
    channels.add(made);
    return made;
  }

  private Trunk to(String host) {
    return requireNonNull(trunks.to(RoutingTableTest.row(host, "127.0.0.1:1"), 0), host);
  }

  /** What a channel does on the thread that starts a call may wait for what that thread holds. */
  private final class WhileItStarts implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      CompletableFuture<@Nullable Trunk> other = new CompletableFuture<>();
      HostRow row = RoutingTableTest.row("other", "127.0.0.1:1");
      Thread.ofVirtual().start(() -> other.complete(trunks.to(row, 0)));
      try {
        free.add(other.get(60, TimeUnit.SECONDS) != null);
      } catch (TimeoutException e) {
        free.add(false);
      } catch (Exception e) {
        throw new AssertionError(e);
      }
      return next.newCall(method, options);
    }
  }

  @Test
  void aTrunkIsStartedWithNoLockHeld() {
    Trunk trunk = to("one");
    assertWithMessage("whether others could have a trunk, at each start").that(free).isEmpty();
    assertThat(trunk.beat()).isFalse();
    assertWithMessage("whether others could have a trunk, at each start")
        .that(free)
        .containsExactly(true);
  }

  /** The trunk ends by itself between the beat that finds it silent and its being given up. */
  @Test
  void theNextTrunkIsKeptWhenASilentOneIsGivenUpTooLate() {
    Trunk silent = to("one");
    silent.close("it has ended by itself");
    Trunk next = to("one");
    trunks.giveUp("one", 0, silent);
    assertWithMessage("whether the next trunk is over").that(next.isOver()).isFalse();
    assertThat(to("one")).isSameInstanceAs(next);
    assertWithMessage("whether the connection of both is shut down")
        .that(channels.getFirst().isShutdown())
        .isFalse();
  }

  @Test
  void aSilentTrunkIsGivenUpWithItsConnection() {
    Trunk silent = to("one");
    trunks.giveUp("one", 0, silent);
    assertThat(silent.isOver()).isTrue();
    assertThat(channels.getFirst().isShutdown()).isTrue();
    int before = channels.size();
    Trunk next = to("one");
    assertWithMessage("connections with the next one's").that(channels).hasSize(before + 1);
    trunks.giveUp("one", 0, silent); // As often as it is found silent.
    assertThat(to("one")).isSameInstanceAs(next);
    assertThat(channels.getLast().isShutdown()).isFalse();
  }

  /** The host went, and was there again, before the beat on its old trunk came to its end. */
  @Test
  void whatLeadsToAHostThatIsBackIsKeptWhenItsOldTrunkIsGivenUp() {
    Trunk silent = to("one");
    trunks.keep(List.of());
    trunks.giveUp("one", 0, silent);
    Trunk next = to("one");
    trunks.giveUp("one", 0, silent);
    assertThat(next.isOver()).isFalse();
    assertThat(to("one")).isSameInstanceAs(next);
  }

  @Test
  void oneThatIsClosedBeforeItHasStartedIsOver() {
    Trunk trunk = to("one");
    trunk.close("nobody needs it");
    assertThat(trunk.isOver()).isTrue();
    assertThat(to("one")).isNotSameInstanceAs(trunk);
  }
}
