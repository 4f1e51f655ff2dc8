package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Session;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Drives what is decided of a session that outlives its connections. The clock stands still. */
final class ResumptionTest {
  private static final ByteString ID = ByteString.copyFromUtf8("0123456789abcdef");

  private static final FailureCause LOST =
      FailureCause.connectionLost(Status.UNAVAILABLE, new Metadata());

  private static final FailureCause RESET = told(Code.ABORTED, Reasons.OBJECT_RESET, true);

  private long now = 7_000_000_000L;
  private final Resumption resumption =
      new Resumption(
          ResumeOptions.builder()
              .resumeTimeout(Duration.ofMinutes(10))
              .maxResumesWithoutProgress(3)
              .build(),
          () -> now);

  private static FailureCause told(Code code, String reason, boolean retryable) {
    return FailureCause.told(told(code, reason).setRetryable(retryable).build());
  }

  private static Broken.Builder told(Code code, String reason) {
    return FakeHost.broken(code, reason, 0);
  }

  private void pass(long millis) {
    now += millis * 1_000_000;
  }

  private static OpenedSession at(long completedThrough) {
    return OpenedSession.newBuilder()
        .setCompletedThrough(completedThrough)
        .setRetention(com.google.protobuf.Duration.newBuilder().setSeconds(600))
        .build();
  }

  private Session next(long answered) {
    return resumption.next(ID, answered);
  }

  private long lost(FailureCause how) {
    long pause = resumption.lost(how, true, 0);
    return pause == Resumption.GIVE_UP ? pause : pause / 1_000_000;
  }

  private void openFirst() throws HostViolationException {
    next(0);
    resumption.send(1, true, 0);
    assertThat(resumption.opened(at(0), 0, 1)).isEqualTo(1);
  }

  private void resume(long answered, @Nullable OpenedSession at, long sent)
      throws HostViolationException {
    next(answered);
    assertThat(resumption.maySend()).isFalse();
    assertThat(resumption.owesFrame(answered, false)).isTrue();
    resumption.send(sent, false, answered);
    assertThat(resumption.owesFrame(answered, false)).isFalse();
    assertThat(resumption.opened(at, answered, sent))
        .isEqualTo(at == null ? Resumption.GIVE_UP : at.getCompletedThrough());
  }

  @Test
  void theFirstConnectionWaitsForNothingAndLaterOnesDo() throws Exception {
    Session first = next(0);
    assertThat(first).isEqualTo(Session.newBuilder().setId(ID).setConnection(1).build());
    assertThat(resumption.maySend()).isTrue();
    assertThat(resumption.owesFrame(0, false)).isFalse();
    assertThat(resumption.send(3, true, 0)).isEqualTo(0);
    assertThat(resumption.opened(at(0), 0, 3)).isEqualTo(3);
    resumption.received(2, 2, 10);
    pass(1_500);
    assertThat(lost(LOST)).isEqualTo(0);
    assertThat(resumption.maySend()).isFalse();
    assertThat(resumption.isAway()).isTrue();
    Session second = next(2);
    assertThat(second.getConnection()).isEqualTo(2);
    assertThat(second.getAnsweredThrough()).isEqualTo(2);
    assertThat(second.getUnansweredFor())
        .isEqualTo(
            com.google.protobuf.Duration.newBuilder().setSeconds(1).setNanos(500_000_000).build());
    assertThat(resumption.maySend()).isFalse();
    assertThat(resumption.owesFrame(2, false)).isTrue();
    assertThat(resumption.send(3, false, 2)).isEqualTo(2);
    assertThat(resumption.opened(at(2), 2, 3)).isEqualTo(2);
    assertThat(resumption.maySend()).isTrue();
  }

  @Test
  void failedConnectionsHaveNumbersToo() throws Exception {
    openFirst();
    assertThat(lost(LOST)).isEqualTo(0);
    for (int connection = 2; connection < 6; connection++) {
      assertThat(next(0).getConnection()).isEqualTo(connection);
      assertThat(lost(LOST)).isAtLeast(50);
    }
  }

