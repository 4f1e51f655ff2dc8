package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.seriatim.stub.Ledger.Verdict;
import dev.seriatim.stub.Sending.Step;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Outcome;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.Deadline;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Drives the ledger through orders of events, without a thread, a call or a clock that runs. */
final class LedgerTest {
  private static final FailureCause BROKEN =
      FailureCause.of("SOME_REASON", Status.Code.ABORTED, "not today", true);

  private final FakeScheduler clock = new FakeScheduler();
  private final Ledger ledger = new Ledger(options(2, 4), null);

  private static ClientOptions options(int frames, int invocations) {
    return ClientOptions.builder()
        .maxUnansweredFrames(frames)
        .maxFrameInvocations(invocations)
        .maxBufferedInvocations(6)
        .build();
  }

  private PendingCall call() {
    return new CountedCall(null);
  }

  private PendingCall call(long millis) {
    return new CountedCall(Deadline.after(millis, TimeUnit.MILLISECONDS, clock.ticker()));
  }

  private PendingCall taken(PendingCall call) {
    assertThat(ledger.refusal(call)).isNull();
    ledger.take(call);
    return call;
  }

  private static ResponseFrame outcomes(long first, long last) {
    ConnectResponse.Builder frame = ConnectResponse.newBuilder();
    for (long sequence = first; sequence <= last; sequence++) {
      frame.addOutcomes(Outcome.newBuilder().setSequence(sequence).setMessage(ByteString.EMPTY));
    }
    return ResponseFrame.MARSHALLER.parse(frame.build().toByteString().newInput());
  }

  private List<Long> ended() {
    return ledger.overdue().stream().map(one -> one.call().sequence()).toList();
  }

  @Test
  void callsAreSentWhileTheWindowHasRoomAndThenTogether() {
    taken(call());
    assertThat(ledger.sending().next(false)).isEqualTo(Step.REST);
    assertThat(ledger.sending().next(true)).isEqualTo(Step.SEND);
    assertThat(ledger.sending().nextFrame()).hasLength(1);
    taken(call());
    assertThat(ledger.sending().next(true)).isEqualTo(Step.SEND);
    assertThat(ledger.sending().nextFrame()).hasLength(1);
    for (int i = 0; i < 5; i++) {
      taken(call());
    }
    assertThat(ledger.sending().next(true)).isEqualTo(Step.REST);
    assertThat(ledger.answer(outcomes(1, 1))).hasLength(1);
    assertThat(ledger.sending().next(true)).isEqualTo(Step.SEND);
    PendingCall[] frame = ledger.sending().nextFrame();
    assertThat(frame).hasLength(4);
    assertThat(frame[0].sequence()).isEqualTo(3);
    assertThat(ledger.sending().next(true)).isEqualTo(Step.REST);
  }

  @Test
  void outcomesCountAsFarAsTheyAreTheNextOnes() {
    taken(call());
    taken(call());
    assertThat(ledger.answer(outcomes(1, 1))).isEmpty(); // Not sent.
    ledger.sending().nextFrame();
    assertThat(ledger.answer(outcomes(2, 2))).isEmpty();
    assertThat(ledger.answer(outcomes(1, 3))).hasLength(2);
    assertThat(ledger.nextOutcome()).isEqualTo(3);
  }

  @Test
  void aClosedStubHalfClosesWhenAllIsSentAndIsFinishedWhenAllIsAnswered() {
    taken(call());
    assertThat(ledger.close()).isTrue();
    assertThat(ledger.close()).isFalse();
    assertThat(refusalReason()).isEqualTo(Reasons.STUB_CLOSED);
    assertThat(ledger.sending().next(true)).isEqualTo(Step.SEND);
    ledger.sending().nextFrame();
    assertThat(ledger.sending().next(true)).isEqualTo(Step.HALF_CLOSE);
    assertThat(ledger.sending().next(true)).isEqualTo(Step.REST);
    assertThat(ledger.isFinished()).isFalse();
    ledger.answer(outcomes(1, 1));
    assertThat(ledger.isFinished()).isTrue();
    ledger.closed();
    assertThat(ledger.breakWith(BROKEN)).isFalse();
    assertThat(ledger.isBroken()).isFalse();
  }

  @Test
  void aBreakFromThisSideCancelsOnceAndSortsTheCalls() {
    taken(call());
    ledger.sending().nextFrame();
    taken(call());
    assertThat(ledger.breakWith(BROKEN)).isTrue();
    assertThat(refusalReason()).isEqualTo("SOME_REASON");
    assertThat(ledger.sending().next(true)).isEqualTo(Step.CANCEL);
    assertThat(ledger.sending().next(true)).isEqualTo(Step.REST);
    FailureCause lost = FailureCause.connectionLost(Status.CANCELLED, new io.grpc.Metadata());
    List<Verdict> left = ledger.end(lost, Fate.UNKNOWN);
    assertThat(left.stream().map(one -> one.failure().getMessage()))
        .containsExactly(
            "not today [SOME_REASON, call 1, UNKNOWN]",
            "not today [SOME_REASON, call 2, NOT_EXECUTED]")
        .inOrder();
    assertThat(ledger.isOver()).isTrue();
    assertThat(ledger.cause()).isSameInstanceAs(BROKEN);
  }

