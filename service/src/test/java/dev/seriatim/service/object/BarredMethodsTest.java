package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.probe.ProbeGrpc;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** For how long methods are barred. */
final class BarredMethodsTest {
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 1_000); // It may run over.
  private final BarredMethods barred = new BarredMethods(now::get);
  private final ObjectMethod method =
      requireNonNull(new MethodTable(ProbeGrpc.getServiceDescriptor()).find("Do"));

  /** A thousand turns that are short after it has been long, and another fifty. */
  private boolean isShortAfterShortTurns() {
    for (int i = 0; i < 1_050; i++) {
      method.pace().took(0);
    }
    return method.pace().isShort();
  }

  @Test
  void aMethodIsBarredForTwiceAsLongEachTime() {
    assertThat(isShortAfterShortTurns()).isTrue();
    Duration expected = Duration.ofMinutes(1);
    for (int time = 0; time < 10; time++) {
      assertThat(barred.bar(method)).isEqualTo(expected);
      now.addAndGet(expected.toNanos() - 1);
      barred.letGo();
      assertThat(isShortAfterShortTurns()).isFalse();
      now.incrementAndGet();
      barred.letGo();
      assertThat(method.pace().isShort()).isFalse();
      assertThat(isShortAfterShortTurns()).isTrue();
      barred.letGo(); // It is over once.
      assertThat(method.pace().isShort()).isTrue();
      expected = time < 7 ? expected.multipliedBy(2) : expected;
    }
    assertThat(expected).isEqualTo(Duration.ofMinutes(128));
  }

  @Test
  void aMethodThatIsBarredAgainMeanwhileIsSoForLonger() {
    assertThat(barred.bar(method)).isEqualTo(Duration.ofMinutes(1));
    now.addAndGet(Duration.ofSeconds(30).toNanos());
    assertThat(barred.bar(method)).isEqualTo(Duration.ofMinutes(2));
    now.addAndGet(Duration.ofSeconds(119).toNanos());
    barred.letGo();
    assertThat(isShortAfterShortTurns()).isFalse();
    now.addAndGet(Duration.ofSeconds(1).toNanos());
    barred.letGo();
    assertThat(isShortAfterShortTurns()).isTrue();
  }
}
