package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/** A random test that fails names the seed that makes it fail again. */
final class SeedsTest {
  private final List<Long> ran = new ArrayList<>();

  @Test
  void whatFailsNamesItsSeed() {
    Exception thrown = new Exception("the turn was lost");
    AssertionError failure =
        assertThrows(
            AssertionError.class,
            () ->
                Seeds.each(
                    3,
                    seed -> {
                      ran.add(seed);
                      throw thrown;
                    }));
    assertThat(ran).hasSize(1);
    assertThat(failure)
        .hasMessageThat()
        .isEqualTo("run it again with -Dseriatim.seed=" + ran.getFirst() + ": the turn was lost");
    assertThat(failure).hasCauseThat().isSameInstanceAs(thrown);
  }

  @Test
  void soDoesAnAssertionOfALaterSeed() {
    int runs = 3;
    AssertionError failure =
        assertThrows(
            AssertionError.class,
            () ->
                Seeds.each(
                    runs,
                    seed -> {
                      ran.add(seed);
                      // One alone is run if the build was told to run that one again.
                      assertThat(ran.size() < runs && Long.getLong("seriatim.seed") == null)
                          .isTrue();
                    }));
    assertThat(failure).hasMessageThat().contains("-Dseriatim.seed=" + ran.getLast() + ": ");
  }

  @Test
  void whatIsSkippedIsNoFailure() {
    TestAbortedException aborted = new TestAbortedException("no PostgreSQL");
    assertThat(
            assertThrows(
                TestAbortedException.class,
                () ->
                    Seeds.each(
                        1,
                        seed -> {
                          throw aborted;
                        })))
        .isSameInstanceAs(aborted);
  }
}