  @Test
  void aBreakOfAStubThatWasNeverCalledCancelsNothing() {
    assertThat(ledger.breakWith(BROKEN)).isTrue();
    assertThat(ledger.sending().next(true)).isEqualTo(Step.REST);
    assertThat(ledger.end(BROKEN, Fate.NOT_EXECUTED)).isEmpty();
  }

  @Test
  void theBufferHasLimits() {
    for (int i = 0; i < 6; i++) {
      taken(call());
    }
    assertThat(refusalReason()).isEqualTo(Reasons.BUFFER_FULL);
    ledger.sending().nextFrame();
    taken(call());
  }

  private String refusalReason() {
    FailureCause refusal = ledger.refusal(call());
    return refusal == null ? "none" : refusal.reason();
  }

  // ---- whose time is up ------------------------------------------------------------------------

  @Test
  void theOldestIsLeftToTheHostForTheGrace() {
    taken(call(100));
    taken(call());
    ledger.sending().nextFrame();
    assertThat(ended()).isEmpty();
    assertThat(ledger.nextLook()).isEqualTo(TimeUnit.MILLISECONDS.toNanos(100));
    assertThat(ledger.awaitsWord()).isFalse();
    clock.advance(100);
    assertThat(ended()).isEmpty();
    assertThat(ledger.nextLook()).isEqualTo(TimeUnit.MILLISECONDS.toNanos(1000));
    assertThat(ledger.awaitsWord()).isTrue();
    clock.advance(1000);
    assertThat(ended()).containsExactly(1L);
    assertThat(ledger.nextLook()).isEqualTo(Ledger.NEVER);
    assertThat(ended()).isEmpty(); // Once.
    assertThat(ledger.isBroken()).isFalse();
  }

  @Test
  void behindACallWithoutADeadlineItEndsAtOnce() {
    taken(call());
    taken(call(100));
    taken(call());
    ledger.sending().nextFrame();
    clock.advance(100);
    List<Verdict> ended = ledger.overdue();
    assertThat(ended).hasSize(1);
    assertThat(ended.get(0).failure())
        .hasMessageThat()
        .isEqualTo(
            "its deadline passed behind call 1, which has no answer yet"
                + " [ANSWER_OVERDUE, call 2, UNKNOWN]");
    assertThat(ended.get(0).call().isOver()).isTrue();
  }

  @Test
  void behindALaterDeadlineItEndsAtOnce() {
    taken(call(500));
    taken(call(100));
    ledger.sending().nextFrame();
    clock.advance(100);
    assertThat(ended()).containsExactly(2L);
    assertThat(ledger.nextLook()).isEqualTo(TimeUnit.MILLISECONDS.toNanos(400));
  }

  @Test
  void behindAnOverdueCallItWaitsForTheHostToo() {
    taken(call(100));
    taken(call());
    taken(call(200));
    ledger.sending().nextFrame();
    clock.advance(200);
    assertThat(ended()).isEmpty();
    assertThat(ledger.nextLook()).isEqualTo(TimeUnit.MILLISECONDS.toNanos(900));
    clock.advance(900);
    assertThat(ended()).containsExactly(1L);
    // It still stands at the head, though its caller has gone.
    assertThat(ledger.nextLook()).isEqualTo(TimeUnit.MILLISECONDS.toNanos(100));
    clock.advance(100);
    assertThat(ended()).containsExactly(3L);
  }

  @Test
  void itIsLookedAtAnewWhenTheOldestIsAnswered() {
    taken(call(100));
    taken(call());
    taken(call(200));
    ledger.sending().nextFrame();
    clock.advance(200);
    assertThat(ended()).isEmpty();
    assertThat(ledger.awaitsWord()).isTrue();
    ledger.answer(outcomes(1, 1));
    assertThat(ended()).containsExactly(3L);
  }

  @Test
  void whatStoodBeforeItAndWasAnsweredDoesNotCount() {
    taken(call());
    taken(call(100));
    ledger.sending().nextFrame();
    ledger.answer(outcomes(1, 1));
    clock.advance(1099);
    assertThat(ended()).isEmpty();
    clock.advance(1);
    assertThat(ended()).containsExactly(2L);
  }

  @Test
  void whatWasNotSentIsNotExecutedAndKeepsItsPlace() {
    taken(call());
    ledger.sending().nextFrame();
    PendingCall waits = taken(call(100));
    taken(call());
    clock.advance(100);
    List<Verdict> ended = ledger.overdue();
    assertThat(ended.get(0).failure().fate()).isEqualTo(Fate.NOT_EXECUTED);
    PendingCall[] frame = ledger.sending().nextFrame();
    assertThat(frame).hasLength(2);
    assertThat(frame[0]).isSameInstanceAs(waits);
    assertThat(frame[1].sequence()).isEqualTo(3);
  }

