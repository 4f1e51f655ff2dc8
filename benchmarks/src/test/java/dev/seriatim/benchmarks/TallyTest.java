package dev.seriatim.benchmarks;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.benchmarks.Tally.Finding;
import org.junit.jupiter.api.Test;

final class TallyTest {
  private final Tally tally = new Tally();

  private void count(long... sums) {
    for (long sum : sums) {
      assertThat(tally.answered(sum)).isEqualTo(Finding.RIGHT);
    }
  }

  @Test
  void answersThatFollowEachOtherAreRight() {
    count(1, 2, 3);
  }

  @Test
  void anAnswerThatWasGivenBeforeShowsThatOneIsLost() {
    count(1, 2, 3);
    assertThat(tally.answered(3)).isEqualTo(Finding.LOST);
    count(4, 5); // It is told once.
  }

  @Test
  void anAnswerThatSkipsOneShowsThatOneCountsTwice() {
    count(1, 2, 3);
    assertThat(tally.answered(5)).isEqualTo(Finding.DOUBLED);
    count(6, 7);
  }

  @Test
  void anUnknownCallMayHaveBeenCountedOnce() {
    count(1);
    tally.lostSight();
    count(3, 4);
    assertThat(tally.answered(6)).isEqualTo(Finding.DOUBLED);
  }

  @Test
  void anUnknownCallMayBeCountedLater() {
    count(1);
    tally.lostSight();
    tally.lostSight();
    count(2, 4, 5, 7);
    assertThat(tally.answered(9)).isEqualTo(Finding.DOUBLED);
  }

  @Test
  void anUnknownCallIsNotCountedWhenAllIsSettled() {
    count(1);
    tally.lostSight();
    count(2);
    tally.settle();
    count(3);
    assertThat(tally.answered(5)).isEqualTo(Finding.DOUBLED);
  }

  @Test
  void anUnknownCallHidesNoneThatIsLost() {
    count(1, 2);
    tally.lostSight();
    assertThat(tally.answered(2)).isEqualTo(Finding.LOST);
  }

  @Test
  void aCallThatIsCompletedWithoutItsSumIsCounted() {
    count(1);
    tally.completed();
    count(3);
    tally.completed();
    assertThat(tally.answered(4)).isEqualTo(Finding.LOST);
  }
}
