package dev.seriatim.conformance.faults;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.conformance.faults.History.Call;
import dev.seriatim.conformance.faults.History.Result;
import dev.seriatim.conformance.faults.History.Result.Appended;
import dev.seriatim.conformance.faults.History.Result.Failed;
import dev.seriatim.conformance.faults.History.Result.Lines;
import dev.seriatim.stub.Fate;
import dev.seriatim.stub.Reasons;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a history may look like, and what not. */
final class HistoryCheckerTest {
  private static final Failed UNKNOWN = new Failed(Fate.UNKNOWN, Reasons.CONNECTION_LOST, "");
  private static final Failed NOT_EXECUTED =
      new Failed(Fate.NOT_EXECUTED, Reasons.CONNECTION_LOST, "");

  private final List<Call> calls = new ArrayList<>();

  private void append(String stub, int number, long began, long ended, Result result) {
    calls.add(new Call(stub, "j", number, /* append= */ true, began, ended, result));
  }

  private void read(String stub, int number, long began, long ended, Result result) {
    calls.add(new Call(stub, "j", number, /* append= */ false, began, ended, result));
  }

  private static Lines lines(long from, String... lines) {
    return new Lines(from, List.of(lines));
  }

  private void holds(String... journal) {
    assertThat(HistoryChecker.check(calls, Map.of("j", List.of(journal)))).isEmpty();
  }

  private void fails(String with, String... journal) {
    List<String> faults = HistoryChecker.check(calls, Map.of("j", List.of(journal)));
    assertThat(faults).isNotEmpty();
    assertThat(String.join("\n", faults)).contains(with);
  }

  @Test
  void holdsWithAnswersInOrder() {
    append("a", 1, 0, 10, new Appended(1));
    append("a", 2, 1, 20, new Appended(3));
    append("b", 1, 5, 15, new Appended(2));
    read("b", 2, 21, 30, lines(2, "b:1", "a:2"));
    holds("a:1", "b:1", "a:2");
  }

  /**
   * What was begun long ago may be told of the first lines only, of those that are there by then.
   */
  @Test
  void holdsWithAPageThatShowsNotAllOfIt() {
    String[] all = new String[HistoryChecker.PAGE_LINES + 2];
    for (int i = 1; i <= all.length; i++) {
      append("a", i, 0, 10, new Appended(i));
      all[i - 1] = "a:" + i;
    }
    read("a", all.length + 1, 11, 12, lines(1, Arrays.copyOf(all, HistoryChecker.PAGE_LINES)));
    holds(all);
    read("a", all.length + 2, 13, 14, lines(1, Arrays.copyOf(all, HistoryChecker.PAGE_LINES - 1)));
    fails(
        "shows %s lines, its stub knew of %s".formatted(HistoryChecker.PAGE_LINES - 1, all.length),
        all);
  }

  @Test
  void holdsWithUnknownsThereOrNot() {
    append("a", 1, 0, 10, new Appended(1));
    append("a", 2, 1, 20, UNKNOWN);
    append("a", 3, 1, 20, UNKNOWN);
    append("a", 4, 1, 20, NOT_EXECUTED);
    holds("a:1", "a:2");
  }

  /** A turn may still be executed when its stub is lost. */
  @Test
  void holdsWithAnUnknownThatComesLater() {
    append("a", 1, 0, 10, UNKNOWN);
    read("b", 1, 20, 30, lines(1));
    append("b", 2, 40, 50, new Appended(1));
    append("c", 1, 60, 70, new Appended(3));
    holds("b:2", "a:1", "c:1");
  }

  @Test
  void refusesALostAnswer() {
    append("a", 1, 0, 10, new Appended(1));
    append("a", 2, 0, 10, new Appended(2));
    fails("answered, and not there: append a:2", "a:1");
  }

  @Test
  void refusesALineThatIsThereTwice() {
    append("a", 1, 0, 10, new Appended(1));
    fails("a:1 is there twice: line 1 and 2", "a:1", "a:1");
  }

