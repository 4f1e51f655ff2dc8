package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.Seeds;
import dev.seriatim.service.storage.Beats.Other;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whom a host may bury, and when. Times are in a unit of their own. */
final class BeatsTest {
  private static final long LEASE = 100;

  private final Beats beats = new Beats(LEASE);

  private static Other other(String host, long beat) {
    return new Other(host, "beat " + beat, LEASE, 1);
  }

  /** This host's renewal goes well, and shows these others. */
  private void renew(long at, Other... others) {
    beats.renewed(at, at);
    beats.look(List.of(others), at);
  }

  @Test
  void whoIsSilentForALeaseMayBeBuried() {
    for (long at = 0; at < LEASE; at += 20) {
      renew(at, other("a", 7));
      assertThat(beats.silent(at)).isEmpty();
    }
    renew(LEASE - 1, other("a", 7));
    assertThat(beats.silent(LEASE - 1)).isEmpty();
    assertThat(beats.silent(LEASE)).containsExactly(other("a", 7));
  }

  @Test
  void whoBeatsMayNot() {
    for (long at = 0; at < 10 * LEASE; at += 20) {
      renew(at, other("a", at / 60), other("b", 1));
      assertThat(beats.silent(at)).doesNotContain(other("a", at / 60));
    }
    assertThat(beats.silent(10 * LEASE)).containsExactly(other("b", 1));
  }

  @Test
  void aLongerLeaseOfTheOtherIsKept() {
    Other slow = new Other("slow", "x", 3 * LEASE, 1);
    for (long at = 0; at < 3 * LEASE; at += 20) {
      renew(at, slow);
      assertThat(beats.silent(at)).isEmpty();
    }
    assertThat(beats.silent(3 * LEASE)).containsExactly(slow);
  }

  @Test
  void afterTheStoreWasAwayNobodyIsBuriedForALease() {
    renew(0, other("a", 7));
    renew(40, other("a", 7));
    // Until here there was contact, and it would be time to bury soon.
    assertThat(beats.silent(40 + LEASE / 2 + 1)).isEmpty();
    renew(500, other("a", 7));
    assertThat(beats.silent(500)).isEmpty();
    renew(550, other("a", 7));
    renew(599, other("a", 7));
    assertThat(beats.silent(599)).isEmpty();
    assertThat(beats.silent(600)).containsExactly(other("a", 7));
  }

  @Test
  void aRenewalThatTookLongCountsAsNoContact() {
    renew(0, other("a", 7));
    beats.renewed(40, 95);
    beats.look(List.of(other("a", 7)), 95);
    beats.renewed(80, 100);
    beats.look(List.of(other("a", 7)), 100);
    assertThat(beats.silent(100)).isEmpty();
  }

  @Test
  void whoBeginsAloneIsAlone() {
    renew(0);
    assertThat(beats.isAlone(0)).isTrue();
    renew(40, other("a", 1));
    assertThat(beats.isAlone(40)).isFalse();
    renew(80);
    renew(130);
    assertThat(beats.isAlone(130)).isFalse();
    renew(179);
    assertThat(beats.isAlone(179)).isFalse();
    assertThat(beats.isAlone(180)).isTrue();
    // And isn't after it was out of contact.
    renew(300);
    assertThat(beats.isAlone(300)).isFalse();
  }

  /**
   * Two hosts and a store, with every answer late and the store away now and then: whoever is
   * buried was not certain any more, by its own clock, which runs at another rate.
   */
  @Test
  void nobodyIsBuriedWhoIsCertain() {
    Seeds.each(1_000, seed -> play(new Random(seed)));
  }

  private static void play(Random random) {
    Beats watcher = new Beats(LEASE);
    double rate = 1 + (random.nextDouble() - 0.5) / 50;
    long beat = 0;
    double certainUntil = 0; // by the true time
    int buried = 0;
    double nextBeat = 0;
    double nextLook = 0;
    double storeAwayUntil = 0;
    // A beat on its way: when it was sent, and when the store has it.
    List<double[]> onItsWay = new ArrayList<>();
    for (double time = 0; time < 20 * LEASE && buried == 0; time += 1) {
      double now = time;
      if (random.nextInt(200) == 0) {
        storeAwayUntil = now + random.nextInt((int) LEASE * 2);
      }
      for (double[] arrived : onItsWay.stream().filter(b -> b[1] <= now).toList()) {
        onItsWay.remove(arrived);
        beat++;
        certainUntil = Math.max(certainUntil, arrived[0] + 0.98 * LEASE / rate);
      }
      if (now >= nextBeat) {
        // Now and then the host hangs for long.
        nextBeat = now + (random.nextInt(15) == 0 ? random.nextInt((int) LEASE * 3) : 20);
        onItsWay.add(new double[] {now, Math.max(now + random.nextInt(10), storeAwayUntil)});
      }
      if (now >= nextLook && now >= storeAwayUntil) {
        nextLook = now + 5 + random.nextInt(25);
        watcher.renewed((long) now, (long) now);
        watcher.look(List.of(other("a", beat)), (long) now);
      }
      for (Other silent : watcher.silent((long) now)) {
        if (silent.equals(other("a", beat))) {
          assertThat(certainUntil).isAtMost(now);
          buried++;
        }
      }
    }
  }
}
