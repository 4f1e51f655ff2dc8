package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;

import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How many connections are accepted before those that were are taken in. */
final class PacedAcceptsTest {
  private static final int MOST = 8;

  private final PacedAccepts accepts = new PacedAccepts(2);
  private final ChannelInboundHandlerAdapter handler = new ChannelInboundHandlerAdapter();
  private final EmbeddedChannel listening = new EmbeddedChannel(handler);
  private final ChannelHandlerContext context = listening.pipeline().context(handler);
  private final List<Runnable> accepted = new ArrayList<>();

  PacedAcceptsTest() {
    listening.freezeTime();
  }

  @AfterEach
  void close() {
    listening.finishAndReleaseAll();
  }

  private void accept(int count) {
    for (int i = 0; i < count; i++) {
      accepted.add(accepts.accept(context));
    }
  }

  private void takeIn(int from, int to) {
    accepted.subList(from, to).forEach(Runnable::run);
    listening.runPendingTasks();
  }

  private void advance(int millis) {
    listening.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
    listening.runScheduledPendingTasks();
  }

  private boolean accepts() {
    return listening.config().isAutoRead();
  }

  @Test
  void itWaitsUntilAllThatWereAcceptedAreTakenIn() {
    accept(MOST - 1);
    assertThat(accepts()).isTrue();
    accept(1);
    assertThat(accepts()).isFalse();
    takeIn(0, MOST - 1);
    assertThat(accepts()).isFalse();
    takeIn(MOST - 1, MOST);
    assertThat(accepts()).isTrue();
  }

  @Test
  void whatIsTakenInAtOnceNeverMakesItWait() {
    for (int i = 0; i < 5 * MOST; i++) {
      accept(1);
      takeIn(i, i + 1);
      assertThat(accepts()).isTrue();
    }
  }

  @Test
  void aThreadThatIsHeldMakesItWaitForAMomentOnly() {
    accept(MOST);
    takeIn(1, MOST);
    advance(19);
    assertThat(accepts()).isFalse();
    advance(1);
    assertThat(accepts()).isTrue();
    // It doesn't count any more, neither while it is held nor when it isn't.
    accept(MOST - 1);
    assertThat(accepts()).isTrue();
    takeIn(0, 1);
    accept(1);
    assertThat(accepts()).isFalse();
    takeIn(MOST, 2 * MOST);
    assertThat(accepts()).isTrue();
  }

  @Test
  void thePatienceOfAnEarlierPauseDoesntEndALaterOne() {
    accept(MOST);
    advance(15);
    takeIn(0, MOST);
    assertThat(accepts()).isTrue();
    accept(MOST);
    advance(10);
    assertThat(accepts()).isFalse();
  }
}
