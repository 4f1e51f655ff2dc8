package dev.seriatim.testing;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.Fate;
import dev.seriatim.stub.Reasons;
import dev.seriatim.testing.v1.AddResponse;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a test does to the life, the commits and the connections of a host. */
class HostLifeTest {
  @RegisterExtension static final SeriatimExtension SERIATIM = SeriatimExtension.of(Tally::addTo);

  @Test
  void whatIsDurableIsThereAfterARestartAndMemoryIsNot(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    assertThat(Tallies.add(stub, 3).getCalls()).isEqualTo(2);
    host.restart();
    assertThat(Tallies.failure(stub).reason()).isEqualTo(Reasons.HOST_DRAINING);
    AddResponse after = Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1);
    assertThat(after.getSum()).isEqualTo(6);
    assertThat(after.getCalls()).isEqualTo(1);
  }

  @Test
  void aResumableStubGoesOnThroughARestartAndACrash(TestSeriatim host) {
    try (DurableObjectStub stub =
        host.objects().namespace(Tally.NAMESPACE).resumable().getByName("a")) {
      assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
      host.restart();
      assertThat(Tallies.add(stub, 3).getSum()).isEqualTo(5);
      host.crash();
      assertThat(Tallies.add(stub, 4).getSum()).isEqualTo(9);
    }
  }

  @Test
  void whatWasNotDurableIsGoneAfterACrash(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    Future<AddResponse> lost;
    try (HeldCommits held = host.holdCommits()) {
      lost = Tallies.begin(stub, 3);
      held.awaitCommit();
      host.crash();
    }
    CallFailure failure = Tallies.failure(lost);
    assertThat(failure.reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(failure.fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(Tallies.sum(host.stub(Tally.NAMESPACE, "a"))).isEqualTo(2);
  }

  @Test
  void aHostThatIsTakenOverLosesItsObjectsAndWhatWasNotDurable(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    HeldCommits held = host.holdCommits();
    Future<AddResponse> lost = Tallies.begin(stub, 3);
    held.awaitCommit();
    TestSeriatim second = host.takeOver();
    assertThat(Tallies.add(second.stub(Tally.NAMESPACE, "a"), 10).getSum()).isEqualTo(12);
    held.close();
    assertThat(Tallies.failure(lost).reason()).isEqualTo(Reasons.OBJECT_RESET);
    assertThat(Tallies.failure(host.stub(Tally.NAMESPACE, "a")).reason())
        .isEqualTo(Reasons.OBJECT_RESET);
    assertThat(Tallies.sum(second.stub(Tally.NAMESPACE, "a"))).isEqualTo(12);
  }

  @Test
  void aDrainedHostIsGoneUntilItIsStartedAgain(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    host.drain();
    assertThat(Tallies.failure(stub).reason()).isEqualTo(Reasons.HOST_DRAINING);
    IllegalStateException e = assertThrows(IllegalStateException.class, host::dropConnections);
    assertThat(e).hasMessageThat().contains("expected restart()");
    host.restart();
    assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 2).getSum()).isEqualTo(4);
  }

  // ---- commits

  @Test
  void aCommitThatFailsUndoesItsTurnAndBreaksTheStub(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    host.failNextCommit();
    CallFailure failure = Tallies.failure(stub);
    assertThat(failure.reason()).isEqualTo(Reasons.OBJECT_RESET);
    assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 2).getSum()).isEqualTo(4);
  }

  @Test
  void anOutcomeWaitsForItsCommitAndTheObjectDoesNot(TestSeriatim host) throws Exception {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    Future<AddResponse> first;
    Future<AddResponse> second;
    try (HeldCommits held = host.holdCommits()) {
      first = Tallies.begin(stub, 2);
      second = Tallies.begin(stub, 3);
      held.awaitCommit();
      assertThat(host.objects(Tally.NAMESPACE)).isEmpty();
      assertThat(first.isDone()).isFalse();
    }
    assertThat(first.get(30, TimeUnit.SECONDS).getSum()).isEqualTo(2);
    assertThat(second.get(30, TimeUnit.SECONDS).getSum()).isEqualTo(5);
  }

  @Test
  void aCommitWhoseAnswerIsLostHasAnUnknownFateAndIsDurable(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    host.loseCommitAnswer();
    assertThat(Tallies.failure(stub).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(Tallies.storedSum(host.object(Tally.NAMESPACE, "a"))).isEqualTo(3);
    assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(4);
  }

  // ---- connections

  @Test
  void connectionsAreDropped(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    Future<AddResponse> lost;
    try (HeldCommits held = host.holdCommits()) {
      lost = Tallies.begin(stub, 3);
      held.awaitCommit();
      host.dropConnections();
    }
    CallFailure failure = Tallies.failure(lost);
    assertThat(failure.reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(failure.fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(6);
  }
}