  @Test
  void aCallThatEndedIsNotEndedAgainWithTheStub() {
    taken(call());
    taken(call(100));
    taken(call());
    ledger.sending().nextFrame();
    clock.advance(100);
    assertThat(ended()).containsExactly(2L);
    FailureCause told = FailureCause.told(FakeHost.broken(Code.ABORTED, "OBJECT_RESET", 0).build());
    assertThat(ledger.end(told, Fate.NOT_EXECUTED).stream().map(one -> one.failure().getMessage()))
        .containsExactly(
            "because of OBJECT_RESET [OBJECT_RESET, call 1, NOT_EXECUTED]",
            "because of OBJECT_RESET [OBJECT_RESET, call 3 behind 1, NOT_EXECUTED]")
        .inOrder();
  }

  @Test
  void aBrokenStubEndsNoCallByItself() {
    taken(call(100));
    ledger.sending().nextFrame();
    ledger.breakWith(BROKEN);
    clock.advance(5000);
    assertThat(ended()).isEmpty();
    assertThat(ledger.nextLook()).isEqualTo(Ledger.NEVER);
  }

  // ---- every order of events -------------------------------------------------------------------

  @Test
  void whateverHappensEachCallEndsOnceAndNumbersHaveNoGap() {
    Seeds.each(2_000, seed -> new Round(seed).run());
  }

  private static final class Round {
    private final String what;
    private final Random random;
    private final FakeScheduler clock = new FakeScheduler();
    private final Ledger ledger;
    private final List<CountedCall> calls = new ArrayList<>();
    private long sent;
    private long answered;
    private boolean halfClosed;
    private boolean cancelled;

    Round(long seed) {
      what = "seed " + seed;
      random = new Random(seed);
      ledger = new Ledger(options(1 + random.nextInt(3), 1 + random.nextInt(4)), null);
    }

    void run() {
      for (int i = random.nextInt(60); i > 0 && !ledger.isOver(); i--) {
        step();
      }
      if (!ledger.isOver()) {
        end();
      }
      for (int i = 0; i < calls.size(); i++) {
        assertWithMessage("%s: ends of call %s", what, i + 1)
            .that(calls.get(i).ends())
            .isEqualTo(1);
      }
      assertWithMessage(what).that(ledger.overdue()).isEmpty();
    }

    private void step() {
      switch (random.nextInt(8)) {
        case 0, 1 -> take();
        case 2, 3 -> write();
        case 4 -> answer();
        case 5 -> clock.advance(random.nextInt(1200));
        case 6 -> overdue();
        default -> {
          if (random.nextInt(6) == 0) {
            ledger.close();
          } else if (random.nextInt(12) == 0) {
            ledger.breakWith(BROKEN);
          } else if (random.nextInt(12) == 0) {
            end();
          }
        }
      }
    }

    private void take() {
      Deadline deadline =
          random.nextBoolean()
              ? Deadline.after(random.nextInt(1500), TimeUnit.MILLISECONDS, clock.ticker())
              : null;
      CountedCall call = new CountedCall(deadline);
      if (ledger.refusal(call) == null) {
        ledger.take(call);
        calls.add(call);
        assertWithMessage(what).that(call.sequence()).isEqualTo(calls.size());
      }
    }

    private void write() {
      switch (ledger.sending().next(random.nextInt(4) != 0)) {
        case SEND -> {
          assertWithMessage("%s: sent after the end", what).that(halfClosed || cancelled).isFalse();
          for (PendingCall call : ledger.sending().nextFrame()) {
            assertWithMessage(what).that(call.sequence()).isEqualTo(++sent);
          }
        }
        case HALF_CLOSE -> {
          assertWithMessage("%s: half-closed twice", what).that(halfClosed).isFalse();
          halfClosed = true;
        }
        case CANCEL -> {
          assertWithMessage("%s: cancelled twice", what).that(cancelled).isFalse();
          cancelled = true;
        }
        case REST -> {}
      }
    }

    private void answer() {
      long through = answered + random.nextInt((int) (sent - answered) + 1);
      if (through == answered || ledger.isBroken()) {
        return;
      }
      for (PendingCall call : ledger.answer(outcomes(answered + 1, through))) {
        assertWithMessage(what).that(call.sequence()).isEqualTo(++answered);
        if (!call.isOver()) {
          call.fail(new CallFailure(BROKEN, Fate.COMPLETED, call)); // Any end will do.
        }
      }
      assertWithMessage(what).that(answered).isEqualTo(through);
    }

    private void overdue() {
      for (Verdict ended : ledger.overdue()) {
        assertWithMessage("%s: the deadline", what).that(ended.call().isOverdue()).isTrue();
        assertFate(ended);
        ended.tell();
      }
      assertWithMessage(what).that(ledger.nextLook()).isGreaterThan(0L);
    }

    private void end() {
      for (Verdict ended : ledger.end(BROKEN, Fate.UNKNOWN)) {
        assertFate(ended);
        ended.tell();
      }
    }

    private void assertFate(Verdict ended) {
      assertWithMessage("%s: fate of call %s", what, ended.call().sequence())
          .that(ended.failure().fate())
          .isEqualTo(ended.call().sequence() <= sent ? Fate.UNKNOWN : Fate.NOT_EXECUTED);
    }
  }
}
