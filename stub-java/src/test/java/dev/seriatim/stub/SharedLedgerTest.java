package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.stub.SharedLedger.Step;
import java.util.ArrayDeque;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Drives it through orders of events, without a thread, a call or a clock that runs. */
final class SharedLedgerTest {
  private static final long MILLI = 1_000_000;

  private final SharedLedger<String> ledger = new SharedLedger<>();
  private long now = 7;
  private int waitingLanes = 1; // Of the next message.

  /** Has a lane stand in line. */
  private void enlist(String lane) {
    ledger.enlist(lane);
  }

  private void attach(String... lanes) {
    for (String lane : lanes) {
      assertThat(ledger.attach()).isTrue();
      ledger.enlist(lane);
    }
  }

  /** Sends what stands in line, if it may leave. */
  private List<String> send() {
    if (ledger.next(true, now) != Step.SEND) {
      return List.of();
    }
    ArrayDeque<String> line = ledger.line();
    ledger.sending(true, waitingLanes, now);
    return List.copyOf(line);
  }

  private void sendFirst() {
    attach("first");
    assertThat(send()).containsExactly("first");
    ledger.open("first");
    ledger.received();
    ledger.hasWord(ledger.period());
  }

  @Test
  void untilTheHostHasSaidSomethingOneMessageLeaves() {
    attach("a", "b");
    assertThat(send()).containsExactly("a", "b").inOrder();
    enlist("a");
    now += 1_000 * MILLI;
    assertThat(send()).isEmpty();
    assertThat(ledger.awaitsTime()).isFalse();
    ledger.begun();
    assertThat(send()).containsExactly("a");
  }

  @Test
  void fewUnansweredMessagesLeaveAtOnce() {
    sendFirst();
    for (int i = 0; i < SharedLedger.UNANSWERED_MESSAGES; i++) {
      enlist("first");
      assertThat(send()).hasSize(1);
    }
    enlist("first");
    attach("second");
    assertThat(send()).isEmpty();
    assertThat(ledger.mustWait()).isTrue();
    ledger.received();
    assertThat(send()).containsExactly("first", "second").inOrder();
  }

  @Test
  void moreLeaveWhenTimeHasPassed() {
    sendFirst();
    for (int i = 0; i < SharedLedger.UNANSWERED_MESSAGES; i++) {
      enlist("first");
      assertThat(send()).hasSize(1);
    }
    enlist("first");
    now += MILLI - 1;
    assertThat(send()).isEmpty();
    assertThat(ledger.awaitsTime()).isTrue();
    assertThat(ledger.untilMayLeave(now)).isEqualTo(1);
    now += 1;
    assertThat(send()).hasSize(1);
    // Those that weren't answered in time don't count any more.
    for (int i = 1; i < SharedLedger.UNANSWERED_MESSAGES; i++) {
      enlist("first");
      assertThat(send()).hasSize(1);
    }
    enlist("first");
    assertThat(send()).isEmpty();
  }

  @Test
  void whatIsNotAnsweredDoesNotCount() {
    sendFirst();
    for (int i = 0; i < 3 * SharedLedger.UNANSWERED_MESSAGES; i++) {
      enlist("first");
      assertThat(ledger.next(true, now)).isEqualTo(Step.SEND);
      var unused = ledger.line();
      ledger.sending(false, 0, now);
    }
  }

  @Test
  void aMessageCarriesItsShareOfTheLanesThatWait() {
    sendFirst();
    for (int i = 0; i < 8; i++) {
      enlist("many " + i);
    }
    waitingLanes = 8;
    assertThat(send()).hasSize(8);
    enlist("one");
    assertThat(send()).isEmpty();
    assertThat(ledger.awaitsTime()).isTrue();
    enlist("two");
    waitingLanes = 2;
    assertThat(send()).containsExactly("one", "two").inOrder();
    enlist("three");
    assertThat(send()).isEmpty(); // Of 10.
    ledger.hasWord(ledger.period());
    ledger.hasWord(ledger.period());
    ledger.hasWord(ledger.period());
    assertThat(send()).containsExactly("three"); // Of 7.
  }

  @Test
  void oneAnswerToAllLetsAllLeave() {
    sendFirst();
    waitingLanes = 1; // Of the first of them.
    for (int i = 0; i < SharedLedger.UNANSWERED_MESSAGES; i++) {
      enlist("first");
      assertThat(send()).hasSize(1);
      waitingLanes = 0;
    }
    ledger.received();
    ledger.hasWord(ledger.period());
    for (int i = 0; i < SharedLedger.UNANSWERED_MESSAGES; i++) {
      enlist("first");
      assertThat(send()).hasSize(1);
    }
  }

