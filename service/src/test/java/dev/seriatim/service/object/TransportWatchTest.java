package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import java.util.AbstractCollection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** When the turn is looked for that holds a thread of the transport. */
final class TransportWatchTest {
  private final Thread one = new Thread("one");
  private final Thread other = new Thread("other");
  private final Map<Thread, Long> cpuMillis = new HashMap<>(Map.of(one, 1_000L, other, 5L));
  private int looks;

  private final TransportWatch watch = watch();

  private TransportWatch watch() {
    BarredMethods barred = new BarredMethods(() -> 0);
    return new TransportWatch(
        new HeldTransport(barred),
        barred,
        new AbstractCollection<>() {
          @Override
          public Iterator<LiveObject> iterator() {
            looks++;
            return Collections.emptyIterator();
          }

          @Override
          public int size() {
            return 0;
          }
        },
        thread -> TimeUnit.MILLISECONDS.toNanos(cpuMillis.getOrDefault(thread, 0L)));
  }

  private void worked(Thread thread, long millis) {
    cpuMillis.merge(thread, millis, Long::sum);
  }

  @Test
  void aThreadIsHeldWhenItHasWorkedForLongAtTheSameTurns() {
    watch.look(Map.of(one, 7));
    worked(one, 74);
    watch.look(Map.of(one, 7));
    assertThat(looks).isEqualTo(0);
    worked(one, 1);
    watch.look(Map.of(one, 7));
    assertThat(looks).isEqualTo(1);
  }

  @Test
  void aThreadThatStandsStillIsNotHeld() {
    for (int i = 0; i < 1_000; i++) {
      watch.look(Map.of(one, 7, other, 9)); // The machine has other things to do.
    }
    assertThat(looks).isEqualTo(0);
  }

  @Test
  void aThreadThatComesBackIsNotHeld() {
    for (int i = 0; i < 10; i++) {
      watch.look(Map.of(one, 2 * i + 1));
      worked(one, 60);
    }
    watch.look(Map.of());
    worked(one, 60);
    watch.look(Map.of(one, 19));
    assertThat(looks).isEqualTo(0);
  }

  @Test
  void threadsAreLookedAtEachByItself() {
    watch.look(Map.of(one, 7, other, 9));
    worked(one, 50);
    worked(other, 50);
    watch.look(Map.of(one, 7, other, 9));
    assertThat(looks).isEqualTo(0);
    worked(other, 50);
    watch.look(Map.of(one, 7, other, 9));
    assertThat(looks).isEqualTo(1);
  }
}
