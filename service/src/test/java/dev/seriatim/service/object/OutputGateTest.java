package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.common.collect.Maps;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.HostStatistics.OfNamespace;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Loss;
import dev.seriatim.service.session.OutputGate;
import dev.seriatim.service.session.Session;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Outcomes behind the gate, with the test in the place of the turn thread and the committer. */
final class OutputGateTest {
  private static final Executor SENDERS = Thread::startVirtualThread;
  private static final BreakCause LOST = BreakCause.of(BreakReason.OBJECT_RESET, "lost");

  private final TestObjects objects =
      new TestObjects(HostLimits.defaults(), Probe.doing(Probe::echo));
  private final RecordingAttachment attachment = new RecordingAttachment();
  private final Session stub = objects.open("a", attachment);
  private final OutputGate gate = objects.object("a").gate();

  @AfterEach
  void close() {
    objects.close();
  }

  private static Outcome outcome(long sequence) {
    return new Outcome(sequence, /* message= */ null, /* json= */ null);
  }

  /** Opens the gate, and waits until everyone who waits has been looked at. */
  private void openAndPass(long commit) {
    RecordingAttachment witness = new RecordingAttachment();
    objects.open("a", witness).complete(outcome(1), commit);
    gate.open(commit, SENDERS);
    Wait.until(() -> witness.outcomes() == 1, "the outcome of the witness");
  }

  private Broken broken() {
    Wait.until(attachment::isClosed, "the break");
    assertThat(attachment.breaches()).isEmpty();
    Broken broken = attachment.broken();
    if (broken == null) {
      throw new AssertionError("the stub closed, expected it to break");
    }
    return broken;
  }

  @Test
  void anOutcomeWaitsForItsCommit() {
    stub.complete(outcome(1), 2);
    openAndPass(1);
    assertThat(attachment.outcomes()).isEqualTo(0);
    gate.open(2, SENDERS);
    Wait.until(() -> attachment.outcomes() == 1, "the outcome");
  }

