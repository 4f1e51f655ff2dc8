package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class HandOffsTest {
  private static final long PATIENCE = HandOffs.PATIENCE.toNanos();
  private static final int RUN = SlotRun.SLOTS;

  /** How many slots may leave at a time. */
  private static final int MOST = HandOffs.MOST * RUN;

  private final HandOffs handOffs = new HandOffs();
  private final List<Integer> left = new ArrayList<>();

  @Test
  void letsAFewRunsLeaveAtATimeInOrder() {
    enter(0, MOST + 2 * RUN);
    assertThat(left).hasSize(MOST);

    given(0, RUN, 0);
    assertThat(left).hasSize(MOST);
    done(0, RUN - 1);
    assertThat(left).hasSize(MOST);
    done(RUN - 1, RUN);
    assertThat(left).hasSize(MOST + RUN);
    done(RUN, 2 * RUN);

    assertThat(left).hasSize(MOST + 2 * RUN);
    assertThat(left).isInOrder();
  }

  @Test
  void doesNotWaitForeverForTurnsThatDoNotEnd() {
    enter(0, MOST + 1);

    handOffs.look(PATIENCE - 1);
    assertThat(left).hasSize(MOST);
    handOffs.look(PATIENCE);
    assertThat(left).hasSize(MOST + 1);
  }

  @Test
  void doesNotWaitForeverForAnOwnerThatNobodyHearsOf() {
    enter(0, 2 * MOST);
    given(0, 1, PATIENCE - 1);

    handOffs.look(PATIENCE);
    assertThat(left).hasSize(2 * MOST - RUN);
    handOffs.look(2 * PATIENCE);
    assertThat(left).hasSize(2 * MOST);
  }

  @Test
  void forgetsThoseThatStopWaiting() {
    enter(0, MOST + RUN + 2);

    done(MOST, MOST + RUN + 1);
    done(0, RUN);

    assertThat(left).contains(MOST + RUN + 1);
    assertThat(left).doesNotContain(MOST);
  }

  @Test
  void aSlotWhoseRunIsLeavingDoesNotWait() {
    enter(0, 1);
    enter(RUN, MOST + 1);
    assertThat(left).doesNotContain(MOST);

    enter(1, 2);
    assertThat(left).contains(1);
    done(0, 1);
    assertThat(left).doesNotContain(MOST);
    done(1, 2);
    assertThat(left).contains(MOST);
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

  private void given(int from, int to, long now) {
    for (int slot = from; slot < to; slot++) {
      handOffs.given(slot, now);
    }
  }

  private void done(int from, int to) {
    for (int slot = from; slot < to; slot++) {
      handOffs.done(slot, 0);
    }
  }
}