  @Test
  void slowLanesHoldOthersBackOnce() {
    sendFirst();
    enlist("slow");
    waitingLanes = 100;
    assertThat(send()).hasSize(1);
    enlist("quick");
    waitingLanes = 1;
    assertThat(send()).isEmpty();
    now += MILLI;
    assertThat(send()).hasSize(1);
    for (int i = 0; i < 3; i++) {
      ledger.received();
      ledger.hasWord(ledger.period());
      enlist("quick");
      assertThat(send()).hasSize(1);
    }
  }

  @Test
  void moreAnswersThanMessagesAreNoCredit() {
    sendFirst();
    ledger.received();
    ledger.received();
    for (int i = 0; i < SharedLedger.UNANSWERED_MESSAGES; i++) {
      enlist("first");
      assertThat(send()).hasSize(1);
    }
    enlist("first");
    assertThat(send()).isEmpty();
  }

  @Test
  void aCallThatIsNotReadyTakesNothing() {
    attach("a");
    assertThat(ledger.next(false, now)).isEqualTo(Step.REST);
    assertThat(ledger.next(true, now)).isEqualTo(Step.SEND);
  }

  @Test
  void whoHadNoRoomComesFirstAndWhoHasMoreComesLast() {
    sendFirst();
    enlist("new");
    ledger.putBack(new ArrayDeque<>(List.of("no room", "behind it")), List.of("more"));
    assertThat(List.copyOf(ledger.line()))
        .containsExactly("no room", "behind it", "new", "more")
        .inOrder();
  }

  @Test
  void lanesAreNumberedAsTheyAreOpened() throws Exception {
    attach("a", "b", "c");
    assertThat(ledger.open("b")).isEqualTo(1);
    assertThat(ledger.open("a")).isEqualTo(2);
    assertThat(ledger.lane(1)).isEqualTo("b");
    assertThat(ledger.lane(2)).isEqualTo("a");
    ledger.ended(1);
    assertThat(ledger.lane(1)).isNull();
    assertThat(ledger.attached()).isEqualTo(2);
  }

  @Test
  void aLaneThatWasNeverOpenedIsAViolation() {
    attach("a");
    ledger.open("a");
    for (long number : new long[] {0, 2, -1}) {
      HostViolationException violation =
          assertThrows(HostViolationException.class, () -> ledger.lane(number));
      assertThat(violation)
          .hasMessageThat()
          .isEqualTo(
              "a part for lane "
                  + Long.toUnsignedString(number)
                  + ", expected one of the lanes 1 to 1 that were opened");
    }
  }

  @Test
  void aCancelledLaneIsForgottenAndTheHostIsTold() throws Exception {
    sendFirst();
    attach("never sent");
    ledger.cancelled(0);
    ledger.cancelled(1);
    assertThat(ledger.lane(1)).isNull();
    assertThat(ledger.attached()).isEqualTo(0);
    assertThat(ledger.cancellation()).isEqualTo(1);
    assertThat(ledger.cancellation()).isNull();
  }

  @Test
  void aRetiredCallEndsWithItsLastLane() {
    sendFirst();
    ledger.retire();
    assertThat(ledger.attach()).isFalse();
    assertThat(ledger.next(true, now)).isEqualTo(Step.REST);
    enlist("first");
    assertThat(send()).containsExactly("first");
    ledger.cancelled(1);
    assertThat(ledger.next(false, now)).isEqualTo(Step.REST);
    assertThat(ledger.next(true, now)).isEqualTo(Step.SEND); // The cancellation.
    assertThat(ledger.cancellation()).isEqualTo(1);
    assertThat(ledger.next(true, now)).isEqualTo(Step.HALF_CLOSE);
    assertThat(ledger.next(true, now)).isEqualTo(Step.REST);
  }

  @Test
  void aRetiredCallOnWhichNothingWasSentIsCancelled() {
    attach("a");
    ledger.cancelled(0);
    ledger.retire();
    var unused = ledger.line();
    assertThat(ledger.next(false, now)).isEqualTo(Step.CANCEL);
  }

  @Test
  void whatIsLeftAtTheEndIsThereOnceAllHasBeenRead() throws Exception {
    attach("a", "b", "c", "d");
    var unused = ledger.line();
    ledger.open("c");
    ledger.open("a");
    enlist("b");
    enlist("d");
    ledger.end();
    assertThat(ledger.attach()).isFalse();
    assertThat(ledger.next(true, now)).isEqualTo(Step.REST);
    assertThat(ledger.lane(2)).isEqualTo("a"); // What has come for it is still heard.
    assertThat(ledger.leavesLanes()).isTrue();
    assertThat(ledger.leave()).containsExactly("c", "a", "b", "d").inOrder();
    assertThat(ledger.leavesLanes()).isFalse();
  }
}