  @Test
  void othersHaveTheirTurnWhileManyStubsAreSentTo() {
    List<RecordingAttachment> many = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      RecordingAttachment one = new RecordingAttachment();
      objects.open("a", one).complete(outcome(1), 1);
      many.add(one);
    }
    Queue<Runnable> senders = new ArrayDeque<>();
    gate.open(1, senders::add);
    for (int sent = 0; sent < 100; ) {
      assertThat(senders).hasSize(1);
      senders.remove().run();
      int now = (int) many.stream().filter(one -> one.outcomes() == 1).count();
      assertThat(now).isGreaterThan(sent);
      assertThat(now - sent).isAtMost(20);
      sent = now;
    }
    assertThat(senders).isEmpty();
  }

  @Test
  void thereIsOneSenderHoweverOftenTheGateOpensMeanwhile() {
    List<RecordingAttachment> many = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      RecordingAttachment one = new RecordingAttachment();
      objects.open("a", one).complete(outcome(1), 20);
      many.add(one);
    }
    Queue<Runnable> senders = new ArrayDeque<>();
    for (int commit = 1; commit <= 20; commit++) {
      gate.open(commit, senders::add);
      assertThat(senders).hasSize(1);
      senders.remove().run();
      assertThat(senders.size()).isAtMost(1);
    }
    while (!senders.isEmpty()) {
      senders.remove().run();
    }
    assertThat(many.stream().allMatch(one -> one.outcomes() == 1)).isTrue();
  }

  @Test
  void manyStubsAreSentToThoughThereIsNoMemoryForAnotherSender() {
    List<RecordingAttachment> many = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      RecordingAttachment one = new RecordingAttachment();
      objects.open("a", one).complete(outcome(1), 1);
      many.add(one);
    }
    gate.open(
        1,
        _ -> {
          throw new OutOfMemoryError("a thread");
        });
    assertThat(many.stream().allMatch(one -> one.outcomes() == 1)).isTrue();
  }

  @Test
  void anOutcomeWithoutACommitWaitsForThoseBeforeIt() {
    stub.complete(outcome(1), 2);
    // Storage knows already that commit 2 is durable; the gate has still to be told.
    stub.complete(outcome(2), 0);
    openAndPass(1);
    assertThat(attachment.outcomes()).isEqualTo(0);
    gate.open(2, SENDERS);
    Wait.until(() -> attachment.outcomes() == 2, "both outcomes");
  }

  @Test
  void theEndOfTheCallWaitsForTheOutcomesBeforeIt() {
    stub.complete(outcome(1), 2);
    stub.halfClose();
    openAndPass(1);
    assertThat(attachment.isClosed()).isFalse();
    gate.open(2, SENDERS);
    Wait.until(attachment::isClosed, "the end of the call");
    assertThat(attachment.outcomes()).isEqualTo(1);
    assertThat(attachment.broken()).isNull();
  }

  @Test
  void aLostCommitTakesTheOutcomesFromThereOn() {
    stub.complete(outcome(1), 1);
    stub.complete(outcome(2), 2);
    stub.complete(outcome(3), 3);
    stub.complete(outcome(4), 0);
    gate.open(1, SENDERS);
    gate.fail(Loss.of(2, 3, LOST), SENDERS);
    gate.open(4, SENDERS);
    assertThat(broken().getCompletedThrough()).isEqualTo(1);
    assertThat(broken().getRetryable()).isTrue();
  }

  @Test
  void aLostCommitTakesAnEndThatIsBehindIt() {
    stub.complete(outcome(1), 1);
    stub.complete(outcome(2), 2);
    stub.breakSoon(ObjectDirectory.drainCause());
    gate.open(1, SENDERS);
    gate.fail(Loss.of(2, 2, LOST), SENDERS);
    gate.open(3, SENDERS);
    assertThat(broken().getCompletedThrough()).isEqualTo(1);
    assertThat(broken().getCause().getMessage()).isEqualTo("lost");
  }

  @Test
  void anOutcomeOfALostCommitThatComesLateIsLost() {
    gate.open(1, SENDERS);
    gate.fail(Loss.of(2, 2, LOST), SENDERS);
    stub.complete(outcome(1), 2);
    assertThat(broken().getCompletedThrough()).isEqualTo(0);
  }

  @Test
  void aBreakThatWaitsForACommitOfAnOlderLossIsTold() {
    gate.open(1, SENDERS);
    gate.fail(Loss.of(2, 2, LOST), SENDERS);
    gate.fail(Loss.of(3, 3, LOST), SENDERS);
    stub.breakTurn(BreakCause.of(BreakReason.OBJECT_EXCEPTION, "thrown"), 2);
    broken();
  }

  @Test
  void aCommitInDoubtEndsItsStubsWithoutAWordOnIt() {
    stub.complete(outcome(1), 1);
    stub.complete(outcome(2), 2);
    stub.complete(outcome(3), 4);
    gate.open(1, SENDERS);
    gate.fail(new Loss(2, 3, 4, LOST), SENDERS);
    checkLost(attachment, 1);
    assertThat(counted()).containsExactly("COMMIT_IN_DOUBT", 1L);
  }

  @Test
  void whatIsBehindACommitInDoubtIsLostForCertain() {
    stub.complete(outcome(1), 1);
    stub.complete(outcome(2), 4);
    gate.open(1, SENDERS);
    gate.fail(new Loss(2, 3, 4, LOST), SENDERS);
    assertThat(broken().getCompletedThrough()).isEqualTo(1);
    assertThat(broken().getRetryable()).isTrue();
    assertThat(counted()).containsExactly("OBJECT_RESET", 1L);
  }

  @Test
  void aFailureThatMayTellOfACommitInDoubtIsNotTold() {
    stub.complete(outcome(1), 1);
    stub.breakTurn(BreakCause.of(BreakReason.OBJECT_EXCEPTION, "what it saw"), 2);
    gate.open(1, SENDERS);
    gate.fail(new Loss(2, 2, 2, LOST), SENDERS);
    // Its own turn had no effect, whatever became of the commit.
    assertThat(broken().getCompletedThrough()).isEqualTo(1);
    assertThat(broken().getCause().getMessage()).isEqualTo("lost");
  }

  @Test
  void aTurnOfAStubThatWasGivenUpHasNoEffectIfWhatItStandsOnIsLost() {
    stub.complete(outcome(1), 1);
    stub.complete(outcome(2), 2);
    gate.open(1, SENDERS);
    stub.cancel(); // While its third turn runs.
    assertThat(stub.isBroken()).isFalse();
    gate.fail(Loss.of(2, 2, LOST), SENDERS);
    assertThat(stub.isBroken()).isTrue();
  }

  @Test
  void aTurnOfAStubThatWasGivenUpStandsIfOnlyLaterCommitsAreLost() {
    stub.complete(outcome(1), 1);
    stub.cancel();
    gate.open(1, SENDERS);
    gate.fail(Loss.of(2, 2, LOST), SENDERS);
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void anOutcomeOfACommitInDoubtThatComesLateIsNotTold() {
    RecordingAttachment behind = new RecordingAttachment();
    Session other = objects.open("a", behind);
    gate.fail(new Loss(1, 2, 3, LOST), SENDERS);
    gate.fail(Loss.of(4, 4, LOST), SENDERS);
    stub.complete(outcome(1), 2);
    other.complete(outcome(1), 3);
    checkLost(attachment, 0);
    Wait.until(behind::isClosed, "the break of the other stub");
    assertThat(behind.broken()).isNotNull();
  }

  @Test
  void aStubWhoseCarrierFailsIsCounted() {
    List<Status> ends = new CopyOnWriteArrayList<>();
    Session carried =
        objects.open(
            "a",
            new Attachment() {
              @Override
              public boolean isReady() {
                return true;
              }

              @Override
              public void send(List<Outcome> outcomes, @Nullable Broken last) {
                throw new IllegalStateException("nothing is carried any more");
              }

              @Override
              public void close(Status end) {
                ends.add(end);
              }
            });
    carried.complete(outcome(1), 0);
    Wait.until(() -> !ends.isEmpty(), "the end of the stub");
    assertThat(ends.getFirst().getMessage()).contains("nothing is carried any more");
    assertThat(counted()).containsExactly("HOST_FAILED", 1L);
  }

  /** The stub has ended behind so many outcomes, and nobody can say what became of the others. */
  private static void checkLost(RecordingAttachment attachment, int outcomes) {
    Wait.until(attachment::isClosed, "the end of the stub");
    assertThat(attachment.outcomes()).isEqualTo(outcomes);
    assertThat(attachment.broken()).isNull();
    assertThat(attachment.status().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
    assertThat(attachment.status().getMessage()).isEqualTo("lost");
    assertThat(attachment.breaches()).isEmpty();
  }

  /** How many stubs broke, or were lost, by reason. */
  private Map<String, Long> counted() {
    OfNamespace counts = objects.directory.counts().read(List.of(), /* alarms= */ null).getFirst();
    return Maps.filterValues(counts.stubsBroken(), count -> count > 0);
  }

  @Test
  void anOutcomeIsSentThoughItsCommitBecomesDurableJustThen() throws Exception {
    int rounds = 20_000;
    AtomicLong completing = new AtomicLong();
    Thread committer =
        Thread.ofPlatform()
            .start(
                () -> {
                  for (long i = 1; i <= rounds; i++) {
                    while (completing.get() < i) {
                      Thread.onSpinWait();
                    }
                    gate.open(i, SENDERS);
                  }
                });
    for (int i = 1; i <= rounds; i++) {
      completing.set(i);
      stub.complete(outcome(i), i);
      int wanted = i;
      Wait.until(() -> attachment.outcomes() == wanted, "outcome " + wanted);
    }
    committer.join();
    assertThat(attachment.breaches()).isEmpty();
  }

  @Test
  void oneStubsLossIsNotItsNeighbours() {
    List<RecordingAttachment> neighbours = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      RecordingAttachment neighbour = new RecordingAttachment();
      neighbours.add(neighbour);
      objects.open("a", neighbour).complete(outcome(1), 1);
    }
    stub.complete(outcome(1), 2);
    gate.open(1, SENDERS);
    gate.fail(Loss.of(2, 2, LOST), SENDERS);
    broken();
    for (RecordingAttachment neighbour : neighbours) {
      Wait.until(() -> neighbour.outcomes() == 1, "the neighbour's outcome");
      assertThat(neighbour.isClosed()).isFalse();
    }
  }
}
