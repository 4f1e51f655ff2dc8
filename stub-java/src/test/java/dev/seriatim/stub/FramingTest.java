package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.util.concurrent.Uninterruptibles.awaitUninterruptibly;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.wire.Content;
import io.grpc.Status;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Self-clocked frames, and the limits on what waits and what is under way. */
@Timeout(120)
final class FramingTest {
  private FakeHost host;

  @BeforeEach
  void startHost() throws Exception {
    host = new FakeHost();
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  private DurableObjectStub stub(ClientOptions.Builder options) {
    return host.client(options.build()).namespace("ECHO").getByName("foo");
  }

  private static List<ListenableFuture<EchoMessage>> calls(DurableObjectStub stub, int count) {
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      calls.add(stub.call(EchoGrpc.getEchoMethod(), number(i + 1)));
    }
    return calls;
  }

  private static ListenableFuture<EchoMessage> call(DurableObjectStub stub, int textBytes) {
    return stub.call(
        EchoGrpc.getEchoMethod(), EchoMessage.newBuilder().setText("x".repeat(textBytes)).build());
  }

  /** Opens the stub with one call, so that the first frame is out of the way. */
  private FakeHost.Stub opened(DurableObjectStub stub) throws Exception {
    ListenableFuture<EchoMessage> first = stub.call(EchoGrpc.getEchoMethod(), number(1));
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(first)).isEqualTo(number(1));
    return accepted;
  }

  @Test
  void aCallLeavesAtOnceWhileFewFramesAreUnanswered() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder().maxUnansweredFrames(3));
    FakeHost.Stub accepted = opened(stub);

    for (long sequence = 2; sequence <= 4; sequence++) {
      ListenableFuture<EchoMessage> unused = stub.call(EchoGrpc.getEchoMethod(), number(sequence));
      assertThat(accepted.invocation().getSequence()).isEqualTo(sequence);
    }
  }

  @Test
  void furtherCallsGatherUntilAnAnswerComes() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder().maxUnansweredFrames(2));
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = calls(stub, 10); // 2 … 11

    assertThat(accepted.invocation().getSequence()).isEqualTo(2);
    assertThat(accepted.invocation().getSequence()).isEqualTo(3);
    assertThat(accepted.hasFrame()).isFalse();
    accepted.answer(2, 2);
    ConnectRequest gathered = accepted.frame();
    assertThat(gathered.getInvocationsCount()).isEqualTo(8);
    assertThat(gathered.getInvocations(0).getSequence()).isEqualTo(4);
    assertThat(gathered.getInvocations(7).getSequence()).isEqualTo(11);

    // Two frames are unanswered again, 3 and 4…11, and the second is so until 11 is answered.
    calls.addAll(calls(stub, 2)); // 12, 13
    accepted.answer(3, 3);
    assertThat(accepted.frame().getInvocationsCount()).isEqualTo(2);
    calls.addAll(calls(stub, 1)); // 14
    accepted.answer(4, 10);
    assertThat(get(calls.get(8))).isEqualTo(number(10));
    assertThat(accepted.hasFrame()).isFalse();
    accepted.answer(11, 11);
    assertThat(accepted.invocation().getSequence()).isEqualTo(14);
  }

  /** Has each of these calls make another one as soon as it is answered. */
  private static void callAgain(
      DurableObjectStub stub, List<ListenableFuture<EchoMessage>> calls, CountDownLatch made) {
    for (ListenableFuture<EchoMessage> call : calls) {
      call.addListener(
          () -> {
            ListenableFuture<EchoMessage> unused = stub.call(EchoGrpc.getEchoMethod(), number(0));
            made.countDown();
          },
          MoreExecutors.directExecutor());
    }
  }

  @Test
  void callsOfListenersShareAFrame() throws Exception {
    // Of a clock that stands still: a slow machine must not find that they have waited for too
    // long.
    DurableObjectStub stub =
        stub(ClientOptions.builder().maxUnansweredFrames(2).scheduler(new FakeScheduler()));
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = calls(stub, 12); // 2 … 13
    accepted.answer(2, 3);
    assertThat(accepted.framesThrough(13)).hasSize(3);
    callAgain(stub, calls.subList(2, 12), new CountDownLatch(10));

    accepted.answer(4, 13);
    ConnectRequest gathered = accepted.frame();
    assertThat(gathered.getInvocationsCount()).isEqualTo(10);
    assertThat(gathered.getInvocations(0).getSequence()).isEqualTo(14);
  }

  @Test
  void aListenerThatBlocksHoldsUpNoCall() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder());
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = calls(stub, 3); // 2 … 4
    assertThat(accepted.framesThrough(4)).hasSize(3);
    CountDownLatch made = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    callAgain(stub, calls.subList(0, 1), made); // 5
    calls.get(0).addListener(() -> awaitUninterruptibly(goOn), MoreExecutors.directExecutor());

    accepted.answer(2, 4);
    assertThat(awaitUninterruptibly(made, 10, TimeUnit.SECONDS)).isTrue();
    List<ListenableFuture<EchoMessage>> ours =
        calls(stub, 1); // 6, from a thread that is no listener.
    assertThat(accepted.framesThrough(6)).isNotEmpty();
    goOn.countDown();
    accepted.answer(5, 6);
    assertThat(get(ours.get(0))).isEqualTo(number(6));
  }

  @Test
  void aCallOfAListenerLeavesThoughTheListenerBlocks() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder());
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = calls(stub, 2); // 2, 3
    assertThat(accepted.framesThrough(3)).hasSize(2);
    CountDownLatch goOn = new CountDownLatch(1);
    callAgain(stub, calls.subList(0, 1), new CountDownLatch(1)); // 4
    calls.get(0).addListener(() -> awaitUninterruptibly(goOn), MoreExecutors.directExecutor());

    accepted.answer(2, 3);
    assertThat(accepted.invocation().getSequence()).isEqualTo(4);
    goOn.countDown();
    assertThat(get(calls.get(1))).isEqualTo(number(3));
  }

  @Test
  void gatheredCallsDoNotFillTheBuffer() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder().maxBufferedInvocations(2));
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = calls(stub, 2); // 2, 3
    assertThat(accepted.framesThrough(3)).hasSize(2);
    List<ListenableFuture<EchoMessage>> more = new CopyOnWriteArrayList<>();
    calls
        .get(0)
        .addListener(() -> more.addAll(calls(stub, 4)), MoreExecutors.directExecutor()); // 4 … 7

    accepted.answer(2, 3);
    assertThat(accepted.framesThrough(7)).isNotEmpty();
    accepted.answer(4, 7);
    assertThat(get(calls.get(1))).isEqualTo(number(3)); // Behind the listener, which fills `more`.
    for (ListenableFuture<EchoMessage> call : more) {
      assertThat(get(call)).isNotNull();
    }
    assertThat(more).hasSize(4);
  }

  @Test
  void aFrameHasItsMostInvocations() throws Exception {
    DurableObjectStub stub =
        stub(ClientOptions.builder().maxUnansweredFrames(1).maxFrameInvocations(4));
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = calls(stub, 11); // 2 … 12

    List<Integer> sizes = new ArrayList<>();
    for (long answered = 1; answered < 12; ) {
      ConnectRequest frame = accepted.frame();
      sizes.add(frame.getInvocationsCount());
      accepted.answer(answered + 1, answered + frame.getInvocationsCount());
      answered += frame.getInvocationsCount();
    }
    assertThat(sizes).containsExactly(1, 4, 4, 2).inOrder();
    assertThat(get(calls.get(10))).isEqualTo(number(12));
  }

  @Test
  void aFrameHasItsMostBytesAndABigCallGoesAlone() throws Exception {
    DurableObjectStub stub =
        stub(ClientOptions.builder().maxUnansweredFrames(1).maxFrameBytes(1000));
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (int bytes : new int[] {1, 300, 300, 300, 5000, 10, 10}) { // 2 … 8
      calls.add(call(stub, bytes));
    }

    List<Integer> sizes = new ArrayList<>();
    for (long answered = 1; answered < 8; ) {
      ConnectRequest frame = accepted.frame();
      int count = frame.getInvocationsCount();
      if (count > 1) {
        assertThat(frame.getSerializedSize()).isAtMost(1000);
      }
      sizes.add(count);
      accepted.answer(answered + 1, answered + count);
      answered += count;
    }
    assertThat(sizes).containsExactly(1, 2, 1, 1, 2).inOrder();
    assertThat(get(calls.get(6))).isEqualTo(number(8));
  }

  @Test
  void muchThatLeavesAtOnceGoesInFramesOfTheSizeThatIsReadBest() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder().maxUnansweredFrames(1));
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (int bytes : new int[] {1, 50_000, 50_000, 50_000, 300_000, 50_000, 10}) { // 2 … 8
      calls.add(call(stub, bytes));
    }
    assertThat(accepted.invocation().getSequence()).isEqualTo(2);
    accepted.answer(2, 2);

    List<ConnectRequest> frames = accepted.framesThrough(8);
    assertThat(frames.stream().map(ConnectRequest::getInvocationsCount).toList())
        .isEqualTo(OnLanes.on() ? List.of(6) : List.of(2, 1, 1, 2));
    // Together they are what is unanswered.
    ListenableFuture<EchoMessage> next = call(stub, 1);
    accepted.answer(3, 7);
    assertThat(get(calls.get(5))).isEqualTo(number(7));
    assertThat(accepted.hasFrame()).isFalse();
    accepted.answer(8, 8);
    assertThat(accepted.invocation().getSequence()).isEqualTo(9);
    accepted.answer(9, 9);
    assertThat(get(next)).isEqualTo(number(9));
  }

  @Test
  void aFullBufferRefusesACallAndBreaksNothing() throws Exception {
    DurableObjectStub stub =
        stub(ClientOptions.builder().maxUnansweredFrames(1).maxBufferedInvocations(2));
    FakeHost.Stub accepted = opened(stub);
    List<ListenableFuture<EchoMessage>> calls = calls(stub, 3); // 2 is sent, 3 and 4 wait.

    CallFailure refused = failureOf(stub.call(EchoGrpc.getEchoMethod(), number(99)));
    assertThat(refused.reason()).isEqualTo(Reasons.BUFFER_FULL);
    assertThat(refused.code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(refused.overloaded()).isTrue();
    assertThat(refused.fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(refused.sequence()).isEqualTo(0);
    assertThat(refused).hasMessageThat().contains("2 invocations wait to be sent");
    assertThat(stub.isBroken()).isFalse();

    accepted.frame();
    accepted.answer(2, 2);
    assertThat(accepted.frame().getInvocationsCount()).isEqualTo(2);
    calls.addAll(calls(stub, 1));
    accepted.answer(3, 4);
    assertThat(accepted.invocation().getSequence()).isEqualTo(5);
    accepted.answer(5, 5);
    assertThat(get(calls.get(3))).isEqualTo(number(5));
  }

  @Test
  void theBufferIsBoundedInBytesToo() throws Exception {
    DurableObjectStub stub =
        stub(
            ClientOptions.builder()
                .maxUnansweredFrames(1)
                .maxInvocationBytes(2000)
                .maxBufferedBytes(2000));
    opened(stub);
    ListenableFuture<EchoMessage> sent = call(stub, 1000);
    ListenableFuture<EchoMessage> waits = call(stub, 1000);

    CallFailure refused = failureOf(call(stub, 1000));
    assertThat(refused.reason()).isEqualTo(Reasons.BUFFER_FULL);
    assertThat(refused).hasMessageThat().contains("would pass the limit of 2000");
    assertThat(sent.isDone()).isFalse();
    assertThat(waits.isDone()).isFalse();
  }

  @Test
  void aCallThatIsTooLargeIsRefusedAndBreaksNothing() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder().maxInvocationBytes(500));

    CallFailure refused = failureOf(call(stub, 500));
    assertThat(refused.reason()).isEqualTo(Reasons.CALL_TOO_LARGE);
    assertThat(refused.code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(refused.overloaded()).isFalse();
    assertThat(refused).hasMessageThat().contains("expected at most 500");
    assertThat(stub.isBroken()).isFalse();
    FakeHost.Stub accepted = opened(stub);
    assertThat(accepted.hasFrame()).isFalse();
  }

  @Test
  void theSizeOfACallIsNeverUnderestimated() throws Exception {
    DurableObjectStub stub = stub(ClientOptions.builder());
    io.grpc.Metadata headers = new io.grpc.Metadata();
    headers.put(
        io.grpc.Metadata.Key.of("a-key", io.grpc.Metadata.ASCII_STRING_MARSHALLER), "a value");
    ListenableFuture<EchoMessage> unused =
        stub.call(
            EchoGrpc.getEchoMethod(),
            EchoMessage.newBuilder().setText("x".repeat(100_000)).build(),
            io.grpc.CallOptions.DEFAULT.withDeadlineAfter(100_000, TimeUnit.DAYS),
            headers);

    int actual = host.accept().invocation().getSerializedSize();
    PendingCall measured =
        new DirectCall<>(
            EchoGrpc.getEchoMethod(),
            Content.of(EchoMessage.newBuilder().setText("x".repeat(100_000)).build()),
            null,
            java.util.Map.of("a-key", "a value"));
    assertThat(measured.bytes()).isAtLeast(actual);
  }

  @Test
  void optionsSayWhatIsWrong() {
    assertRefused(
        () -> ClientOptions.builder().maxUnansweredFrames(0),
        "maxUnansweredFrames 0, expected at least 1");
    assertRefused(
        () -> ClientOptions.builder().maxUnansweredFrames(300).build(), "is 76800, expected");
    assertRefused(
        () -> ClientOptions.builder().maxFrameBytes(64 << 20).build(), "is 268435456, expected");
    assertRefused(() -> ClientOptions.builder().maxBufferedBytes(10).build(), "expected at least");
    assertRefused(
        () -> ClientOptions.builder().deadlineGrace(Duration.ofMillis(-1)),
        "deadlineGrace PT-0.001S, expected at least 0");
    assertRefused(
        () -> ClientOptions.builder().keepAliveTime(Duration.ZERO),
        "keepAliveTime PT0S, expected more than 0");
    Duration forever = ChronoUnit.FOREVER.getDuration();
    String most = " " + forever + ", expected more than 0 and at most 36500 days";
    assertRefused(
        () -> ClientOptions.builder().deadlineGrace(forever), "deadlineGrace " + forever + ", exp");
    assertRefused(() -> ClientOptions.builder().endTimeout(forever), "endTimeout" + most);
    assertRefused(() -> ClientOptions.builder().describeTimeout(forever), "describeTimeout" + most);
    assertRefused(() -> ClientOptions.builder().keepAliveTime(forever), "keepAliveTime" + most);
    assertRefused(
        () -> ClientOptions.builder().keepAliveTimeout(forever), "keepAliveTimeout" + most);
  }

  private static void assertRefused(Runnable call, String message) {
    assertThat(assertThrows(IllegalArgumentException.class, call::run))
        .hasMessageThat()
        .contains(message);
  }
}
