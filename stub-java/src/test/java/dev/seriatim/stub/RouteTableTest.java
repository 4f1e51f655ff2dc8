package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class RouteTableTest {
  private static final String SOUTH = "south:1";
  private static final String NORTH = "north:2";

  private final RouteTable table = new RouteTable(4);

  private static String id(String digits) {
    return digits + "0".repeat(64 - digits.length());
  }

  private String open(String digits) {
    return String.valueOf(table.open("of no use", id(digits)));
  }

  @Test
  void aHintIsForAllWhoseIdsBeginWithTheSameBits() {
    table.learn("A/x", id("ab7"), SOUTH, 10);

    assertThat(open("ab7")).isEqualTo(SOUTH);
    assertThat(open("ab4fff")).isEqualTo(SOUTH);
    assertThat(open("ab3")).isEqualTo("null");
    assertThat(open("ab8")).isEqualTo("null");
  }

  @Test
  void aHintWithoutBitsIsForOneObject() {
    table.learn("A/x", id("ab7"), SOUTH, 0);

    assertThat(open("ab7")).isEqualTo(SOUTH);
    assertThat(open("ab71")).isEqualTo("null");
  }

  @Test
  void aHintThatSaysNothingIsNoHint() {
    table.learn("A/x", id("ab7"), SOUTH, 257);
    table.learn("A/x", id("ab7"), SOUTH, -1);
    table.learn("A/x", id("ab7"), "", 10);

    assertThat(table.size()).isEqualTo(0);
    assertThat(table.takeUnused()).isEmpty();
  }

  @Test
  void aNameIsKnownOnceAnObjectOfThatNameHadAHint() {
    table.learn("A/x", id("ab7"), SOUTH, 10);

    assertThat(table.open("A/x", null)).isEqualTo(SOUTH);
    assertThat(table.open("A/y", null)).isNull();
    table.learn("A/z", id("ab6"), NORTH, 10);
    assertThat(table.open("A/x", null)).isEqualTo(NORTH);
  }

  @Test
  void theLatestHintCountsHoweverManyBitsItHas() {
    table.learn("A/x", id("ab7"), SOUTH, 12);
    table.learn("A/x", id("ab7"), NORTH, 8);
    assertThat(open("ab7")).isEqualTo(NORTH);
    assertThat(table.takeUnused()).containsExactly(SOUTH);

    table.learn("A/x", id("ab7"), SOUTH, 12);
    assertThat(open("ab7")).isEqualTo(SOUTH);
    assertThat(open("ab8")).isEqualTo("null");
  }

  @Test
  void anAddressIsForgottenWithAllItsHints() {
    table.learn("A/x", id("1"), SOUTH, 4);
    table.learn("A/y", id("2"), NORTH, 4);
    table.learn("A/z", id("3"), SOUTH, 4);
    assertThat(open("1")).isEqualTo(SOUTH);

    table.forgetAddress(SOUTH);
    assertThat(open("1")).isEqualTo("null");
    assertThat(open("3")).isEqualTo("null");
    assertThat(open("2")).isEqualTo(NORTH);
    assertThat(table.takeUnused()).isEmpty(); // A stub is still open there.

    table.ended(SOUTH);
    assertThat(table.takeUnused()).containsExactly(SOUTH);
    assertThat(table.takeUnused()).isEmpty();
  }

  @Test
  void anAddressThatIsNeededAgainIsNotUnused() {
    table.learn("A/x", id("1"), SOUTH, 4);
    table.forget(id("1"));
    table.learn("A/x", id("1"), SOUTH, 4);

    assertThat(table.takeUnused()).isEmpty();
  }

  @Test
  void theHintGoesThatWasNotUsedForLongest() {
    for (int i = 1; i <= 4; i++) {
      table.learn("A/" + i, id("" + i), "host:" + i, 4);
    }
    assertThat(open("1")).isEqualTo("host:1");
    table.learn("A/5", id("5"), "host:5", 4);

    assertThat(table.size()).isEqualTo(4);
    assertThat(open("2")).isEqualTo("null");
    assertThat(open("1")).isEqualTo("host:1");
    assertThat(table.takeUnused()).containsExactly("host:2");
  }

  /** Beside a list of all that was learned, oldest first, which forgets what the table forgets. */
  @Test
  void whateverHappensNoAddressIsLostOrKept() {
    Seeds.each(LongStream.rangeClosed(1, 200), 0, seed -> play(new Random(seed)));
  }

  private static void play(Random random) {
    RouteTable tried = new RouteTable(3);
    Map<String, Integer> stubs = new HashMap<>();
    List<String> known = new ArrayList<>();
    for (int step = 0; step < 200; step++) {
      String id = id(Integer.toHexString(random.nextInt(16)));
      String address = "host:" + random.nextInt(4);
      switch (random.nextInt(5)) {
        case 0 -> {
          tried.learn("A/" + id, id, address, 1 + random.nextInt(4));
          known.add(address);
        }
        case 1 -> tried.forget(id);
        case 2 -> tried.forgetAddress(address);
        case 3 -> {
          String opened = tried.open("A/" + id, random.nextBoolean() ? id : null);
          if (opened != null) {
            assertThat(known).contains(opened);
            stubs.merge(opened, 1, Integer::sum);
          }
        }
        default -> {
          if (stubs.containsKey(address)) {
            tried.ended(address);
            stubs.computeIfPresent(address, (key, count) -> count == 1 ? null : count - 1);
          }
        }
      }
      List<String> unused = tried.takeUnused();
      assertThat(stubs.keySet()).containsNoneIn(unused);
      known.removeAll(unused);
      assertThat(tried.size()).isAtMost(3);
    }
    for (int i = 0; i < 4; i++) {
      tried.forgetAddress("host:" + i);
    }
    stubs.forEach(
        (address, count) -> {
          for (int i = 0; i < count; i++) {
            tried.ended(address);
          }
        });
    known.removeAll(tried.takeUnused());
    assertThat(known).isEmpty();
    assertThat(tried.size()).isEqualTo(0);
  }
}
