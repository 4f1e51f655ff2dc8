package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertWithMessage;

import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * Turns are finished by one thread and cut off by another one at the same time, each running over
 * all of them as fast as it can: one of them wins, and both know at once who.
 */
final class TurnEndRaceTest {
  private static final int ROUNDS = 50;
  private static final int TURNS = 10_000;

  @Test
  void whoeverFailsToFinishATurnFindsItCutOffAtOnce() {
    int unaware = 0;
    for (int round = 0; round < ROUNDS; round++) {
      Turn[] turns = new Turn[TURNS];
      for (int i = 0; i < TURNS; i++) {
        turns[i] = turn(i);
      }
      boolean[] cut = new boolean[TURNS];
      boolean[] finished = new boolean[TURNS];
      AtomicBoolean started = new AtomicBoolean();
      Thread cutter =
          Thread.ofPlatform()
              .start(
                  () -> {
                    started.set(true);
                    for (int i = 0; i < TURNS; i++) {
                      cut[i] = turns[i].cut();
                    }
                  });
      while (!started.get()) {
        Thread.onSpinWait();
      }
      for (int i = 0; i < TURNS; i++) {
        finished[i] = turns[i].finish();
        unaware += !finished[i] && !turns[i].isCutOff() ? 1 : 0;
      }
      while (cutter.isAlive()) { // Not with a join: a cut interrupts this thread.
        Thread.onSpinWait();
      }
      boolean _ = Thread.interrupted();
      for (int i = 0; i < TURNS; i++) {
        assertWithMessage("turn %s of round %s is cut off", i, round)
            .that(cut[i])
            .isNotEqualTo(finished[i]);
      }
    }
    assertWithMessage("turns that were lost without a word").that(unaware).isEqualTo(0);
  }

  @SuppressWarnings("NullAway") // The end of a turn asks for neither its instance nor its alarm.
  private static Turn turn(long number) {
    return new AlarmTurn(number, null, null, null, null, null);
  }
}
