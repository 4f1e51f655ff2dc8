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
    handOffs.done(1);
    handOffs.done(3);

    assertThat(left).hasSize(HandOffs.MOST + 2);
    assertThat(left).isInOrder();
  }

  @Test
  void doesNotWaitForeverForAnOwnerThatNobodyHearsOf() {
    enter(0, HandOffs.MOST + 1);
    handOffs.look(10 * PATIENCE);
    assertThat(left).hasSize(HandOffs.MOST);

    handOffs.given(0, 0);
    handOffs.look(PATIENCE / 2);
    assertThat(left).hasSize(HandOffs.MOST);
    handOffs.look(2 * PATIENCE);
    assertThat(left).hasSize(HandOffs.MOST + 1);
  }

  @Test
  void forgetsThoseThatStopWaiting() {
    enter(0, HandOffs.MOST + 2);

    handOffs.done(HandOffs.MOST);
    handOffs.done(0);

    assertThat(left).contains(HandOffs.MOST + 1);
    assertThat(left).doesNotContain(HandOffs.MOST);
  }

  @Test
  void letsAllLeaveIfNobodyIsThere() {
    enter(0, 100);
    handOffs.letAllLeave();
    enter(100, 200);
    assertThat(left).hasSize(200);
  }

  private void enter(int from, int to) {
    for (int slot = from; slot < to; slot++) {
      int each = slot;
      handOffs.enter(slot, () -> left.add(each));
    }
  }
}
