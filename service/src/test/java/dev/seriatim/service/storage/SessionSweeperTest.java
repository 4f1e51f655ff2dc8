package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When expired sessions are removed, and how many at once. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SessionSweeperTest {
  private static final long QUICK = Duration.ofMillis(1).toNanos();
  private static final long SLOW = Duration.ofSeconds(1).toNanos();
  private static final long PAUSE = Duration.ofMinutes(1).toNanos();

  private final SweepPace pace = new SweepPace();

  @Test
  void onceAMinuteIfThereAreFew() {
    assertThat(pace.pauseAfter(0, QUICK)).isEqualTo(PAUSE);
    assertThat(pace.pauseAfter(pace.most() - 1, QUICK)).isEqualTo(PAUSE);
  }

  @Test
  void inATenthOfTheTimeIfThereAreMany() {
    assertThat(pace.pauseAfter(pace.most(), QUICK)).isEqualTo(9 * QUICK);
    assertThat(pace.pauseAfter(pace.most(), SLOW)).isEqualTo(9 * SLOW);
  }

  @Test
  void moreAtOnceAsLongAsThatIsQuickAndFewerWhenItIsNot() {
    for (int i = 0; i < 20; i++) {
      long _ = pace.pauseAfter(pace.most(), QUICK);
    }
    assertThat(pace.most()).isEqualTo(1_000);
    long _ = pace.pauseAfter(pace.most(), SLOW);
    assertThat(pace.most()).isEqualTo(500);
    for (int i = 0; i < 20; i++) {
      long _ = pace.pauseAfter(pace.most(), SLOW);
    }
    assertThat(pace.most()).isEqualTo(1);
    long _ = pace.pauseAfter(1, QUICK);
    assertThat(pace.most()).isEqualTo(2);
  }

  @Test
  void goesOnAfterAFailureAndUntilItIsClosed() throws InterruptedException {
    LinkedBlockingQueue<Integer> sweeps = new LinkedBlockingQueue<>();
    try (SessionSweeper sweeper =
        new SessionSweeper(
            most -> {
              sweeps.add(most);
              throw new SQLException("the store is away");
            },
            Duration.ofMillis(1))) {
      sweeper.start();
      for (int i = 0; i < 3; i++) {
        assertWithMessage("a sweep within 30 s")
            .that(sweeps.poll(30, TimeUnit.SECONDS))
            .isEqualTo(50);
      }
    }
  }
}
