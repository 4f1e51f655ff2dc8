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

  @Test
  void whatIsCountedCanBeRead() {
    QueueBudget host =
        new QueueBudget(
            "the host", new QueueSize(QueueSize.MOST_INVOCATIONS, QueueSize.MOST_BYTES));
    QueueBudget object = new QueueBudget("the object", new QueueSize(5, 100), host);
    assertThat(object.isEmpty()).isTrue();
    assertThat(object.take(7, 60)).isEqualTo(5);
    assertThat(object.takeBytes(41)).isFalse();
    assertThat(object.takeBytes(40)).isTrue();
    for (QueueBudget each : new QueueBudget[] {object, host}) {
      assertThat(each.invocations()).isEqualTo(5);
      assertThat(each.bytes()).isEqualTo(100);
      assertThat(each.isEmpty()).isFalse();
    }
    assertThat(object.refusal())
        .isEqualTo(
            "the object may have 5 invocations and 100 bytes queued; it has 5 and 100; the host may"
                + " have 16,777,215 invocations and 274,877,906,943 bytes queued; it has 5 and"
                + " 100");
    object.release(5, 0);
    assertThat(host.invocations()).isEqualTo(0);
    assertThat(host.bytes()).isEqualTo(100);
    object.release(0, 100);
    assertThat(host.isEmpty()).isTrue();

    int most = (int) QueueSize.MOST_INVOCATIONS;
    assertThat(host.take(Integer.MAX_VALUE, QueueSize.MOST_BYTES)).isEqualTo(most);
    assertThat(host.invocations()).isEqualTo(most);
    assertThat(host.bytes()).isEqualTo(QueueSize.MOST_BYTES);
    assertThat(host.take(1, 0)).isEqualTo(0);
    assertThat(host.takeBytes(1)).isFalse();
    host.release(most, QueueSize.MOST_BYTES);
    assertThat(host.isEmpty()).isTrue();
  }

  @Test
  void aWiderPlaceThatIsFullTakesNoRoomFromANarrowerOne() {
    QueueBudget host = new QueueBudget("the host", new QueueSize(3, 50));
    QueueBudget object = new QueueBudget("the object", new QueueSize(5, 100), host);
    assertThat(object.take(5, 50)).isEqualTo(3);
    assertThat(object.invocations()).isEqualTo(3);
    object.release(1, 0);
    assertThat(object.take(1, 1)).isEqualTo(0);
    assertThat(object.takeBytes(1)).isFalse();
    assertThat(object.invocations()).isEqualTo(2);
    assertThat(object.bytes()).isEqualTo(50);
  }
}
