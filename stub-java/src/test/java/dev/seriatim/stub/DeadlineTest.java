package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.Invocation;
import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class DeadlineTest {
  private final FakeScheduler clock = new FakeScheduler();
  private FakeHost host;
  private DurableObjectStub stub;
  private FakeHost.Stub accepted;

  /** A stub with one call completed, two frames at most unanswered, and a grace of 1 s. */
  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    stub =
        host.client(ClientOptions.builder().maxUnansweredFrames(2).scheduler(clock).build())
            .namespace("ECHO")
            .getByName("foo");
    accepted = host.acceptCalled(stub);
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  private ListenableFuture<EchoMessage> call(long millis) {
    return stub.call(
        EchoGrpc.getEchoMethod(), number(1), CallOptions.DEFAULT.withDeadline(in(millis)));
  }

  private Deadline in(long millis) {
    return Deadline.after(millis, TimeUnit.MILLISECONDS, clock.ticker());
  }

  @Test
  void theTimeThatRemainsGoesAlong() throws Exception {
    ListenableFuture<EchoMessage> sent = call(2500);
    ListenableFuture<EchoMessage> alsoSent =
        EchoGrpc.newFutureStub(stub.channel()).withDeadline(in(400)).echo(number(1));
    ListenableFuture<EchoMessage> waits = call(3000);
    ListenableFuture<EchoMessage> waitsTooLong = call(100);
    ListenableFuture<EchoMessage> behind = stub.call(EchoGrpc.getEchoMethod(), number(1));

    assertThat(accepted.invocation().getTimeout())
        .isEqualTo(Duration.newBuilder().setSeconds(2).setNanos(500_000_000).build());
    assertThat(accepted.invocation().getTimeout())
        .isEqualTo(Duration.newBuilder().setNanos(400_000_000).build());
    clock.advance(200);
    // It has never been sent, and its caller is told so. It keeps its place.
    CallFailure overdue = failureOf(waitsTooLong);
    assertThat(overdue.reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
    assertThat(overdue.fate()).isEqualTo(Fate.NOT_EXECUTED);
    accepted.answer(2, 3);
    dev.seriatim.v1.ConnectRequest gathered = accepted.frame();
    assertThat(gathered.getInvocations(0).getTimeout())
        .isEqualTo(Duration.newBuilder().setSeconds(2).setNanos(800_000_000).build());
    // It has run out; the host is told so, and breaks the stub in this place.
    Invocation late = gathered.getInvocations(1);
    assertThat(late.hasTimeout()).isTrue();
    assertThat(late.getTimeout()).isEqualTo(Duration.getDefaultInstance());
    accepted.answer(4, 4);
    accepted.breakWith(FakeHost.broken(Code.DEADLINE_EXCEEDED, "INVOCATION_TIMED_OUT", 4));

    assertThat(get(sent)).isEqualTo(number(2));
    assertThat(get(alsoSent)).isEqualTo(number(3));
    assertThat(get(waits)).isEqualTo(number(4));
    CallFailure failure = failureOf(behind);
    assertThat(failure.reason()).isEqualTo(Reasons.INVOCATION_TIMED_OUT);
    assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
    // No deadline is watched any longer, and the end of the call only until it comes.
    assertThat(clock.delaysMillis()).isIn(List.of(List.of(), List.of(10_000L)));
  }

  @Test
  void theContextsDeadlineCountsIfItIsEarlier() throws Exception {
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    try {
      Context.CancellableContext context =
          Context.current().withDeadline(Deadline.after(1, TimeUnit.HOURS), timer);
      context.run(
          () -> {
            ListenableFuture<EchoMessage> direct = call(7_200_000);
            ListenableFuture<EchoMessage> generated =
                EchoGrpc.newFutureStub(stub.channel()).echo(number(1));
            assertThat(direct.isDone()).isFalse();
            assertThat(generated.isDone()).isFalse();
          });
      assertThat(accepted.invocation().getTimeout().getSeconds()).isAtMost(3600);
      assertThat(accepted.invocation().getTimeout().getSeconds()).isAtMost(3600);
      context.cancel(null);
    } finally {
      timer.shutdownNow();
    }
  }

  @Test
  void aDeadlineLongPastStillHasTheWholeGrace() throws Exception {
    ListenableFuture<EchoMessage> late = call(-5000);

    assertThat(accepted.invocation().getTimeout()).isEqualTo(Duration.getDefaultInstance());
    clock.advance(999);
    assertThat(late.isDone()).isFalse();
    clock.advance(1);
    assertThat(failureOf(late).reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
  }

  @Test
  void theCallEndsWhenNoAnswerComesInTheGrace() throws Exception {
    ListenableFuture<EchoMessage> due = call(500);
    ListenableFuture<EchoMessage> without = stub.call(EchoGrpc.getEchoMethod(), number(1));
    ListenableFuture<EchoMessage> waits = call(60_000);
    accepted.framesThrough(3);

    clock.advance(1499);
    assertThat(due.isDone()).isFalse();
    clock.advance(1);
    CallFailure failure = failureOf(due);
    assertThat(failure.reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
    assertThat(failure.code()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(failure.failedSequence()).isEqualTo(2);
    assertThat(failure)
        .hasMessageThat()
        .isEqualTo("no answer 1000 ms after its deadline [ANSWER_OVERDUE, call 2, UNKNOWN]");
    assertThat(stub.isBroken()).isFalse();
    assertThat(clock.delaysMillis()).containsExactly(58_500L);

    accepted.answer(2, 3); // What comes of the call that ended is dropped.
    accepted.framesThrough(4);
    accepted.answer(4, 4);
    assertThat(get(without)).isEqualTo(number(3));
    assertThat(get(waits)).isEqualTo(number(4));
  }

  @Test
  void aCallBehindAnotherOneEndsAtItsDeadline() throws Exception {
    ListenableFuture<EchoMessage> without = stub.call(EchoGrpc.getEchoMethod(), number(1));
    ListenableFuture<EchoMessage> due = call(500);
    accepted.framesThrough(3);

    clock.advance(499);
    assertThat(due.isDone()).isFalse();
    clock.advance(1);
    assertThat(failureOf(due))
        .hasMessageThat()
        .isEqualTo(
            "its deadline passed behind call 2, which has no answer yet"
                + " [ANSWER_OVERDUE, call 3, UNKNOWN]");
    accepted.breakWith(FakeHost.broken(Code.DEADLINE_EXCEEDED, "INVOCATION_TIMED_OUT", 1));
    assertThat(failureOf(without).reason()).isEqualTo(Reasons.INVOCATION_TIMED_OUT);
  }

  @Test
  void aResultThatCannotBeReadOfACallThatEndedIsDropped() throws Exception {
    ListenableFuture<EchoMessage> due = call(500);
    accepted.frame();
    clock.advance(1500);
    assertThat(failureOf(due).reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
    accepted.answer(2, ByteString.copyFromUtf8("\n"));

    ListenableFuture<EchoMessage> next = stub.call(EchoGrpc.getEchoMethod(), number(1));
    accepted.frame();
    accepted.answer(3, 3);
    assertThat(get(next)).isEqualTo(number(3));
  }

  @Test
  void callbacksOfACallThatEndedMayBlock() throws Exception {
    CountDownLatch blocked = new CountDownLatch(1);
    CountDownLatch done = new CountDownLatch(1);
    ListenableFuture<EchoMessage> due = call(500);
    due.addListener(
        () -> {
          blocked.countDown();
          Uninterruptibles.awaitUninterruptibly(done);
        },
        Runnable::run);
    ListenableFuture<EchoMessage> other = call(600);
    accepted.framesThrough(3);
    clock.advance(1500);
    FakeHost.await(blocked, "the callback");
    clock.advance(100); // The clock's thread is free.
    assertThat(failureOf(other).reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
    done.countDown();
  }

  @Test
  void anAnswerInTheGraceIsInTime() throws Exception {
    ListenableFuture<EchoMessage> due = call(500);
    accepted.frame();
    clock.advance(1200);
    accepted.answer(2, 2);
    assertThat(get(due)).isEqualTo(number(2));

    clock.advance(100_000);
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void anEarlierDeadlineIsWatchedFirst() throws Exception {
    ListenableFuture<EchoMessage> late = call(10_000);
    assertThat(clock.delaysMillis()).containsExactly(10_000L);
    ListenableFuture<EchoMessage> early = call(100);
    assertThat(clock.delaysMillis()).containsExactly(100L);
    accepted.framesThrough(3);
    accepted.answer(2, 3);
    assertThat(get(late)).isEqualTo(number(2));
    assertThat(get(early)).isEqualTo(number(3));

    ListenableFuture<EchoMessage> third = call(5_000);
    clock.advance(100); // The watch finds the third and goes on with it.
    assertThat(clock.delaysMillis()).containsExactly(4_900L);
    clock.advance(4_900);
    assertThat(clock.delaysMillis()).containsExactly(1_000L);
    clock.advance(1_000);
    assertThat(failureOf(third).reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
  }
}
