package dev.seriatim.service.threads;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What goes on whatever is thrown. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class EnduringTest {
  private static void throwing(int time) {
    switch (time) {
      case 1 -> throw new OutOfMemoryError("a test's");
      case 2 -> throw new StackOverflowError("a test's");
      case 3 -> throw new IllegalStateException("a test's");
      default -> {}
    }
  }

  @Test
  void aThreadBeginsItsWorkAnewUntilThatReturns() throws InterruptedException {
    AtomicInteger times = new AtomicInteger();
    Thread platform = Enduring.thread("a test's", () -> throwing(times.incrementAndGet()));
    assertThat(platform.isDaemon()).isTrue();
    platform.start();
    platform.join();
    assertThat(times.get()).isEqualTo(4);
    Thread virtual =
        Enduring.virtualThread("a test's", () -> throwing(times.incrementAndGet() - 4));
    virtual.start();
    virtual.join();
    assertThat(times.get()).isEqualTo(8);
  }

  @Test
  void whatIsRepeatedThrowsNothing() {
    AtomicInteger times = new AtomicInteger();
    Runnable task = Enduring.task("a test's", () -> throwing(times.incrementAndGet()));
    for (int i = 0; i < 4; i++) {
      task.run();
    }
    assertThat(times.get()).isEqualTo(4);
  }

  @Test
  void aStepIsDoneAgainWhileThereIsNoMemory() {
    AtomicInteger times = new AtomicInteger();
    Enduring.step(
        () -> {
          if (times.incrementAndGet() < 4) {
            throw new OutOfMemoryError("a test's");
          }
        });
    assertThat(times.get()).isEqualTo(4);
    assertThrows(StackOverflowError.class, () -> Enduring.step(() -> throwing(2)));
    assertThrows(IllegalStateException.class, () -> Enduring.step(() -> throwing(3)));
  }
}