  @Test
  void refusesAnotherIndex() {
    append("a", 1, 0, 10, new Appended(1));
    append("b", 1, 0, 10, new Appended(1));
    fails("answered, and there as line 2", "a:1", "b:1");
  }

  @Test
  void refusesWhatNobodyAppended() {
    append("a", 1, 0, 10, new Appended(1));
    fails("line 2 of j is x:9, which nobody appended", "a:1", "x:9");
  }

  @Test
  void refusesWhatWasAppendedElsewhere() {
    calls.add(new Call("a", "k", 1, /* append= */ true, 0, 10, UNKNOWN));
    fails("which nobody appended", "a:1");
  }

  @Test
  void refusesOneThatWasNotExecuted() {
    append("a", 1, 0, 10, NOT_EXECUTED);
    fails("not executed, and there as line 1", "a:1");
  }

  @Test
  void refusesOneThatWasCompletedAndIsNotThere() {
    append("a", 1, 0, 10, new Failed(Fate.COMPLETED, Reasons.OBJECT_MOVED, ""));
    fails("completed, and not there");
  }

  @Test
  void refusesAGap() {
    append("a", 1, 0, 10, UNKNOWN);
    append("a", 2, 0, 10, UNKNOWN);
    fails("and not what was sent before it: append a:1", "a:2");
  }

  @Test
  void refusesLinesOutOfOrder() {
    append("a", 1, 0, 10, UNKNOWN);
    append("a", 2, 0, 10, UNKNOWN);
    fails("line 1 should stand behind line 2", "a:2", "a:1");
  }

  @Test
  void refusesAnAnswerBehindAFailure() {
    append("a", 1, 0, 10, UNKNOWN);
    append("a", 2, 0, 10, new Appended(2));
    fails("out of order: append a:2", "a:1", "a:2");
  }

  @Test
  void refusesAnUnknownThatTheHostCouldTell() {
    append("a", 1, 0, 10, new Failed(Fate.UNKNOWN, Reasons.OBJECT_MOVED, ""));
    fails("unknown, though the host said why");
  }

  @Test
  void refusesAReasonThatNoFaultAccountsFor() {
    append("a", 1, 0, 10, new Failed(Fate.NOT_EXECUTED, Reasons.SEQUENCE_VIOLATION, ""));
    fails("a fault that nothing accounts for");
  }

  @Test
  void refusesAStaleRead() {
    append("a", 1, 0, 10, new Appended(1));
    append("a", 2, 0, 10, new Appended(2));
    read("b", 1, 11, 20, lines(1, "a:1"));
    fails("stands at 1, and began after something at 2 had ended", "a:1", "a:2");
  }

  @Test
  void refusesAReadThatShowsNothingOfIt() {
    append("a", 1, 0, 10, new Appended(1));
    read("b", 1, 11, 20, lines(1));
    fails("stands at 0, and began after something at 1 had ended", "a:1");
  }

  @Test
  void refusesAReadBehindALaterRead() {
    append("a", 1, 0, 100, new Appended(1));
    read("b", 1, 10, 20, lines(1, "a:1"));
    read("c", 1, 30, 40, lines(1));
    fails("stands at 0, and began after something at 1 had ended", "a:1");
  }

  @Test
  void refusesAReadOfWhatIsNotThere() {
    append("a", 1, 0, 10, new Appended(1));
    append("b", 1, 0, 10, UNKNOWN);
    read("c", 1, 0, 20, lines(1, "a:1", "b:1"));
    fails("shows what isn't there", "a:1");
  }

  @Test
  void refusesALineThatIsThereBeforeItsCallBegan() {
    append("a", 1, 0, 10, new Appended(2));
    append("b", 1, 20, 30, UNKNOWN);
    fails("stands at 1, and began after something at 2 had ended", "b:1", "a:1");
  }

  @Test
  void refusesAReadThatItsOwnStubsWriteIsMissingFrom() {
    append("a", 1, 0, 10, new Appended(1));
    read("a", 2, 0, 10, lines(1));
    fails("shows 0 lines, its stub knew of 1", "a:1");
  }
}
