package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import dev.seriatim.cluster.RoutingTable.Question;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.Slots.HostRow;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

final class RoutingTableTest {
  private static final HostRow ONE = row("one", "127.0.0.1:1");
  private static final HostRow TWO = row("two", "127.0.0.1:2");
  private static final long SECOND = 1_000_000_000;

  private final RoutingTable table = new RoutingTable();

  @Test
  void asksAllSlotsAtTheStart() {
    assertThat(ask(0)).hasSize(Slots.COUNT);
    assertThat(ask(0)).isEmpty();
    assertThat(table.host(7)).isNull();
  }

  @Test
  void asksAgainWhatWasNotAnswered() {
    Map<Integer, Question> asked = ask(0);
    table.hosts(List.of(ONE));
    answer(asked, 7, "one", 0);

    Map<Integer, Question> again = ask(SECOND);

    assertThat(again).hasSize(Slots.COUNT - 1);
    assertThat(again).doesNotContainKey(7);
  }

  @Test
  void takesTheAnswerAndTheRowInEitherOrder() {
    Map<Integer, Question> asked = ask(0);
    table.hosts(List.of(ONE));

    assertThat(answer(asked, 7, "one", 0)).isTrue();
    assertThat(table.host(7)).isEqualTo(ONE);
    assertThat(answer(asked, 8, "two", 0)).isFalse();
    assertThat(table.host(8)).isNull();

    assertThat(table.hosts(List.of(ONE, TWO))).containsExactly(8);
    assertThat(table.host(8)).isEqualTo(TWO);
    assertThat(table.count("two")).isEqualTo(1);
  }

  /** A host makes its row before it knows where it listens, and may have slots before others do. */
  @Test
  void waitsForTheAddressOfAHost() {
    Map<Integer, Question> asked = ask(0);
    assertThat(table.hosts(List.of(row("one", "")))).isEmpty();
    assertThat(answer(asked, 7, "one", 0)).isFalse();
    assertThat(table.host(7)).isNull();

    assertThat(table.hosts(List.of(ONE))).containsExactly(7);
    assertThat(table.host(7)).isEqualTo(ONE);
  }

  /** Who takes it was asked before it was given up, and says so when it has it. */
  @Test
  void takesTheAnswerOfWhoTakesASlotThatWasLeft() {
    table.hosts(List.of(ONE, TWO));
    answer(ask(0), 7, "one", 0);
    assertThat(table.ask(7)).isTrue();
    Map<Integer, Question> asked = ask(SECOND);

    assertThat(table.left(7, "two")).isFalse();
    assertThat(table.left(7, "one")).isTrue();
    assertThat(table.host(7)).isNull();
    assertThat(answer(asked, 7, "two", SECOND)).isTrue();
    assertThat(table.host(7)).isEqualTo(TWO);
  }

  @Test
  void dropsAnswersThatWereOvertaken() {
    table.hosts(List.of(ONE, TWO));
    Map<Integer, Question> first = ask(0);
    Map<Integer, Question> second = ask(SECOND);

    assertThat(answer(second, 7, "two", SECOND)).isTrue();
    assertThat(answer(first, 7, "one", SECOND)).isFalse();
    assertThat(table.host(7)).isEqualTo(TWO);
  }

  @Test
  void asksASlotAtOnceIfTold() {
    answerAll("one");

    assertThat(ask(SECOND)).isEmpty();
    assertThat(table.ask(7)).isTrue();
    assertThat(table.ask(7)).isFalse();
    assertThat(ask(SECOND)).hasSize(1);
    assertThat(table.host(7)).isEqualTo(ONE);
  }

  /** Stubs that wait have a slot asked for many times a second. */
  @Test
  void asksForThoseWhoWaitOnlyWhenNoAnswerIsOnItsWay() {
    answerAll("one");
    assertThat(table.press(7, SECOND)).isTrue();
    Map<Integer, Question> asked = ask(SECOND);
    long press = RoutingTable.PRESS.toNanos();

    assertThat(table.press(7, SECOND + press - 1)).isFalse();
    assertThat(ask(SECOND + press - 1)).isEmpty();
    assertThat(table.press(7, SECOND + press)).isTrue();
    assertThat(ask(SECOND + press)).hasSize(1);

    answer(asked, 7, "one", SECOND + press);
    assertThat(table.ask(7)).isTrue();
    answer(ask(SECOND + press), 7, "one", SECOND + press);
    assertThat(table.press(7, SECOND + press)).isTrue();
  }

