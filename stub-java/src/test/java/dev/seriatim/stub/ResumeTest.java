package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.stub.FakeHost.broken;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import io.grpc.CallOptions;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Resumable stubs on a host whose connections are cut, over real gRPC. No clock runs. */
@Timeout(120)
final class ResumeTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final FakeScheduler clock = new FakeScheduler();
  private final Queue<FailureCause> breaks = new ConcurrentLinkedQueue<>();
  private FakeHost host;
  private DurableObjectStub stub;

  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    stub = stub(ResumeOptions.defaults());
  }

  private DurableObjectStub stub(ResumeOptions resume) {
    ClientOptions options =
        ClientOptions.builder()
            .openTimeout(FakeScheduler.NEVER)
            .endTimeout(FakeScheduler.NEVER)
            .maxUnansweredFrames(2)
            .maxFrameInvocations(300)
            .scheduler(clock)
            .build();
    DurableObjectStub made =
        host.client(options).namespace("ECHO").resumable(resume).getByName("foo");
    made.onBreak(breaks::add);
    return made;
  }

  @AfterEach
  void stop() {
    host.close();
  }

  private ListenableFuture<EchoMessage> call(long number) {
    return stub.call(EchoGrpc.getEchoMethod(), number(number));
  }

  private ListenableFuture<EchoMessage> call(long number, long millis) {
    return stub.call(
        EchoGrpc.getEchoMethod(),
        number(number),
        CallOptions.DEFAULT.withDeadline(
            Deadline.after(millis, TimeUnit.MILLISECONDS, clock.ticker())));
  }

  /** The next connection, whose first frame says all this and calls nothing. */
  private FakeHost.Stub resumed(int connection, long answered) throws Exception {
    FakeHost.Stub next = host.accept();
    ConnectRequest frame = next.frame();
    assertThat(frame.getOpen().getName()).isEqualTo("foo");
    assertThat(frame.getOpen().getSession().getConnection()).isEqualTo(connection);
    assertThat(frame.getOpen().getSession().getAnsweredThrough()).isEqualTo(answered);
    assertThat(frame.getOpen().getSession().getId().size()).isEqualTo(16);
    assertThat(frame.getAcknowledgedThrough()).isEqualTo(answered);
    assertThat(frame.getInvocationsList()).isEmpty();
    return next;
  }

  /** The numbers of the invocations that come, in their order. */
  private static List<Long> numbersThrough(FakeHost.Stub connection, long last) throws Exception {
    List<Long> numbers = new ArrayList<>();
    for (ConnectRequest frame : connection.framesThrough(last)) {
      frame.getInvocationsList().stream().map(Invocation::getSequence).forEach(numbers::add);
    }
    return numbers;
  }

  /** A first connection, on which two calls were sent and the first one was answered. */
  private FakeHost.Stub oneOfTwoAnswered(
      ListenableFuture<EchoMessage> one, ListenableFuture<EchoMessage> two) throws Exception {
    FakeHost.Stub first = host.accept().opened("foo", 0); // A shared call waits for that.
    ConnectRequest open = first.framesThrough(2).get(0);
    assertThat(open.getOpen().getSession().getConnection()).isEqualTo(1);
    assertThat(open.getOpen().getSession().getAnsweredThrough()).isEqualTo(0);
    assertThat(open.getOpen().getSession().hasUnansweredFor()).isFalse();
    first.answer(1, 1);
    assertThat(get(one)).isEqualTo(number(1));
    assertThat(two.isDone()).isFalse();
    return first;
  }

  @Test
  void aLostConnectionIsReplacedAndNobodyNotices() throws Exception {
    ListenableFuture<EchoMessage> two;
    ListenableFuture<EchoMessage> one = call(1);
    two = call(2);
    oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE);

    FakeHost.Stub second = resumed(2, 1);
    ListenableFuture<EchoMessage> three = call(3);
    assertThat(second.hasFrame()).isFalse();
    second.opened("foo", 1);
    assertThat(numbersThrough(second, 3)).containsExactly(2L, 3L).inOrder();
    second.answer(2, 3);
    assertThat(get(two)).isEqualTo(number(2));
    assertThat(get(three)).isEqualTo(number(3));
    assertThat(stub.isResumable()).isTrue();
    assertThat(stub.isBroken()).isFalse();
    assertThat(breaks).isEmpty();
    assertEndsInOrder(second, 3);
  }

  private void assertEndsInOrder(FakeHost.Stub connection, long acknowledged) throws Exception {
    stub.close();
    ConnectRequest last = connection.frame();
    assertThat(last.getInvocationsList()).isEmpty();
    assertThat(last.getAcknowledgedThrough()).isEqualTo(acknowledged);
    assertThat(connection.end()).isEqualTo("half-closed");
    connection.end(Status.OK);
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void outcomesComeAgainByThemselves() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    oneOfTwoAnswered(one, two).end(Status.INTERNAL);

    FakeHost.Stub second = resumed(2, 1);
    second.opened("foo", 2).answer(2, 2);
    assertThat(get(two)).isEqualTo(number(2));
    ListenableFuture<EchoMessage> three = call(3);
    ConnectRequest frame = second.frame();
    assertThat(frame.getInvocations(0).getSequence()).isEqualTo(3);
    assertThat(frame.getAcknowledgedThrough()).isEqualTo(2);
    second.answer(3, 3);
    get(three);
  }

  @Test
  void callsMadeWithoutAConnectionKeepTheirOrderAndTheirLimit() throws Exception {
    stub =
        host.client(ClientOptions.builder().scheduler(clock).maxBufferedInvocations(3).build())
            .namespace("ECHO")
            .resumable()
            .getByName("foo");
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE);
    resumed(2, 1).end(Status.UNAVAILABLE); // From now on it pauses.
    clock.awaitTaskWithin(20, 50);
    List<ListenableFuture<EchoMessage>> waiting = List.of(call(3), call(4), call(5));
    assertThat(failureOf(call(6)).reason()).isEqualTo(Reasons.BUFFER_FULL);
    clock.advance(50);
    FakeHost.Stub third = resumed(3, 1);
    third.opened("foo", 1);
    assertThat(numbersThrough(third, 5)).containsExactly(2L, 3L, 4L, 5L).inOrder();
    third.answer(2, 5);
    get(two);
    for (int i = 0; i < 3; i++) {
      assertThat(get(waiting.get(i))).isEqualTo(number(i + 3));
    }
  }

  @Test
  void aRetryableBreakIsNoneAndAFinalOneIs() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    oneOfTwoAnswered(one, two)
        .breakWith(broken(Code.ABORTED, Reasons.OBJECT_RESET, 1).setRetryable(true));

    FakeHost.Stub second = resumed(2, 1);
    second.opened("foo", 1);
    assertThat(numbersThrough(second, 2)).containsExactly(2L);
    ListenableFuture<EchoMessage> three = call(3);
    second.framesThrough(3);
    second.breakWith(broken(Code.UNKNOWN, Reasons.OBJECT_EXCEPTION, 1));
    assertThat(failureOf(two).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(failureOf(three).reason()).isEqualTo(Reasons.OBJECT_EXCEPTION);
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(breaks).hasSize(1);
    assertThat(host.hasStub()).isFalse();
  }

  @Test
  void withoutAnEchoItIsAStubLikeAnyOther() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    FakeHost.Stub first = host.accept().opened("foo");
    first.frame();
    first.answer(1, 1);
    get(one);
    assertThat(stub.isResumable()).isFalse();
    ListenableFuture<EchoMessage> two = call(2);
    assertThat(first.frame().getAcknowledgedThrough()).isEqualTo(0);
    first.end(Status.UNAVAILABLE);
    assertThat(failureOf(two).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(two).reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(breaks).hasSize(1);
    assertThat(host.hasStub()).isFalse();
  }

  @Test
  void withoutAnEchoAStubThatIsClosedHalfClosesBeforeItsAnswers() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    stub.close();
    FakeHost.Stub first = host.accept();
    first.frame();
    first.opened("foo");
    assertThat(first.end()).isEqualTo("half-closed");
    first.answer(1, 1).end(Status.OK);
    get(one);
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void withoutAnEchoLaterOnItIsLost() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE);
    FakeHost.Stub second = resumed(2, 1);
    ListenableFuture<EchoMessage> three = call(3);
    second.opened("foo");
    CallFailure lost = failureOf(two);
    assertThat(lost.reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(lost.fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(three).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(second.end()).isEqualTo("cancelled");
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(breaks).hasSize(1);
  }

  @Test
  void aHostThatStandsWhereItCannotBreaksTheStub() throws Exception {
    for (long where : new long[] {0, 3}) {
      stub = stub(ResumeOptions.defaults());
      ListenableFuture<EchoMessage> one = call(1);
      ListenableFuture<EchoMessage> two = call(2);
      oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE);
      FakeHost.Stub second = resumed(2, 1);
      second.opened("foo", where);
      assertThat(failureOf(two).reason()).isEqualTo(Reasons.HOST_VIOLATION);
      assertThat(failureOf(two).fate()).isEqualTo(Fate.UNKNOWN);
      assertThat(second.end()).isEqualTo("cancelled");
    }
  }

  @Test
  void aRefusalTellsNothingOfEarlierConnections() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE);
    FakeHost.Stub second = resumed(2, 1);
    ListenableFuture<EchoMessage> three = call(3);
    second.breakWith(broken(Code.UNAVAILABLE, Reasons.HOST_DRAINING, 0).setRetryable(true));
    clock.awaitTaskWithin(20, 50);
    clock.advance(50);
    resumed(3, 1).breakWith(broken(Code.FAILED_PRECONDITION, Reasons.SESSION_EXPIRED, 0));
    assertThat(failureOf(two).reason()).isEqualTo(Reasons.SESSION_EXPIRED);
    assertThat(failureOf(two).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(three).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(failureOf(call(4)).reason()).isEqualTo(Reasons.SESSION_EXPIRED);
  }

  @Test
  void whatIsRefusedAtFirstWasNotExecuted() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    FakeHost.Stub first = host.accept();
    first.frame();
    first.breakWith(broken(Code.NOT_FOUND, Reasons.UNKNOWN_NAMESPACE, 0));
    assertThat(failureOf(one).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(failureOf(one).reason()).isEqualTo(Reasons.UNKNOWN_NAMESPACE);
    assertThat(host.hasStub()).isFalse();
  }

  @Test
  void whoIsSupersededByItselfTakesAHigherNumber() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    FakeHost.Stub first = host.accept();
    first.frame();
    first.breakWith(broken(Code.ABORTED, Reasons.SESSION_SUPERSEDED, 0));
    FakeHost.Stub second = resumed(2, 0);
    second.opened("foo", 1).answer(1, 1);
    assertThat(get(one)).isEqualTo(number(1));
  }

  @Test
  void itGivesUpInTime() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE.withDescription("cut"));
    FakeHost.Stub second = resumed(2, 1);
    ListenableFuture<EchoMessage> three = call(3);
    clock.awaitTask();
    clock.advance(59_000);
    assertThat(two.isDone()).isFalse();
    clock.advance(1_001);
    CallFailure lost = failureOf(two);
    assertThat(lost).hasMessageThat().isEqualTo("cut [CONNECTION_LOST, call 2, UNKNOWN]");
    assertThat(failureOf(three).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(second.end()).isEqualTo("cancelled");
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(breaks).hasSize(1);
  }

  @Test
  void itGivesUpBetweenTwoConnections() throws Exception {
    stub =
        stub(
            ResumeOptions.builder()
                .resumeTimeout(Duration.ofSeconds(4))
                .resumeBackoff(Duration.ofSeconds(10))
                .maxResumeBackoff(Duration.ofSeconds(10))
                .build());
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    FakeHost.Stub first = oneOfTwoAnswered(one, two);
    first.breakWith(broken(Code.ABORTED, Reasons.OBJECT_RESET, 1).setRetryable(true));
    FakeHost.Stub second = resumed(2, 1);
    second.breakWith(broken(Code.UNAVAILABLE, Reasons.HOST_DRAINING, 0).setRetryable(true));
    clock.awaitTaskWithin(5_000, 10_000);
    clock.advance(4_000);
    CallFailure lost = failureOf(two);
    assertThat(lost.reason()).isEqualTo(Reasons.HOST_DRAINING);
    assertThat(lost.fate()).isEqualTo(Fate.NOT_EXECUTED); // The object's break said so.
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
  }

  @Test
  void closingWaitsForTheAnswers() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    FakeHost.Stub first = oneOfTwoAnswered(one, two);
    stub.close();
    assertThat(failureOf(call(3)).reason()).isEqualTo(Reasons.STUB_CLOSED);
    assertThat(first.hasEnd()).isFalse();
    first.end(Status.UNAVAILABLE);
    FakeHost.Stub second = resumed(2, 1);
    second.opened("foo", 1);
    assertThat(second.frame().getInvocations(0).getSequence()).isEqualTo(2);
    second.answer(2, 2);
    get(two);
    ConnectRequest last = second.frame();
    assertThat(last.getInvocationsList()).isEmpty();
    assertThat(last.getAcknowledgedThrough()).isEqualTo(2);
    assertThat(second.end()).isEqualTo("half-closed");
    second.end(Status.UNAVAILABLE); // Nothing is left to be lost.
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(stub.isBroken()).isFalse();
    assertThat(host.hasStub()).isFalse();
  }

  @Test
  void closingWithNothingUnansweredNeedsNoConnection() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    FakeHost.Stub first = host.accept().opened("foo", 0);
    first.frame();
    first.answer(1, 1);
    get(one);
    ListenableFuture<EchoMessage> two = call(2);
    first.frame();
    first.end(Status.UNAVAILABLE);
    FakeHost.Stub second = resumed(2, 1);
    second.opened("foo", 2).answer(2, 2);
    get(two);
    second.end(Status.UNAVAILABLE);
    stub.close();
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    assertThat(stub.isBroken()).isFalse();
    assertThat(breaks).isEmpty();
  }

  @Test
  void anIdleStubDoesNotMissItsConnectionBeforeItIsCalled() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    FakeHost.Stub first = host.accept().opened("foo", 0);
    first.frame();
    first.answer(1, 1);
    get(one);
    first.end(Status.UNAVAILABLE);
    clock.awaitNoTask(); // Nothing tries, and nothing is given up.
    clock.advance(1_000_000);
    assertThat(host.hasStub()).isFalse();
    ListenableFuture<EchoMessage> two = call(2);
    FakeHost.Stub second = resumed(2, 1);
    second.opened("foo", 1);
    assertThat(numbersThrough(second, 2)).containsExactly(2L);
    second.answer(2, 2);
    get(two);
    assertThat(breaks).isEmpty();
  }

  @Test
  void cancellingNeedsNoConnectionEither() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE);
    resumed(2, 1).end(Status.UNAVAILABLE);
    clock.awaitTaskWithin(20, 50);
    ListenableFuture<EchoMessage> three = call(3);
    stub.cancel("enough");
    assertThat(failureOf(two).reason()).isEqualTo(Reasons.STUB_CANCELLED);
    assertThat(failureOf(two).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(three).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
    clock.advance(100_000);
    assertThat(host.hasStub()).isFalse();
  }

  @Test
  void deadlinesPassForTheirCallersAndTheCallsKeepTheirPlaces() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2, 300);
    oneOfTwoAnswered(one, two).end(Status.UNAVAILABLE);
    FakeHost.Stub second = resumed(2, 1);
    ListenableFuture<EchoMessage> three = call(3, 400);
    ListenableFuture<EchoMessage> four = call(4);
    clock.advance(500);
    CallFailure overdue = failureOf(two);
    assertThat(overdue.reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
    assertThat(overdue.fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(three).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(four.isDone()).isFalse();
    second.opened("foo", 1);
    List<Invocation> sent = new ArrayList<>();
    second.framesThrough(4).forEach(frame -> sent.addAll(frame.getInvocationsList()));
    assertThat(sent.stream().map(Invocation::getSequence)).containsExactly(2L, 3L, 4L).inOrder();
    for (Invocation invocation : sent.subList(0, 2)) {
      assertWithMessage("%s", invocation.getSequence()).that(invocation.hasTimeout()).isTrue();
      assertThat(invocation.getTimeout())
          .isEqualTo(com.google.protobuf.Duration.newBuilder().build());
    }
    second.breakWith(broken(Code.DEADLINE_EXCEEDED, Reasons.INVOCATION_TIMED_OUT, 1));
    assertThat(failureOf(four).reason()).isEqualTo(Reasons.INVOCATION_TIMED_OUT);
    assertThat(failureOf(four).fate()).isEqualTo(Fate.NOT_EXECUTED);
  }

  @Test
  void aHostThatSaysNothingOfADeadlineIsLeft() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2, 300);
    FakeHost.Stub first = oneOfTwoAnswered(one, two);
    clock.advance(300);
    clock.advance(1_001);
    assertThat(failureOf(two).reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
    assertThat(first.end()).isEqualTo("cancelled");
    FakeHost.Stub second = resumed(2, 1);
    ListenableFuture<EchoMessage> three = call(3);
    second.opened("foo", 2).answer(2, 2);
    assertThat(numbersThrough(second, 3)).containsExactly(3L);
    second.answer(3, 3);
    get(three);
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void manyOutcomesAreAcknowledgedAlone() throws Exception {
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    calls.add(call(1));
    FakeHost.Stub first = host.accept().opened("foo", 0);
    first.frame();
    for (int n = 2; n <= 300; n++) {
      calls.add(call(n));
    }
    first.answer(1, 1);
    first.framesThrough(300);
    first.answer(2, 300);
    ConnectRequest alone = first.frame();
    assertThat(alone.getInvocationsList()).isEmpty();
    assertThat(alone.getAcknowledgedThrough()).isAtLeast(257);
    for (ListenableFuture<EchoMessage> call : calls) {
      get(call);
    }
    ListenableFuture<EchoMessage> more = call(301);
    assertThat(first.frame().getAcknowledgedThrough()).isEqualTo(300);
    first.answer(301, 301);
    get(more);
  }

  @Test
  void aHostThatDoesNotOpenInTimeIsTriedAgain() throws Exception {
    ClientOptions options =
        ClientOptions.builder().openTimeout(Duration.ofMillis(100)).scheduler(clock).build();
    stub = host.client(options).namespace("ECHO").resumable().getByName("foo");
    ListenableFuture<EchoMessage> one = call(1);
    FakeHost.Stub first = host.accept();
    first.frame();
    clock.awaitTask();
    clock.advance(100);
    if (!OnLanes.on()) { // A shared call sends nothing more before it has had a word.
      assertThat(first.end()).isEqualTo("cancelled");
    }
    FakeHost.Stub second = resumed(2, 0);
    second.opened("foo", 0);
    assertThat(numbersThrough(second, 1)).containsExactly(1L);
    second.answer(1, 1);
    get(one);
  }

  @Test
  void aHostWithoutSharedCallsHasEachConnectionForItself() throws Exception {
    host.serveNoSharedCalls();
    ClientOptions options = ClientOptions.builder().sharedCalls(1).scheduler(clock).build();
    stub = host.client(options).namespace("ECHO").resumable().getByName("foo");
    ListenableFuture<EchoMessage> one = call(1);
    FakeHost.Stub first = host.accept();
    assertThat(first.frame().getOpen().getSession().getConnection()).isEqualTo(1);
    first.opened("foo", 0).end(Status.UNAVAILABLE);
    FakeHost.Stub second = resumed(2, 0);
    second.opened("foo", 0);
    assertThat(numbersThrough(second, 1)).containsExactly(1L);
    second.answer(1, 1);
    get(one);
    assertThat(host.refusedSharedCalls()).isEqualTo(1);
  }

  @Test
  void closingTheClientBreaksWhatWaitsForAConnection() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    FakeHost.Stub first = oneOfTwoAnswered(one, two);
    host.channel().shutdown();
    first.end(Status.UNAVAILABLE);
    assertThat(failureOf(two).reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(failureOf(two).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(stub.awaitEnd(PATIENCE)).isTrue();
  }

  @Test
  void whatComesBehindABreakIsNotTaken() throws Exception {
    ListenableFuture<EchoMessage> one = call(1);
    ListenableFuture<EchoMessage> two = call(2);
    FakeHost.Stub first = oneOfTwoAnswered(one, two);
    first.send(
        ConnectResponse.newBuilder()
            .setBroken(broken(Code.ABORTED, Reasons.OBJECT_RESET, 1).setRetryable(true))
            .build());
    first.answer(2, 2); // Instead of the end, which the client then brings about.
    assertThat(first.end()).isEqualTo("cancelled");
    FakeHost.Stub second = resumed(2, 1);
    second.opened("foo", 1);
    assertThat(numbersThrough(second, 2)).containsExactly(2L);
    second.answer(2, 2);
    get(two);
  }

  @Test
  void anIdempotencyKeyIsLetThrough() throws Exception {
    Metadata headers = new Metadata();
    headers.put(DurableObjectStub.IDEMPOTENCY_KEY, "order-12345");
    ListenableFuture<EchoMessage> one =
        stub.call(EchoGrpc.getEchoMethod(), number(1), CallOptions.DEFAULT, headers);
    FakeHost.Stub first = host.accept();
    assertThat(first.invocation().getMetadataMap())
        .containsExactly("seriatim-idempotency-key", "order-12345");
    first.opened("foo", 0).answer(1, 1);
    get(one);
  }
}
