package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;

import io.grpc.netty.shaded.io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How many connections are accepted before those that were are taken in. */
final class PacedAcceptsTest {
  private static final int MOST = 8;

  private final EmbeddedChannel listening = new EmbeddedChannel(new PacedAccepts(2));
  private final List<EmbeddedChannel> accepted = new ArrayList<>();

  PacedAcceptsTest() {
    listening.freezeTime();
  }

  @AfterEach
  void close() {
    accepted.forEach(EmbeddedChannel::finishAndReleaseAll);
  }

  private void accept(int count) {
    for (int i = 0; i < count; i++) {
      EmbeddedChannel channel = new EmbeddedChannel();
      accepted.add(channel);
      listening.pipeline().fireChannelRead(channel);
    }
  }

  /** Their threads do what they have to. */
  private void takeIn(int from, int to) {
    accepted.subList(from, to).forEach(EmbeddedChannel::runPendingTasks);
    listening.runPendingTasks();
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
    listening.advanceTimeBy(19, TimeUnit.MILLISECONDS);
    listening.runScheduledPendingTasks();
    assertThat(accepts()).isFalse();
    listening.advanceTimeBy(1, TimeUnit.MILLISECONDS);
    listening.runScheduledPendingTasks();
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
    listening.advanceTimeBy(15, TimeUnit.MILLISECONDS);
    takeIn(0, MOST);
    assertThat(accepts()).isTrue();
    accept(MOST);
    listening.advanceTimeBy(10, TimeUnit.MILLISECONDS);
    listening.runScheduledPendingTasks();
    assertThat(accepts()).isFalse();
  }

  @Test
  void aConnectionThatIsClosedAtOnceDoesntCount() {
    for (int i = 0; i < 2 * MOST; i++) {
      EmbeddedChannel channel = new EmbeddedChannel();
      var _ = channel.close();
      listening.pipeline().fireChannelRead(channel);
    }
    assertThat(accepts()).isTrue();
  }
}
