package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Wait;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Outcomes behind the gate, with the test in the place of the turn thread and the committer. */
final class OutputGateTest {
  private static final Executor SENDERS = Thread::startVirtualThread;
  private static final BreakCause LOST = BreakCause.of(BreakReason.OBJECT_RESET, "lost");

  private final TestObjects objects =
      new TestObjects(HostLimits.defaults(), Probe.doing(Probe::echo));
  private final RecordingSink sink = new RecordingSink();
  private final StubQueue stub = objects.open("a", sink);
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
    RecordingSink witness = new RecordingSink();
    objects.open("a", witness).complete(outcome(1), commit);
    gate.open(commit, SENDERS);
    Wait.until(() -> witness.outcomes() == 1, "the outcome of the witness");
  }

  private Broken broken() {
    Wait.until(sink::isClosed, "the break");
    assertThat(sink.breaches()).isEmpty();
    Broken broken = sink.broken();
    if (broken == null) {
      throw new AssertionError("the stub closed, expected it to break");
    }
    return broken;
  }

  @Test
  void anOutcomeWaitsForItsCommit() {
    stub.complete(outcome(1), 2);
    openAndPass(1);
    assertThat(sink.outcomes()).isEqualTo(0);
    gate.open(2, SENDERS);
    Wait.until(() -> sink.outcomes() == 1, "the outcome");
  }

  @Test
  void anOutcomeWithoutACommitWaitsForThoseBeforeIt() {
    stub.complete(outcome(1), 2);
    // Storage knows already that commit 2 is durable; the gate has still to be told.
    stub.complete(outcome(2), 0);
    openAndPass(1);
    assertThat(sink.outcomes()).isEqualTo(0);
    gate.open(2, SENDERS);
    Wait.until(() -> sink.outcomes() == 2, "both outcomes");
  }

  @Test
  void theEndOfTheCallWaitsForTheOutcomesBeforeIt() {
    stub.complete(outcome(1), 2);
    stub.halfClose();
    openAndPass(1);
    assertThat(sink.isClosed()).isFalse();
    gate.open(2, SENDERS);
    Wait.until(sink::isClosed, "the end of the call");
    assertThat(sink.outcomes()).isEqualTo(1);
    assertThat(sink.broken()).isNull();
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
    checkLost(sink, 1);
  }

  @Test
  void whatIsBehindACommitInDoubtIsLostForCertain() {
    stub.complete(outcome(1), 1);
    stub.complete(outcome(2), 4);
    gate.open(1, SENDERS);
    gate.fail(new Loss(2, 3, 4, LOST), SENDERS);
    assertThat(broken().getCompletedThrough()).isEqualTo(1);
    assertThat(broken().getRetryable()).isTrue();
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
  void anOutcomeOfACommitInDoubtThatComesLateIsNotTold() {
    RecordingSink behind = new RecordingSink();
    StubQueue other = objects.open("a", behind);
    gate.fail(new Loss(1, 2, 3, LOST), SENDERS);
    gate.fail(Loss.of(4, 4, LOST), SENDERS);
    stub.complete(outcome(1), 2);
    other.complete(outcome(1), 3);
    checkLost(sink, 0);
    Wait.until(behind::isClosed, "the break of the other stub");
    assertThat(behind.broken()).isNotNull();
  }

  /** The stub has ended behind so many outcomes, and nobody can say what became of the others. */
  private static void checkLost(RecordingSink sink, int outcomes) {
    Wait.until(sink::isClosed, "the end of the stub");
    assertThat(sink.outcomes()).isEqualTo(outcomes);
    assertThat(sink.broken()).isNull();
    assertThat(sink.status().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(sink.status().getDescription()).isEqualTo("lost");
    assertThat(sink.breaches()).isEmpty();
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
      Wait.until(() -> sink.outcomes() == wanted, "outcome " + wanted);
    }
    committer.join();
    assertThat(sink.breaches()).isEmpty();
  }

  @Test
  void oneStubsLossIsNotItsNeighbours() {
    List<RecordingSink> neighbours = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      RecordingSink neighbour = new RecordingSink();
      neighbours.add(neighbour);
      objects.open("a", neighbour).complete(outcome(1), 1);
    }
    stub.complete(outcome(1), 2);
    gate.open(1, SENDERS);
    gate.fail(Loss.of(2, 2, LOST), SENDERS);
    broken();
    for (RecordingSink neighbour : neighbours) {
      Wait.until(() -> neighbour.outcomes() == 1, "the neighbour's outcome");
      assertThat(neighbour.isClosed()).isFalse();
    }
  }
}
