package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.google.protobuf.util.Durations;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.Broken;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Turns of objects that behave, and of objects that don't. */
final class TurnTest {
  private static final HostLimits.Builder SHORT_TURNS =
      HostLimits.builder().turnLimit(Duration.ofSeconds(1));

  @Test
  void outcomesComeInOrder() throws Exception {
    try (TestHost host = TestHost.of(Probe.doing(Probe::echo))) {
      TestStub stub = host.stub("a").call("1", "2", "3").call("4");
      assertThat(stub.outcome(4).getText()).isEqualTo("4");
      assertThat(stub.outcome(1).getText()).isEqualTo("1");
      stub.halfClose();
      stub.closed();
    }
  }

  @Test
  void nothingBehindAThrowIsRun() throws Exception {
    List<String> ran = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  ran.add(request.getText());
                  if (request.getText().equals("bad")) {
                    throw new IllegalStateException("no good");
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub stub = host.stub("a").call("1", "bad", "3").call("4");
      Broken broken = stub.broken("OBJECT_EXCEPTION");
      assertThat(broken.getCompletedThrough()).isEqualTo(1);
      assertThat(broken.getFailedSequence()).isEqualTo(2);
      assertThat(broken.getRemote()).isTrue();
      assertThat(broken.getCause().getMessage()).contains("no good");
      assertThat(ran).containsExactly("1", "bad").inOrder();
      assertThat(host.stub("a").ask("again")).isEqualTo("again");
    }
  }

  @Test
  void aTurnThatNeverRepliesIsCutOff() throws Exception {
    try (TestHost host =
        TestHost.of(
            SHORT_TURNS,
            Probe.doing(
                (probe, request, reply) -> {
                  if (!request.getText().equals("never")) {
                    Probe.reply(reply, "call " + probe.calls);
                  }
                }))) {
      TestStub other = host.stub("a");
      assertThat(other.ask("")).isEqualTo("call 1");
      Broken broken = host.stub("a").call("never").broken("INVOCATION_TIMED_OUT");
      assertThat(broken.getFailedSequence()).isEqualTo(1);
      assertThat(broken.getCause().getMessage()).contains("invocation 1");
      // The instance went with the turn; the other stub stayed.
      assertThat(other.ask("")).isEqualTo("call 1");
    }
  }

