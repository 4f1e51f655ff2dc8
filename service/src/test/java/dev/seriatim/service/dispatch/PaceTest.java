package dev.seriatim.service.dispatch;

import static com.google.common.truth.Truth.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

final class PaceTest {
  private final Pace pace = new Pace();

  private void turns(int count, Duration each) {
    for (int i = 0; i < count; i++) {
      pace.took(each.toNanos());
    }
  }

  private void turnsAreShort() {
    turns(10_000, Duration.ofNanos(500));
    assertThat(pace.isShort()).isTrue();
  }

  @Test
  void aNewMethodHasToProveItself() {
    assertThat(pace.isShort()).isFalse();
    turns(50, Duration.ZERO);
    assertThat(pace.isShort()).isFalse();
    turns(1, Duration.ZERO);
    assertThat(pace.isShort()).isTrue();
  }

  @Test
  void aMethodOfLongTurnsNeverGetsThere() {
    turns(100_000, Duration.ofNanos(21_000));
    assertThat(pace.isShort()).isFalse();
  }

  @Test
  void onePauseIsForgiven() {
    turnsAreShort();
    turns(1, Duration.ofMillis(4));
    assertThat(pace.isShort()).isTrue();
  }

  @Test
  void longTurnsAreNot() {
    turnsAreShort();
    turns(6, Duration.ofMillis(1));
    assertThat(pace.isShort()).isFalse();
  }

  @Test
  void aVeryLongTurnIsRememberedButNotForEver() {
    turnsAreShort();
    turns(1, Duration.ofDays(1));
    turns(1_000, Duration.ZERO);
    assertThat(pace.isShort()).isFalse();
    turns(1, Duration.ZERO);
    assertThat(pace.isShort()).isTrue();
  }

  @Test
  void aMethodThatIsLongNowAndThenIsLongOnTheWhole() {
    turnsAreShort();
    for (int i = 0; i < 1_000; i++) {
      turns(20, Duration.ofNanos(500));
      turns(1, Duration.ofMillis(1));
    }
    assertThat(pace.isShort()).isFalse();
  }
}