  @Test
  void pausesDoubleUpToTheLongestAndHalfOfEachIsRandom() throws Exception {
    openFirst();
    List<Long> pauses = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      pauses.add(lost(LOST));
      next(0);
    }
    assertThat(pauses)
        .containsExactly(0L, 50L, 100L, 200L, 400L, 800L, 1_600L, 3_200L, 5_000L, 5_000L)
        .inOrder();
    assertThat(resumption.lost(LOST, true, 0.999_999) / 1_000_000).isEqualTo(2_500);
    next(0);
    resumption.send(1, false, 0);
    resumption.opened(at(1), 0, 1);
    resumption.received(1, 1, 10);
    assertThat(lost(LOST)).isEqualTo(0);
  }

  @Test
  void whoeverHasTooMuchToDoIsNotTriedAtOnce() throws Exception {
    openFirst();
    FailureCause overloaded =
        FailureCause.connectionLost(Status.RESOURCE_EXHAUSTED, new Metadata());
    assertThat(lost(overloaded)).isEqualTo(1_000);
    next(0);
    assertThat(lost(overloaded)).isEqualTo(2_000);
    next(0);
    assertThat(lost(overloaded)).isEqualTo(4_000);
    next(0);
    assertThat(lost(overloaded)).isEqualTo(5_000);
  }

  @Test
  void withoutAnEchoOnTheFirstConnectionItIsAnOrdinaryStub() throws Exception {
    next(0);
    resumption.send(1, true, 0);
    assertThat(resumption.isResumable()).isTrue();
    assertThat(resumption.opened(null, 0, 1)).isEqualTo(1);
    assertThat(resumption.isResumable()).isFalse();
    assertThat(resumption.maySend()).isTrue();
    assertThat(resumption.mayHalfClose(0, 1)).isTrue();
    resumption.received(1, 1, 1 << 20);
    assertThat(resumption.owesFrame(1, true)).isFalse();
    assertThat(resumption.send(2, true, 1)).isEqualTo(0);
  }

  @Test
  void withoutAnEchoOnALaterConnectionItIsGivenUp() throws Exception {
    openFirst();
    assertThat(lost(LOST)).isEqualTo(0);
    resume(0, null, 1);
    assertThat(resumption.fateOfSent(Fate.UNKNOWN)).isEqualTo(Fate.UNKNOWN);
  }

  @Test
  void aHostStandsBetweenWhatWasAnsweredAndWhatWasSent() throws Exception {
    openFirst();
    resumption.send(5, true, 0);
    resumption.received(3, 3, 30);
    lost(LOST);
    next(3);
    resumption.send(5, false, 3);
    HostViolationException below =
        assertThrows(HostViolationException.class, () -> resumption.opened(at(2), 3, 5));
    assertThat(below)
        .hasMessageThat()
        .contains(
            "opened with completed_through 2, expected at least 3, which was answered, and at most"
                + " 5, which was sent");
    assertThrows(HostViolationException.class, () -> resumption.opened(at(6), 3, 5));
    assertThrows(HostViolationException.class, () -> resumption.opened(at(-1), 3, 5));
    assertThat(resumption.opened(at(5), 3, 5)).isEqualTo(5);
  }

  @Test
  void outcomesAreAcknowledgedInFramesAndAloneWhenThereAreMany() throws Exception {
    openFirst();
    resumption.send(600, true, 0);
    resumption.received(255, 255, 2_000);
    assertThat(resumption.owesFrame(255, false)).isFalse();
    resumption.received(256, 1, 10);
    assertThat(resumption.owesFrame(256, false)).isTrue();
    assertThat(resumption.send(600, false, 256)).isEqualTo(256);
    assertThat(resumption.owesFrame(256, false)).isFalse();
    resumption.received(257, 1, 64 << 10);
    assertThat(resumption.owesFrame(257, false)).isTrue();
    assertThat(resumption.send(601, true, 257)).isEqualTo(257);
    assertThat(resumption.owesFrame(257, false)).isFalse();
  }

  @Test
  void whatIsClosedIsAcknowledgedBeforeItEnds() throws Exception {
    openFirst();
    assertThat(resumption.mayHalfClose(0, 1)).isFalse();
    resumption.received(1, 1, 10);
    assertThat(resumption.owesFrame(1, false)).isFalse();
    assertThat(resumption.owesFrame(1, true)).isTrue();
    assertThat(resumption.mayHalfClose(1, 1)).isFalse();
    assertThat(resumption.send(1, false, 1)).isEqualTo(1);
    assertThat(resumption.owesFrame(1, true)).isFalse();
    assertThat(resumption.mayHalfClose(1, 1)).isTrue();
  }

  @Test
  void aRetryableBreakTellsThatNothingHadAnEffect() throws Exception {
    openFirst();
    assertThat(resumption.broken(RESET, true, true)).isTrue();
    assertThat(resumption.isEnding()).isTrue();
    assertThat(resumption.maySend()).isFalse();
    assertThat(lost(LOST)).isEqualTo(0);
    assertThat(resumption.cause()).isSameInstanceAs(RESET);
    assertThat(resumption.fateOfSent(Fate.UNKNOWN)).isEqualTo(Fate.NOT_EXECUTED);
    pass(10);
    resume(0, at(0), 1);
    pass(10);
    resumption.send(1, true, 0);
    assertThat(resumption.fateOfSent(Fate.UNKNOWN)).isEqualTo(Fate.UNKNOWN);
    lost(LOST);
    pass(10);
    assertThat(next(0).getUnansweredFor())
        .isEqualTo(com.google.protobuf.Duration.newBuilder().setNanos(30_000_000).build());
  }

  @Test
  void aBreakInPlaceOfOpenedTellsNothingOfEarlierConnections() throws Exception {
    openFirst();
    lost(LOST);
    next(0);
    FailureCause draining = told(Code.UNAVAILABLE, Reasons.HOST_DRAINING, true);
    assertThat(resumption.tellsOfSent(draining)).isFalse();
    assertThat(resumption.broken(draining, false, false)).isTrue();
    assertThat(lost(LOST)).isEqualTo(50);
    assertThat(resumption.cause()).isSameInstanceAs(draining);
    assertThat(resumption.fateOfSent(Fate.UNKNOWN)).isEqualTo(Fate.UNKNOWN);
    next(0);
    FailureCause expired = told(Code.FAILED_PRECONDITION, Reasons.SESSION_EXPIRED, false);
    assertThat(resumption.broken(expired, false, false)).isFalse();
  }

  @Test
  void whoIsSupersededByItselfTriesAgainAndTwoClonesDoNotForEver() throws Exception {
    FailureCause superseded = told(Code.ABORTED, Reasons.SESSION_SUPERSEDED, false);
    next(0);
    resumption.send(1, true, 0);
    assertThat(resumption.tellsOfSent(superseded)).isFalse();
    assertThat(resumption.broken(superseded, false, false)).isTrue();
    assertThat(lost(LOST)).isEqualTo(0);
    assertThat(next(0).getConnection()).isEqualTo(2);
    assertThat(resumption.broken(superseded, false, false)).isTrue();
    assertThat(lost(LOST)).isEqualTo(50);
    next(0);
    assertThat(resumption.broken(superseded, false, false)).isTrue();
    assertThat(lost(LOST)).isEqualTo(Resumption.GIVE_UP);
    assertThat(resumption.fateOfSent(Fate.UNKNOWN)).isEqualTo(Fate.UNKNOWN);
  }

  @Test
  void resumesWithoutProgressAreCounted() throws Exception {
    openFirst();
    for (int resumes = 0; resumes < 3; resumes++) {
      assertThat(resumption.broken(RESET, true, true)).isTrue();
      assertThat(lost(LOST)).isAtLeast(0);
      resume(0, at(0), 1);
      resumption.send(1, true, 0);
    }
    assertThat(resumption.broken(RESET, true, true)).isTrue();
    assertThat(lost(LOST)).isEqualTo(Resumption.GIVE_UP);
    assertThat(resumption.cause()).isSameInstanceAs(RESET);
    assertThat(resumption.fateOfSent(Fate.UNKNOWN)).isEqualTo(Fate.NOT_EXECUTED);
  }

  @Test
  void anAnswerIsProgressAndAnIdleStubNeedsNone() throws Exception {
    openFirst();
    resumption.received(1, 1, 10);
    for (int resumes = 0; resumes < 20; resumes++) {
      assertThat(resumption.lost(LOST, false, 0)).isEqualTo(Resumption.NOT_YET);
      pass(1_000_000);
      assertThat(resumption.wake()).isTrue();
      assertThat(resumption.wake()).isFalse();
      assertThat(millisLeft()).isEqualTo(600_000); // The minutes begin with the need.
      resume(1, at(1), 1);
    }
    for (int resumes = 0; resumes < 20; resumes++) {
      resumption.send(resumes + 2, true, resumes + 1);
      assertThat(lost(LOST)).isAtLeast(0);
      resume(resumes + 1, at(resumes + 2), resumes + 2);
      resumption.received(resumes + 2, 1, 10);
    }
  }

  @Test
  void aSilentHostIsLeftOnceUntilACallIsAnswered() throws Exception {
    assertThat(resumption.isSuspect(LOST, 0)).isFalse();
    openFirst();
    assertThat(resumption.isSuspect(LOST, 0)).isTrue();
    lost(LOST);
    resume(0, at(0), 1);
    assertThat(resumption.isSuspect(LOST, 0)).isFalse();
    resumption.received(1, 1, 10);
    assertThat(resumption.isSuspect(LOST, 1)).isTrue();
  }

  @Test
  void aConnectionThatWasThereForLongIsMissedAtOnce() throws Exception {
    openFirst();
    lost(LOST);
    next(0);
    lost(LOST);
    resume(0, at(0), 1);
    pass(4_999);
    assertThat(lost(LOST)).isEqualTo(100);
    resume(0, at(0), 1);
    pass(5_000);
    assertThat(lost(LOST)).isEqualTo(0);
  }

  @Test
  void itIsGivenUpSomeTimeAfterTheLossOrWhenTheHostMayForget() throws Exception {
    next(0);
    assertThat(lost(LOST)).isEqualTo(0);
    pass(30_000);
    assertThat(millisLeft()).isEqualTo(600_000 - 30_000);
    next(0);
    assertThat(lost(LOST)).isEqualTo(50); // The first loss counts.
    assertThat(millisLeft()).isEqualTo(600_000 - 30_000);
    resume(0, at(0), 0);
    resumption.send(1, true, 0);
    pass(100_000);
    lost(LOST);
    assertThat(millisLeft()).isEqualTo(300_000 - 100_000);
    pass(200_000);
    next(0);
    assertThat(lost(LOST)).isEqualTo(Resumption.GIVE_UP);
  }

  private long millisLeft() {
    return resumption.untilGivenUp() / 1_000_000;
  }

  @Test
  void whatNobodyWouldServeIsNotAskedForAgain() throws Exception {
    next(0);
    assertThat(lost(FailureCause.connectionLost(Status.UNIMPLEMENTED, new Metadata())))
        .isEqualTo(Resumption.GIVE_UP);
  }

  @Test
  void butAConnectionThatWasOpenMayBeLostByAnything() throws Exception {
    openFirst();
    assertThat(lost(FailureCause.connectionLost(Status.UNIMPLEMENTED, new Metadata())))
        .isEqualTo(0);
  }

  @Test
  void theOldestCallWithoutAnAnswerHasAnAge() {
    Unanswered calls = new Unanswered();
    assertThat(calls.isThere()).isFalse();
    calls.sent(2, 100);
    assertThat(calls.asksForTime(3)).isTrue();
    calls.sent(5, 200);
    assertThat(calls.asksForTime(6)).isFalse();
    calls.sent(6);
    assertThat(calls.age(300)).isEqualTo(200);
    calls.answered(1);
    assertThat(calls.age(300)).isEqualTo(200);
    calls.answered(2);
    assertThat(calls.age(300)).isEqualTo(100);
    calls.answered(6);
    assertThat(calls.isThere()).isFalse();
    calls.sent(7, 400);
    calls.sent(9, 500);
    assertThat(calls.age(600)).isEqualTo(200);
    calls.answered(7);
    assertThat(calls.age(600)).isEqualTo(100);
    assertThat(calls.asksForTime(9)).isFalse();
    calls.sent(9, 700); // Again.
    assertThat(calls.age(800)).isEqualTo(300);
    calls.sent(10, 800);
    calls.answered(9);
    assertThat(calls.age(900)).isEqualTo(100);
    calls.answered(10);
    assertThat(calls.isThere()).isFalse();
  }
}