  @Test
  void aTurnThatBlocksIsInterruptedAndCutOff() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            SHORT_TURNS,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("block")) {
                    try {
                      new CountDownLatch(1).await();
                    } finally {
                      interrupted.countDown();
                    }
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      host.stub("a").call("block").broken("INVOCATION_TIMED_OUT");
      Wait.on(interrupted, "the interrupt");
      assertThat(host.stub("a").ask("next")).isEqualTo("next");
    }
  }

  @Test
  void aTurnThatIgnoresInterruptsCantWedgeItsObject() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            SHORT_TURNS,
            Probe.doing(
                (probe, request, reply) -> {
                  while (request.getText().equals("stubborn") && end.getCount() > 0) {
                    Thread.onSpinWait();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      host.stub("a").call("stubborn").broken("INVOCATION_TIMED_OUT");
      assertThat(host.stub("a").ask("next")).isEqualTo("next");
    } finally {
      end.countDown();
    }
  }

  @Test
  void anInvocationsOwnTimeoutCutsItOff() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  if (!request.getText().equals("never")) {
                    Probe.echo(probe, request, reply);
                  }
                }))) {
      TestStub stub = host.stub("a");
      stub.ask("first");
      stub.call("never", call -> call.setTimeout(Durations.fromMillis(50)));
      Broken broken = stub.broken("INVOCATION_TIMED_OUT");
      assertThat(broken.getCompletedThrough()).isEqualTo(1);
      assertThat(broken.getFailedSequence()).isEqualTo(2);
    }
  }

  @Test
  void aTimeoutThatRanOutInTheQueueHasNoEffect() throws Exception {
    List<String> ran = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  ran.add(request.getText());
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub stub = host.stub("a");
      stub.call("late", call -> call.setTimeout(Durations.fromMillis(-1)));
      stub.broken("INVOCATION_TIMED_OUT");
      assertThat(ran).isEmpty();
      TestStub other = host.stub("a");
      other.call("zero", call -> call.setTimeout(Durations.ZERO));
      other.broken("INVOCATION_TIMED_OUT");
      assertThat(ran).isEmpty();
    }
  }

  @Test
  void aFailureAfterTheDeadlineIsTheDeadlines() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  CountDownLatch expired = new CountDownLatch(1);
                  Context.current().addListener(context -> expired.countDown(), Runnable::run);
                  expired.await();
                  throw Status.UNAVAILABLE.asRuntimeException();
                }))) {
      TestStub stub = host.stub("a");
      stub.call("", call -> call.setTimeout(Durations.fromMillis(50)));
      stub.broken("INVOCATION_TIMED_OUT");
    }
  }

  @Test
  void aReplyFromAnotherThreadEndsTheTurn() throws Exception {
    List<String> order = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  order.add("begin " + request.getText());
                  Thread.startVirtualThread(
                      () -> {
                        order.add("end " + request.getText());
                        Probe.echo(probe, request, reply);
                      });
                }))) {
      TestStub stub = host.stub("a").call("1", "2");
      TestStub other = host.stub("a").call("3", "4");
      assertThat(stub.outcome(2).getText()).isEqualTo("2");
      assertThat(other.outcome(2).getText()).isEqualTo("4");
      for (int i = 0; i < order.size(); i += 2) {
        assertThat(order.get(i + 1)).isEqualTo(order.get(i).replace("begin", "end"));
      }
    }
  }

  @Test
  void aReplyAfterTheCutIsIgnored() throws Exception {
    AtomicReference<StreamObserver<Words>> kept = new AtomicReference<>();
    try (TestHost host =
        TestHost.of(
            SHORT_TURNS,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("keep")) {
                    kept.set(reply);
                  } else {
                    Probe.echo(probe, request, reply);
                  }
                }))) {
      host.stub("a").call("keep").broken("INVOCATION_TIMED_OUT");
      try {
        Probe.reply(kept.get(), "late");
      } catch (RuntimeException e) {
        // gRPC's own observer may say that the call is cancelled.
      }
      assertThat(host.stub("a").ask("next")).isEqualTo("next");
    }
  }

  @Test
  void whateverIsThrownIsTheReply() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  switch (request.getText()) {
                    case "error" -> throw new AssertionError("an error");
                    case "stack" -> throw new StackOverflowError();
                    case "unreadable" -> throw new Unreadable();
                    case "buried" ->
                        throw Status.INTERNAL.withCause(new Unreadable()).asException();
                    default -> Probe.echo(probe, request, reply);
                  }
                }))) {
      TestStub witness = host.stub("a");
      assertThat(host.stub("a").call("error").broken("OBJECT_EXCEPTION").getCause().getMessage())
          .contains("an error");
      host.stub("a").call("stack").broken("OBJECT_EXCEPTION");
      assertThat(
              host.stub("a").call("unreadable").broken("OBJECT_EXCEPTION").getCause().getMessage())
          .contains("Unreadable");
      host.stub("a").call("buried").broken("OBJECT_EXCEPTION");
      assertThat(witness.ask("still there")).isEqualTo("still there");
    }
  }

  /** An exception that throws when it is looked at. */
  private static final class Unreadable extends RuntimeException {
    private static final long serialVersionUID = 1;

    @Override
    public String getMessage() {
      throw new IllegalStateException("don't look");
    }
  }

  @Test
  void aReplyIsClosedOnce() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  switch (request.getText()) {
                    case "twice" -> {
                      reply.onNext(request);
                      reply.onNext(request);
                    }
                    case "nothing" -> reply.onCompleted();
                    case "both" -> {
                      Probe.echo(probe, request, reply);
                      reply.onError(new IllegalStateException("behind the reply"));
                    }
                    default -> Probe.echo(probe, request, reply);
                  }
                }))) {
      host.stub("a").call("twice").broken("OBJECT_EXCEPTION");
      assertThat(host.stub("a").call("nothing").broken("OBJECT_EXCEPTION").getCause().getMessage())
          .contains("without a response");
      assertThat(host.stub("a").ask("fine")).isEqualTo("fine");
    }
  }

  @Test
  void aReplyThatTheMethodThrowsBehindIsAFailure() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  Probe.echo(probe, request, reply);
                  throw new IllegalStateException("afterwards");
                }))) {
      Broken broken = host.stub("a").call("1").broken("OBJECT_EXCEPTION");
      assertThat(broken.getCause().getMessage()).contains("afterwards");
    }
  }

  @Test
  void anInterruptOfItsOwnDoesntReachTheNextTurn() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  boolean interrupted = Thread.currentThread().isInterrupted();
                  if (request.getText().equals("interrupt")) {
                    Thread.currentThread().interrupt();
                  }
                  Probe.reply(reply, request.getText() + (interrupted ? " interrupted" : ""));
                }))) {
      TestStub stub = host.stub("a").call("interrupt", "next");
      assertThat(stub.outcome(2).getText()).isEqualTo("next");
    }
  }

  @Test
  void aListenerThatThrowsAfterTheReplyHarmsNothing() throws Exception {
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  ((ServerCallStreamObserver<Words>) reply)
                      .setOnCloseHandler(
                          () -> {
                            throw new AssertionError("after the reply");
                          });
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub stub = host.stub("a");
      assertThat(stub.ask("1")).isEqualTo("1");
      assertThat(stub.ask("2")).isEqualTo("2");
    }
  }

  @Test
  void aListenerThatBlocksAfterTheReplyIsCutOff() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            SHORT_TURNS,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("block")) {
                    ((ServerCallStreamObserver<Words>) reply)
                        .setOnCloseHandler(() -> awaitStubbornly(end));
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub other = host.stub("a");
      other.ask("1");
      host.stub("a").call("block").broken("INVOCATION_TIMED_OUT");
      assertThat(other.ask("2")).isEqualTo("2");
    } finally {
      end.countDown();
    }
  }

  @Test
  void aContextListenerThatBlocksHoldsUpNothing() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            SHORT_TURNS,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("block")) {
                    Context.current().addListener(context -> awaitStubbornly(end), Runnable::run);
                  } else {
                    Probe.echo(probe, request, reply);
                  }
                }))) {
      // By the host's limit and by their own timeouts: none may hold up the timer of the others.
      host.stub("a").call("block").broken("INVOCATION_TIMED_OUT");
      TestStub timed = host.stub("b");
      timed.call("block", call -> call.setTimeout(Durations.fromMillis(50)));
      timed.broken("INVOCATION_TIMED_OUT");
      host.stub("c").call("block").broken("INVOCATION_TIMED_OUT");
      for (String name : List.of("a", "b", "c")) {
        assertThat(host.stub(name).ask("next")).isEqualTo("next");
      }
    } finally {
      end.countDown();
    }
  }

  private static void awaitStubbornly(CountDownLatch end) {
    while (end.getCount() > 0) {
      try {
        end.await();
      } catch (InterruptedException e) {
        // Stubborn.
      }
    }
  }

  @Test
  void aMethodThatIsCutOffIsToldSo() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    CountDownLatch contextCancelled = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            SHORT_TURNS,
            Probe.doing(
                (probe, request, reply) -> {
                  ((ServerCallStreamObserver<Words>) reply)
                      .setOnCancelHandler(cancelled::countDown);
                  Context.current()
                      .addListener(context -> contextCancelled.countDown(), Runnable::run);
                }))) {
      host.stub("a").call("").broken("INVOCATION_TIMED_OUT");
      Wait.on(cancelled, "onCancel");
      Wait.on(contextCancelled, "the cancellation of the context");
    }
  }

  @Test
  void aFactoryThatThrowsBreaksTheStub() throws Exception {
    try (TestHost host =
        TestHost.of(
            state -> {
              if (state.name().orElse("").equals("bad")) {
                throw Status.FAILED_PRECONDITION.withDescription("not today").asException();
              }
              if (state.name().orElse("").equals("error")) {
                throw new AssertionError("an error");
              }
              return new Probe(state, Probe::echo, null);
            })) {
      Broken broken = host.stub("bad").call("1").broken("OBJECT_START_FAILED");
      assertThat(broken.getCause().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION.value());
      assertThat(broken.getCause().getMessage()).isEqualTo("not today");
      assertThat(broken.getRemote()).isTrue();
      host.stub("error").call("1").broken("OBJECT_START_FAILED");
      host.stub("error").call("1").broken("OBJECT_START_FAILED");
      assertThat(host.stub("good").ask("1")).isEqualTo("1");
    }
  }

  @Test
  void aCancelledStubBeginsNothingMore() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    List<String> ran = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  ran.add(request.getText());
                  if (request.getText().equals("1")) {
                    entered.countDown();
                    leave.await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub stub = host.stub("a").call("1", "2", "3");
      Wait.on(entered, "the first turn");
      stub.cancel();
      stub.lost();
      leave.countDown();
      assertThat(host.stub("a").ask("other")).isEqualTo("other");
      assertThat(ran).containsExactly("1", "other").inOrder();
    }
  }

  @Test
  void stubsAreServedInTurn() throws Exception {
    CountDownLatch enter = new CountDownLatch(1);
    List<String> order = new CopyOnWriteArrayList<>();
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("first")) {
                    enter.await();
                  }
                  order.add(request.getText());
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub first = host.stub("a").call("first");
      String[] many = new String[1000];
      java.util.Arrays.fill(many, "flood");
      TestStub flood = host.stub("a").call(many);
      TestStub single = host.stub("a").call("single", "single");
      assertTimeoutPreemptively(
          Duration.ofSeconds(60),
          () -> {
            single.call("single");
            enter.countDown();
            first.outcome(1);
            single.outcome(2);
            flood.outcome(1000);
          });
      // Whoever came first, at most a few turns of the flood run between those of the other.
      int one = order.indexOf("single");
      assertThat(order.subList(one + 1, order.size()).indexOf("single")).isAtMost(2);
    }
  }

  @Test
  void outcomesDontWaitForALongTurnBehindThem() throws Exception {
    CountDownLatch leave = new CountDownLatch(1);
    try (TestHost host =
        TestHost.of(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("long")) {
                    leave.await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      TestStub stub = host.stub("a").call("1", "2", "long");
      assertThat(stub.outcome(2).getText()).isEqualTo("2");
      assertThat(stub.outcomes()).isEqualTo(2);
      leave.countDown();
      stub.outcome(3);
    }
  }

  @Test
  void aClientOnTheHostsOwnThreadsCallsBack() throws Exception {
    try (TestHost host = TestHost.direct(HostLimits.builder(), Probe.doing(Probe::echo))) {
      TestStub stub = host.stub("a");
      for (int i = 1; i <= 1000; i++) {
        stub.call("call " + i);
      }
      assertThat(stub.outcome(1000).getText()).isEqualTo("call 1000");
      stub.halfClose();
      stub.closed();
    }
  }
}
