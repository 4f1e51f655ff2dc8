package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class HandOffsTest {
  private static final int MOST = HandOffs.MOST;
  private static final int FEW = HandOffs.FEW;
  private static final long PATIENCE = HandOffs.PATIENCE.toNanos();

  private final HandOffs handOffs = new HandOffs();
  private final List<Integer> left = new ArrayList<>();

  @Test
  void keepsASlotUntilItsNextKeeperAsksForItOnce() {
    assertThat(handOffs.keep(7)).isTrue();

    want(8, 9);
    assertThat(left).isEmpty();
    want(7, 8);
    assertThat(left).containsExactly(7);
    want(7, 8);
    assertThat(left).containsExactly(7);
  }

  /** One by one, each would be a transaction of its own at either host. */
  @Test
  void letsAFewLeaveTogetherInTheOrderInWhichTheyWereAskedFor() {
    keep(0, 3 * MOST);
    want(0, 3 * MOST);
    assertThat(left).hasSize(MOST);

    for (int slot = 0; slot < MOST - FEW - 1; slot++) {
      handOffs.given(slot, 0);
      handOffs.arrived(slot, 0);
      handOffs.arrived(slot, 0);
    }
    assertThat(left).hasSize(MOST);
    handOffs.forget(MOST - 1, 0);

    assertThat(left).hasSize(MOST + MOST - FEW);
    assertThat(left).isInOrder();

    arrive(MOST - FEW - 1, MOST - 1);
    assertThat(left).hasSize(MOST + 2 * (MOST - FEW));
  }

  @Test
  void letsOthersLeaveAtOnceUntilAsManyLeaveAsMay() {
    keep(0, MOST + 1);
    want(0, MOST - 1);
    assertThat(left).hasSize(MOST - 1);
    handOffs.arrived(0, 0);

    want(MOST - 1, MOST + 1);
    assertThat(left).hasSize(MOST + 1);
  }

  @Test
  void doesNotWaitForeverForTurnsThatDoNotEnd() {
    keep(0, MOST + 1);
    want(0, MOST + 1);

    handOffs.look(PATIENCE - 1);
    assertThat(left).hasSize(MOST);
    handOffs.look(PATIENCE);
    assertThat(left).hasSize(MOST + 1);
  }

  @Test
  void doesNotWaitForeverForAnOwnerThatNobodyHearsOf() {
    keep(0, 2 * MOST);
    want(0, 2 * MOST);
    handOffs.given(0, PATIENCE - 1);

    handOffs.look(PATIENCE);
    assertThat(left).hasSize(2 * MOST - 1);
    handOffs.look(2 * PATIENCE - 1);
    assertThat(left).hasSize(2 * MOST - 1);
    handOffs.look(2 * PATIENCE);
    assertThat(left).hasSize(2 * MOST);
  }

  @Test
  void forgetsWhatHasAKeeperHereAgain() {
    keep(0, MOST + 2);
    want(0, MOST + 1);
    handOffs.forget(MOST, 0);
    handOffs.forget(MOST + 1, 0);

    handOffs.look(PATIENCE);
    want(MOST + 1, MOST + 2);
    assertThat(left).hasSize(MOST);
    assertThat(handOffs.nobodyElse()).isEmpty();
  }

  @Test
  void keepsNothingIfNobodyIsThere() {
    assertThat(handOffs.keep(7)).isTrue();
    assertThat(handOffs.nobodyElse()).containsExactly(7);
    assertThat(handOffs.nobodyElse()).isEmpty();

    assertThat(handOffs.keep(8)).isFalse();
    want(8, 9);
    assertThat(left).isEmpty();

    handOffs.begin();
    assertThat(handOffs.keep(8)).isTrue();
  }

  @Test
  void saysOnceWhatNobodyWillAskFor() {
    keep(0, MOST + 2);
    want(0, MOST + 1);
    assertThat(handOffs.dropUnasked()).containsExactly(MOST + 1);
    assertThat(handOffs.dropUnasked()).isEmpty();

    // Who waits has its turn as ever.
    arrive(0, MOST - FEW);
    assertThat(left).hasSize(MOST + 1);
  }

  @Test
  void aKeeperBehindTheOneThatWaitsTakesItsPlace() {
    keep(0, MOST + 1);
    want(0, MOST + 1);
    handOffs.wanted(MOST, /* has= */ true, () -> left.add(-1), 0);

    arrive(0, MOST - FEW);
    assertThat(left).hasSize(MOST + 1);
    assertThat(left.getLast()).isEqualTo(-1);
  }

  @Test
  void aSlotThatIsHereForWhateverReasonLeavesOnceAKeeperWantsIt() {
    handOffs.wanted(7, /* has= */ true, () -> left.add(7), 0);
    handOffs.wanted(7, /* has= */ true, () -> left.add(7), 0);
    assertThat(left).containsExactly(7);
  }

  private void keep(int from, int to) {
    for (int slot = from; slot < to; slot++) {
      assertThat(handOffs.keep(slot)).isTrue();
    }
  }

  private void arrive(int from, int to) {
    for (int slot = from; slot < to; slot++) {
      handOffs.arrived(slot, 0);
    }
  }

  private void want(int from, int to) {
    for (int slot = from; slot < to; slot++) {
      int each = slot;
      handOffs.wanted(slot, /* has= */ false, () -> left.add(each), 0);
    }
  }
}
