package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class HandOffsTest {
  private static final long PATIENCE = HandOffs.PATIENCE.toNanos();

  private final HandOffs handOffs = new HandOffs();
  private final List<Integer> left = new ArrayList<>();

  @Test
  void letsAFewLeaveAtATimeInOrder() {
    enter(0, HandOffs.MOST + 2);
    assertThat(left).hasSize(HandOffs.MOST);

    handOffs.given(1, 0);
    assertThat(left).hasSize(HandOffs.MOST);
    handOffs.done(1, 0);
    handOffs.done(3, 0);

    assertThat(left).hasSize(HandOffs.MOST + 2);
    assertThat(left).isInOrder();
  }

  @Test
  void doesNotWaitForeverForTurnsThatDoNotEnd() {
    enter(0, HandOffs.MOST + 1);

    handOffs.look(PATIENCE - 1);
    assertThat(left).hasSize(HandOffs.MOST);
    handOffs.look(PATIENCE);
    assertThat(left).hasSize(HandOffs.MOST + 1);
  }

  @Test
  void doesNotWaitForeverForAnOwnerThatNobodyHearsOf() {
    enter(0, 2 * HandOffs.MOST);
    handOffs.given(0, PATIENCE - 1);

    handOffs.look(PATIENCE);
    assertThat(left).hasSize(2 * HandOffs.MOST - 1);
    handOffs.look(2 * PATIENCE);
    assertThat(left).hasSize(2 * HandOffs.MOST);
  }

  @Test
  void forgetsThoseThatStopWaiting() {
    enter(0, HandOffs.MOST + 2);

    handOffs.done(HandOffs.MOST, 0);
    handOffs.done(0, 0);

    assertThat(left).contains(HandOffs.MOST + 1);
    assertThat(left).doesNotContain(HandOffs.MOST);
  }

  @Test
  void letsAllLeaveIfNobodyIsThere() {
    enter(0, 100);
    handOffs.letAllLeave(0);
    enter(100, 200);
    assertThat(left).hasSize(200);
  }

  private void enter(int from, int to) {
    for (int slot = from; slot < to; slot++) {
      int each = slot;
      handOffs.enter(slot, () -> left.add(each), 0);
    }
  }
}
