package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stubs that share a call, as the host sees it. */
@Timeout(120)
final class SharedCallTest {
  private final List<DurableObjectStub> stubs = new ArrayList<>();
  private FakeHost host;

  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
  }

  @AfterEach
  void stop() {
    host.close();
    stubs.clear();
  }

  private static ClientOptions.Builder options(int sharedCalls) {
    return ClientOptions.builder().sharedCalls(sharedCalls).openTimeout(Duration.ofMinutes(1));
  }

  private DurableObjectNamespace namespace(ClientOptions options) {
    return host.client(options).namespace("ECHO");
  }

  /** A stub that isn't dropped before the test is over. */
  private DurableObjectStub stub(DurableObjectNamespace namespace) {
    DurableObjectStub stub = namespace.getByName("foo");
    stubs.add(stub);
    return stub;
  }

  private static ListenableFuture<EchoMessage> call(DurableObjectStub stub, long number) {
    return stub.call(EchoGrpc.getEchoMethod(), number(number));
  }

  /** Opens a stub, and has its first call answered. */
  private FakeHost.Stub open(DurableObjectStub stub) throws Exception {
    ListenableFuture<EchoMessage> first = call(stub, 1);
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.framesThrough(1);
    accepted.answer(1, 1);
    assertThat(get(first)).isEqualTo(number(1));
    return accepted;
  }

  private static List<String> parts(ConnectManyRequest message) {
    List<String> parts = new ArrayList<>();
    for (LaneRequest part : message.getLanesList()) {
      parts.add(part.getLane() + " " + part.getWhatCase());
    }
    return parts;
  }

  @Test
  void stubsAreSpreadOverTheCallsInTurn() throws Exception {
    DurableObjectNamespace namespace = namespace(options(2).build());
    for (int i = 0; i < 4; i++) {
      FakeHost.Stub accepted = open(stub(namespace));
      assertThat(((FakeSharedCall.FakeLane) accepted).number).isEqualTo(1 + i / 2);
    }
    assertThat(host.acceptShared()).isNotNull();
    assertThat(host.acceptShared()).isNotNull();
    assertThat(host.hasShared()).isFalse();
  }

  @Test
  void whatWaitsLeavesInOneMessage() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    ListenableFuture<EchoMessage> first = call(stub(namespace), 1);
    FakeSharedCall shared = host.acceptShared();
    assertThat(parts(shared.message())).containsExactly("1 FRAME");
    // The host has said nothing yet.
    DurableObjectStub second = stub(namespace);
    ListenableFuture<EchoMessage> one = call(second, 1);
    ListenableFuture<EchoMessage> two = call(second, 2);
    second.close();
    ListenableFuture<EchoMessage> other = call(stub(namespace), 1);
    FakeHost.Stub accepted = host.accept().opened("foo");

    assertThat(parts(shared.message()))
        .containsExactly("2 FRAME", "3 FRAME", "2 HALF_CLOSE")
        .inOrder();
    accepted.answer(1, 1);
    assertThat(get(first)).isEqualTo(number(1));
    host.accept().opened("foo").answer(1, 2).end(Status.OK);
    assertThat(get(one)).isEqualTo(number(1));
    assertThat(get(two)).isEqualTo(number(2));
    assertThat(second.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(second.isBroken()).isFalse();
    host.accept().opened("foo").answer(1, 1);
    assertThat(get(other)).isEqualTo(number(1));
  }

  @Test
  void aStubThatIsCancelledBeforeItIsSentGetsNoNumber() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    ListenableFuture<EchoMessage> unused = call(stub(namespace), 1);
    FakeSharedCall shared = host.acceptShared();
    assertThat(parts(shared.message())).containsExactly("1 FRAME");
    DurableObjectStub cancelled = stub(namespace);
    ListenableFuture<EchoMessage> call = call(cancelled, 1);
    ListenableFuture<EchoMessage> unusedToo = call(stub(namespace), 1);
    cancelled.cancel("enough");

    assertThat(failureOf(call).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(failureOf(call).reason()).isEqualTo(Reasons.STUB_CANCELLED);
    FakeHost.Stub accepted = host.accept().opened("foo");
    assertThat(accepted.hasEnd()).isFalse();
    assertThat(parts(shared.message())).containsExactly("2 FRAME");
  }

  @Test
  void nothingIsHeardOfACancelledStub() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    DurableObjectStub stub = stub(namespace);
    FakeHost.Stub accepted = open(stub);
    ListenableFuture<EchoMessage> second = call(stub, 2);
    accepted.framesThrough(2);
    stub.cancel("enough");
    assertThat(accepted.end()).isEqualTo("cancelled");
    accepted.answer(2, 2).end(Status.OK);
    assertThat(failureOf(second).fate()).isEqualTo(Fate.UNKNOWN);
    open(stub(namespace)); // On the same call, which goes on.
    assertThat(host.acceptShared()).isNotNull();
    assertThat(host.hasShared()).isFalse();
  }

  @Test
  void messagesAreOfASizeUnlessAPartIsLonger() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    ListenableFuture<EchoMessage> unused = call(stub(namespace), 1);
    FakeSharedCall shared = host.acceptShared();
    assertThat(parts(shared.message())).containsExactly("1 FRAME");
    for (int kib : new int[] {100, 100, 100, 300, 1}) {
      ListenableFuture<EchoMessage> large =
          stub(namespace) // One that is dropped would half-close.
              .call(
                  EchoGrpc.getEchoMethod(),
                  EchoMessage.newBuilder().setText("x".repeat(kib << 10)).build());
      assertThat(large.isDone()).isFalse();
    }
    FakeHost.Stub accepted = host.accept().opened("foo");
    assertThat(parts(shared.message())).containsExactly("2 FRAME", "3 FRAME");
    assertThat(parts(shared.message())).containsExactly("4 FRAME");
    assertThat(parts(shared.message())).containsExactly("5 FRAME");
    assertThat(parts(shared.message())).containsExactly("6 FRAME");
    assertThat(accepted.hasEnd()).isFalse();
  }

  // ---- credit, and callbacks that block --------------------------------------------------------

  @Test
  void aBlockedCallbackStopsItsOwnStubAlone() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    DurableObjectStub blocked = stub(namespace);
    FakeHost.Stub acceptedBlocked = open(blocked);
    List<DurableObjectStub> others = new ArrayList<>();
    List<FakeHost.Stub> accepted = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      others.add(stub(namespace));
      accepted.add(open(others.get(i)));
    }
    FakeSharedCall shared = host.acceptShared();
    CountDownLatch blocking = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    call(blocked, 2)
        .addListener(
            () -> {
              blocking.countDown();
              Uninterruptibles.awaitUninterruptibly(goOn);
            },
            MoreExecutors.directExecutor());
    ListenableFuture<EchoMessage> behind = call(blocked, 3);
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      calls.add(call(others.get(i), 2));
      accepted.get(i).framesThrough(2);
    }
    acceptedBlocked.framesThrough(3);
    // All in one message, and the one that blocks first.
    ConnectManyResponse.Builder message = ConnectManyResponse.newBuilder();
    message.addLanes(
        LaneResponse.newBuilder().setLane(1).setFrame(FakeHost.outcomes(2, 2).build()));
    for (int i = 0; i < 100; i++) {
      message.addLanes(
          LaneResponse.newBuilder().setLane(2 + i).setFrame(FakeHost.outcomes(2, 2).build()));
    }
    message.addLanes(
        LaneResponse.newBuilder().setLane(1).setFrame(FakeHost.outcomes(3, 3).build()));
    shared.send(message.build());
    try {
      FakeHost.await(blocking, "the callback");
      for (ListenableFuture<EchoMessage> call : calls) {
        assertThat(get(call)).isEqualTo(number(2));
      }
      assertThat(behind.isDone()).isFalse();
      // And so do later ones.
      for (int i = 0; i < 100; i++) {
        ListenableFuture<EchoMessage> third = call(others.get(i), 3);
        accepted.get(i).framesThrough(3);
        accepted.get(i).answer(3, 3);
        assertThat(get(third)).isEqualTo(number(3));
      }
      assertThat(behind.isDone()).isFalse();
    } finally {
      goOn.countDown();
    }
    assertThat(get(behind)).isEqualTo(number(3));
  }

  @Test
  void aCallbackMayWaitForAnotherStub() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    DurableObjectStub one = stub(namespace);
    DurableObjectStub other = stub(namespace);
    FakeHost.Stub acceptedOne = open(one);
    FakeHost.Stub acceptedOther = open(other);
    ListenableFuture<EchoMessage> nested =
        Futures.transform(
            call(one, 2),
            result -> {
              try {
                return get(call(other, result.getNumber()));
              } catch (Exception e) {
                throw new AssertionError(e);
              }
            },
            MoreExecutors.directExecutor());
    acceptedOne.framesThrough(2);
    acceptedOne.answer(2, 2);
    acceptedOther.framesThrough(2);
    acceptedOther.answer(2, 2);
    assertThat(get(nested)).isEqualTo(number(2));
  }

  @Test
  void creditIsGivenForWhatCallersHaveTaken() throws Exception {
    DurableObjectStub stub = stub(namespace(options(1).build()));
    FakeSharedCall.FakeLane accepted = (FakeSharedCall.FakeLane) open(stub);
    assertThat(FakeHost.await(accepted.moreBytes, "the open")).isEqualTo(0);
    int first = FakeHost.outcomes(1, 1).build().getSerializedSize();
    ConnectResponse large =
        ConnectResponse.newBuilder()
            .addOutcomes(
                FakeHost.outcome(2, EchoMessage.newBuilder().setText("x".repeat(64 << 10)).build()))
            .build();
    CountDownLatch blocking = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    call(stub, 2)
        .addListener(
            () -> {
              blocking.countDown();
              Uninterruptibles.awaitUninterruptibly(goOn);
            },
            MoreExecutors.directExecutor());
    // With what it sends anyway it tells of the first outcome, unless it had not quite taken it.
    int told = FakeHost.await(accepted.moreBytes, "the second call");
    assertThat(told).isAnyOf(0, first);
    accepted.send(large);
    FakeHost.await(blocking, "the callback");
    open(stub(namespace(options(1).build()))); // Another call goes there and back.
    assertThat(accepted.moreBytes).isEmpty();
    goOn.countDown();
    assertThat(FakeHost.await(accepted.moreBytes, "credit"))
        .isEqualTo(first - told + large.getSerializedSize());
    assertThat(accepted.hasEnd()).isFalse();
  }

  @Test
  void aFrameThatIsTooLargeBreaksItsStubAlone() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).maxInboundFrameBytes(1_000).build());
    DurableObjectStub stub = stub(namespace);
    DurableObjectStub other = stub(namespace);
    FakeHost.Stub accepted = open(stub);
    FakeHost.Stub acceptedOther = open(other);
    ListenableFuture<EchoMessage> call = call(stub, 2);
    accepted.framesThrough(2);
    accepted.answer(2, ByteString.copyFrom(new byte[1_000]));
    assertThat(failureOf(call).code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(failureOf(call).reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(accepted.end()).isEqualTo("cancelled");
    ListenableFuture<EchoMessage> second = call(other, 2);
    acceptedOther.framesThrough(2);
    acceptedOther.answer(2, 2);
    assertThat(get(second)).isEqualTo(number(2));
  }

  // ---- the end of the call ---------------------------------------------------------------------

  @Test
  void aLostCallLosesItsStubsAndTheNextOneMakesAnother() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).maxUnansweredFrames(1).build());
    DurableObjectStub one = stub(namespace);
    DurableObjectStub other = stub(namespace);
    FakeHost.Stub accepted = open(one);
    open(other);
    FakeSharedCall shared = host.acceptShared();
    ListenableFuture<EchoMessage> sent = call(one, 2);
    accepted.framesThrough(2);
    ListenableFuture<EchoMessage> waits = call(one, 3);
    accepted.answer(2, 2); // Heard, though the end follows at once.
    shared.end(Status.UNAVAILABLE.withDescription("gone"));

    assertThat(get(sent)).isEqualTo(number(2));
    CallFailure failure = failureOf(waits);
    assertThat(failure.reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(failure.failureCause().message()).isEqualTo("gone");
    assertThat(failure.retryable()).isTrue();
    assertThat(other.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(other.breakCause().orElseThrow().message()).isEqualTo("gone");
    open(stub(namespace));
    assertThat(host.acceptShared()).isNotSameInstanceAs(shared);
  }

  @Test
  void anOrderlyEndWithStubsOpenIsALoss() throws Exception {
    DurableObjectStub stub = stub(namespace(options(1).build()));
    open(stub);
    host.acceptShared().end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(stub.breakCause().orElseThrow().reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(stub.breakCause().orElseThrow().message())
        .isEqualTo("the host ended the stub's call");
  }

  @Test
  void aPartForALaneThatWasNeverOpenedEndsTheCall() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    DurableObjectStub one = stub(namespace);
    DurableObjectStub other = stub(namespace);
    open(one);
    FakeHost.Stub accepted = open(other);
    ListenableFuture<EchoMessage> call = call(other, 2);
    accepted.framesThrough(2);
    FakeSharedCall shared = host.acceptShared();
    shared.send(LaneResponse.newBuilder().setLane(3).setFrame(FakeHost.outcomes(1, 1)));

    CallFailure failure = failureOf(call);
    assertThat(failure.reason()).isEqualTo(Reasons.HOST_VIOLATION);
    assertThat(failure.fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failure.failureCause().message())
        .contains("a part for lane 3, expected one of the lanes 1 to 2 that were opened");
    assertThat(one.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(one.breakCause().orElseThrow().reason()).isEqualTo(Reasons.HOST_VIOLATION);
    assertThat(shared.end()).isEqualTo("cancelled");
  }

  @Test
  void aHostThatDrainsIsAskedByAnotherCall() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    DurableObjectStub drained = stub(namespace);
    DurableObjectStub other = stub(namespace);
    FakeHost.Stub accepted = open(drained);
    FakeHost.Stub acceptedOther = open(other);
    FakeSharedCall shared = host.acceptShared();
    accepted.breakWith(FakeHost.broken(Code.UNAVAILABLE, "HOST_DRAINING", 1));
    assertThat(drained.awaitEnd(Duration.ofSeconds(60))).isTrue();

    open(stub(namespace));
    assertThat(host.acceptShared()).isNotSameInstanceAs(shared);
    assertThat(shared.hasEnd()).isFalse();
    other.close();
    assertThat(acceptedOther.end()).isEqualTo("half-closed");
    acceptedOther.end(Status.OK);
    assertThat(shared.end()).isEqualTo("half-closed");
  }

  @ParameterizedTest
  @ValueSource(strings = {Reasons.UNAUTHENTICATED, Reasons.CREDENTIALS_EXPIRED})
  void aCallWhoseCredentialsCountNoMoreTakesNoMoreStubs(String reason) throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    DurableObjectStub staying = stub(namespace);
    FakeHost.Stub accepted = open(staying);
    FakeSharedCall shared = host.acceptShared();
    DurableObjectStub refused = stub(namespace);
    ListenableFuture<EchoMessage> call = call(refused, 1);
    host.accept().breakWith(FakeHost.broken(Code.UNAUTHENTICATED, reason, 0));
    assertThat(failureOf(call).reason()).isEqualTo(reason);
    open(stub(namespace));
    assertThat(host.acceptShared()).isNotSameInstanceAs(shared);
    assertThat(shared.hasEnd()).isFalse();
    staying.close();
    assertThat(accepted.end()).isEqualTo("half-closed");
    accepted.end(Status.OK);
    assertThat(shared.end()).isEqualTo("half-closed");
  }

  @Test
  void whatACallerMayNotDoSaysNothingAgainstTheCall() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    DurableObjectStub refused = stub(namespace);
    ListenableFuture<EchoMessage> call = call(refused, 1);
    host.accept().breakWith(FakeHost.broken(Code.PERMISSION_DENIED, "PERMISSION_DENIED", 0));
    assertThat(failureOf(call).reason()).isEqualTo(Reasons.PERMISSION_DENIED);
    FakeSharedCall shared = host.acceptShared();
    open(stub(namespace));
    assertThat(host.hasShared()).isFalse();
    assertThat(shared.hasEnd()).isFalse();
  }

  @Test
  void aCallThatIsFullTakesNoMoreStubs() throws Exception {
    DurableObjectNamespace namespace = namespace(options(1).build());
    open(stub(namespace));
    FakeSharedCall shared = host.acceptShared();
    DurableObjectStub refused = stub(namespace);
    ListenableFuture<EchoMessage> call = call(refused, 1);
    host.accept().breakWith(FakeHost.broken(Code.RESOURCE_EXHAUSTED, "OVERLOADED", 0));
    assertThat(failureOf(call).reason()).isEqualTo(Reasons.OVERLOADED);
    assertThat(refused.awaitEnd(Duration.ofSeconds(60))).isTrue();
    open(stub(namespace));
    assertThat(host.acceptShared()).isNotSameInstanceAs(shared);
  }

  @Test
  void aCallWithoutStubsEndsAfterSomeTime() throws Exception {
    FakeScheduler clock = new FakeScheduler();
    DurableObjectNamespace namespace = namespace(options(1).scheduler(clock).build());
    openAndClose(namespace);
    FakeSharedCall shared = host.acceptShared();
    clock.advance(9_999);
    openAndClose(namespace);
    clock.advance(9_999);
    assertThat(shared.hasEnd()).isFalse();
    clock.advance(10_001);
    assertThat(shared.end()).isEqualTo("half-closed");
    openAndClose(namespace);
    assertThat(host.acceptShared()).isNotSameInstanceAs(shared);
    clock.advance(10_000); // The host doesn't end the first one.
    assertThat(shared.end()).isEqualTo("cancelled");
  }

  @Test
  void aCallEndsWithItsLastStubIfThatIsWanted() throws Exception {
    openAndClose(namespace(options(1).sharedCallIdleTimeout(Duration.ZERO).build()));
    assertThat(host.acceptShared().end()).isEqualTo("half-closed");
  }

  @Test
  void aClosedClientEndsItsCallsWithTheirLastStubs() throws Exception {
    DurableObjects client = host.client(options(1).build());
    DurableObjectStub stub = stub(client.namespace("ECHO"));
    FakeHost.Stub accepted = open(stub);
    FakeSharedCall shared = host.acceptShared();
    client.close();
    assertThat(shared.hasEnd()).isFalse();
    stub.close();
    assertThat(accepted.end()).isEqualTo("half-closed");
    accepted.end(Status.OK);
    assertThat(shared.end()).isEqualTo("half-closed");
  }

  private void openAndClose(DurableObjectNamespace namespace) throws Exception {
    DurableObjectStub stub = stub(namespace);
    FakeHost.Stub accepted = open(stub);
    stub.close();
    assertThat(accepted.end()).isEqualTo("half-closed");
    accepted.end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
  }

  // ---- a host without them ---------------------------------------------------------------------

  @Test
  void aHostWithoutSharedCallsGetsACallForEachStub() throws Exception {
    host.serveNoSharedCalls();
    DurableObjectNamespace namespace = namespace(options(2).build());
    for (int i = 0; i < 5; i++) {
      DurableObjectStub stub = stub(namespace);
      ListenableFuture<EchoMessage> one = call(stub, 1);
      ListenableFuture<EchoMessage> two = call(stub, 2);
      stub.close();
      FakeHost.Stub accepted = host.accept().opened("foo");
      accepted.framesThrough(2);
      accepted.answer(1, 2);
      assertThat(get(one)).isEqualTo(number(1));
      assertThat(get(two)).isEqualTo(number(2));
      assertThat(accepted.end()).isEqualTo("half-closed");
      accepted.end(Status.OK);
      assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
      assertThat(stub.isBroken()).isFalse();
    }
    assertThat(host.refusedSharedCalls()).isEqualTo(1);
  }

  @Test
  void aNegativeCountIsRefused() {
    assertThat(
            assertThrows(
                IllegalArgumentException.class, () -> ClientOptions.builder().sharedCalls(-1)))
        .hasMessageThat()
        .isEqualTo("sharedCalls -1, expected at least 0");
  }
}