  /** What was asked before it was wrong is of no use. */
  @Test
  void asksAtOnceForThoseWhoWaitWhenTheRouteWasWrong() {
    answerAll("one");
    table.ask(7);
    assertThat(ask(SECOND)).hasSize(1);

    assertThat(table.wrong(7, "one")).isTrue();
    assertThat(ask(SECOND)).hasSize(1);
  }

  @Test
  void doesNotAskAKeeperAgainSoonThatWaitsForItsSlot() {
    answerAll("one");
    table.ask(7);
    assertThat(ask(SECOND)).hasSize(1);
    table.waits(7, SECOND);

    long again = SECOND + RoutingTable.AGAIN.toNanos();
    assertThat(table.press(7, again - 1)).isFalse();
    assertThat(ask(again - 1)).isEmpty();
    // But then, though nobody waits: it may be gone, and the slot's alarms want an owner.
    assertThat(ask(again)).hasSize(1);
  }

  @Test
  void asksAKeeperAnewThoughItWaitsForItsSlot() {
    answerAll("one");
    table.ask(7);
    table.waits(7, SECOND);
    assertThat(ask(SECOND)).hasSize(1);
    table.waits(7, SECOND);
    assertThat(table.ask(7)).isTrue();
    assertThat(ask(SECOND)).hasSize(1);
  }

  @Test
  void forgetsARouteThatIsWrong() {
    answerAll("one");
    table.ask(7);
    Map<Integer, Question> asked = ask(SECOND);

    assertThat(table.wrong(7, "two")).isFalse();
    assertThat(table.wrong(7, "one")).isTrue();
    assertThat(table.host(7)).isNull();
    // It was asked before anybody knew that the route is wrong.
    assertThat(answer(asked, 7, "one", SECOND)).isFalse();
    assertThat(table.host(7)).isNull();

    assertThat(answer(ask(SECOND), 7, "two", SECOND)).isTrue();
    assertThat(table.host(7)).isEqualTo(TWO);
  }

  @Test
  void asksWhatAHostHadThatIsGone() {
    answerAll("one");

    assertThat(table.hosts(List.of(TWO))).hasSize(Slots.COUNT);
    assertThat(table.host(7)).isNull();
    assertThat(ask(SECOND)).hasSize(Slots.COUNT);
  }

  @Test
  void asksTheSlotsOfOneHost() {
    answerAll("one");
    table.ask(7);
    answer(ask(SECOND), 7, "two", SECOND);

    table.askAllOf("two");

    assertThat(ask(SECOND)).containsKey(7);
    assertThat(ask(SECOND)).isEmpty();
  }

  @Test
  void tellsOfRowsThatSayOtherThings() {
    answerAll("one");
    HostRow elsewhere = row("one", "127.0.0.1:3");

    assertThat(table.hosts(List.of(ONE, TWO))).isEmpty();
    assertThat(table.hosts(List.of(elsewhere, TWO))).hasSize(Slots.COUNT);
    assertThat(table.host(1023)).isEqualTo(elsewhere);
  }

  @Test
  void spreadsOutWhatIsAskedToKeepUp() {
    answerAll("one");
    long tick = SECOND / 4;
    int most = 0;
    int all = 0;
    for (long now = 0; now <= 10 * SECOND; now += tick) {
      Map<Integer, Question> asked = ask(now);
      for (int slot : asked.keySet()) {
        answer(asked, slot, "one", now);
      }
      most = Math.max(most, asked.size());
      all += asked.size();
    }
    assertThat(all).isAtLeast(Slots.COUNT);
    assertThat(most).isAtMost(Slots.COUNT / 16);
  }

  private void answerAll(String host) {
    table.hosts(List.of(ONE, TWO));
    Map<Integer, Question> asked = ask(0);
    for (int slot = 0; slot < Slots.COUNT; slot++) {
      assertThat(answer(asked, slot, host, 0)).isTrue();
    }
  }

  private Map<Integer, Question> ask(long now) {
    return table.due(now).stream().collect(Collectors.toMap(Question::slot, Function.identity()));
  }

  private boolean answer(Map<Integer, Question> asked, int slot, String host, long now) {
    return table.answered(requireNonNull(asked.get(slot)), host, now);
  }

  static HostRow row(String host, String address) {
    return new HostRow(
        host,
        new Announcement(address, "", "1", List.of(), /* leaving= */ false, ByteString.EMPTY),
        /* live= */ true);
  }
}
