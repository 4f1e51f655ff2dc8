package dev.seriatim.service.session;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.HostLimits.QueueSize;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** What fits into a budget, and what doesn't. */
final class QueueBudgetTest {
  @Test
  void whatIsRefusedTakesNoRoomFromOthersMeanwhile() throws Exception {
    QueueBudget budget = new QueueBudget("the test", new QueueSize(10, 100));
    assertThat(budget.take(1, 60)).isEqualTo(1);
    FutureTask<Integer> tooMuch =
        new FutureTask<>(
            () -> {
              int taken = 0;
              for (int i = 0; i < 200_000; i++) {
                taken += budget.take(1, 50);
              }
              return taken;
            });
    Thread.startVirtualThread(tooMuch);
    int small = 0;
    for (int i = 0; i < 200_000; i++) {
      small += budget.take(1, 40);
      budget.release(1, 40);
    }
    assertThat(tooMuch.get()).isEqualTo(0);
    assertThat(small).isEqualTo(200_000);
  }

  @Test
  void aBudgetTakesWhatFits() {
    QueueBudget budget = new QueueBudget("the test", new QueueSize(5, 100));
    assertThat(budget.take(3, 10)).isEqualTo(3);
    assertThat(budget.take(3, 10)).isEqualTo(2);
    assertThat(budget.take(1, 10)).isEqualTo(0);
    budget.release(5, 20);
    assertThat(budget.take(1, 101)).isEqualTo(0);
    assertThat(budget.take(1, 100)).isEqualTo(1);
    assertThat(budget.take(1, 1)).isEqualTo(0);
    budget.release(1, 100);
    assertThat(budget.take(5, 100)).isEqualTo(5);
  }
}
