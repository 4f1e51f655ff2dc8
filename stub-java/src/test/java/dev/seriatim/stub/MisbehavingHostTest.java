package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static dev.seriatim.stub.FakeHost.outcome;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import com.google.protobuf.Value;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A host that answers wrongly gives a clear error, never a wrong result or a hang. */
@Timeout(120)
final class MisbehavingHostTest {
  private static final String FOO = FakeHost.IDS.fromName("foo").toString();

  private FakeHost host;
  private DurableObjectStub stub;

  @BeforeEach
  void startHost() throws Exception {
    host = new FakeHost();
    stub = host.client().namespace("ECHO").getByName("foo");
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  private static ConnectResponse frame(Outcome.Builder outcome) {
    return ConnectResponse.newBuilder().addOutcomes(outcome).build();
  }

  private static ConnectResponse opened(String id) {
    return ConnectResponse.newBuilder().setOpened(Opened.newBuilder().setId(id)).build();
  }

  private static ConnectResponse broken(Code code, long completedThrough) {
    return ConnectResponse.newBuilder()
        .setBroken(FakeHost.broken(code, "OBJECT_RESET", completedThrough))
        .build();
  }

  /** What the host sends after `opened`, with invocations 1 and 2 sent, and what is wrong. */
  static Stream<Arguments> wrongFrames() {
    return Stream.of(
        Arguments.of(
            frame(Outcome.newBuilder(outcome(2, number(2)))), "outcome 2, expected outcome 1"),
        Arguments.of(
            frame(Outcome.newBuilder(outcome(0, number(2)))), "outcome 0, expected outcome 1"),
        Arguments.of(
            frame(Outcome.newBuilder(outcome(-1, number(2)))),
            "outcome 18446744073709551615, expected outcome 1"),
        Arguments.of(opened(FOO), "'opened' came twice"),
        Arguments.of(
            frame(Outcome.newBuilder().setSequence(1).setJson(Value.getDefaultInstance())),
            "outcome 1 has no 'message'"),
        Arguments.of(frame(Outcome.newBuilder().setSequence(1)), "outcome 1 has no 'message'"),
        Arguments.of(
            frame(Outcome.newBuilder().setSequence(1).setMessage(ByteString.copyFromUtf8("\n"))),
            "outcome 1: the result of seriatim.stubtest.Echo/Echo can't be read"),
        Arguments.of(broken(Code.ABORTED, 1), "completed_through 1 after 0 outcomes"),
        Arguments.of(
            broken(Code.ABORTED, -1), "completed_through 18446744073709551615 after 0 outcomes"),
        Arguments.of(broken(Code.OK, 0), "broken with code OK"));
  }

  @ParameterizedTest
  @MethodSource("wrongFrames")
  void wrongFramesBreakTheStub(ConnectResponse wrong, String message) throws Exception {
    ListenableFuture<EchoMessage> one = stub.call(EchoGrpc.getEchoMethod(), number(1));
    ListenableFuture<EchoMessage> two = stub.call(EchoGrpc.getEchoMethod(), number(2));
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.framesThrough(2);
    accepted.send(wrong);

    assertViolation(failureOf(one), message);
    assertThat(failureOf(one).fate())
        .isEqualTo(message.startsWith("outcome 1") ? fateOfOutcomeOne(message) : Fate.UNKNOWN);
    assertViolation(failureOf(two), message);
    assertThat(failureOf(two).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(stub.isBroken()).isTrue();
    assertThat(accepted.end()).isEqualTo("cancelled");
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
  }

  @Test
  void nothingIsSentBehindAWrongFrame() throws Exception {
    FakeHost.Stub accepted = host.acceptCalled(stub); // From now on calls leave at once.
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (int i = 2; i <= 9; i++) { // Those beyond the first four wait.
      calls.add(stub.call(EchoGrpc.getEchoMethod(), number(i)));
    }
    accepted.framesThrough(5);
    accepted.send(
        ConnectResponse.newBuilder()
            .addOutcomes(outcome(2, number(2)))
            .addOutcomes(outcome(3, number(3)))
            .addOutcomes(outcome(10, number(10)))
            .build());

    assertThat(get(calls.get(1))).isEqualTo(number(3));
    assertViolation(failureOf(calls.get(3)), "outcome 10, expected outcome 4");
    assertThat(failureOf(calls.get(3)).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(calls.get(7)).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(accepted.end()).isEqualTo("cancelled");
    assertThat(accepted.hasFrame()).isFalse();
  }

  private static Fate fateOfOutcomeOne(String message) {
    return message.contains("expected outcome") ? Fate.UNKNOWN : Fate.COMPLETED;
  }

  private static void assertViolation(CallFailure failure, String message) {
    assertThat(failure.reason()).isEqualTo(Reasons.HOST_VIOLATION);
    assertThat(failure.code()).isEqualTo(Status.Code.INTERNAL);
    assertThat(failure).hasMessageThat().contains(message);
    assertThat(failure.retryable()).isFalse();
  }

  /** First frames that can't be. */
  static Stream<Arguments> wrongFirstFrames() {
    return Stream.of(
        Arguments.of(ConnectResponse.getDefaultInstance(), "the first frame has no 'opened'"),
        Arguments.of(
            frame(Outcome.newBuilder(outcome(1, number(1)))), "the first frame has no 'opened'"),
        Arguments.of(opened("abc"), "opened object 'abc', expected 64 lower-case hex digits"),
        Arguments.of(opened(""), "opened object '', expected 64 lower-case hex digits"),
        Arguments.of(
            ConnectResponse.newBuilder()
                .setOpened(Opened.newBuilder().setId(FOO).setName("bar"))
                .build(),
            "opened name 'bar', expected 'foo'"));
  }

  @ParameterizedTest
  @MethodSource("wrongFirstFrames")
  void wrongFirstFramesBreakTheStub(ConnectResponse wrong, String message) throws Exception {
    ListenableFuture<EchoMessage> one = stub.call(EchoGrpc.getEchoMethod(), number(1));
    FakeHost.Stub accepted = host.accept();
    accepted.frame();
    accepted.send(wrong);

    assertViolation(failureOf(one), message);
    assertThat(failureOf(one).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(accepted.end()).isEqualTo("cancelled");
  }

  @Test
  void anotherObjectThanAskedForBreaksTheStub() throws Exception {
    DurableObjectId id = FakeHost.IDS.newUniqueId();
    DurableObjectStub byId = host.client().namespace("ECHO").get(id);
    ListenableFuture<EchoMessage> one = byId.call(EchoGrpc.getEchoMethod(), number(1));
    host.accept().send(opened(FOO));

    assertViolation(failureOf(one), "opened object '" + FOO + "', expected '" + id + "'");
  }

  @Test
  void anOutcomeOfACallThatWasNeverMadeBreaksTheStub() throws Exception {
    ListenableFuture<EchoMessage> one = stub.call(EchoGrpc.getEchoMethod(), number(1));
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.send(FakeHost.outcomes(1, 2).build());

    assertThat(get(one)).isEqualTo(number(1)); // This one was right.
    assertThat(accepted.end()).isEqualTo("cancelled");
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(stub.breakCause().orElseThrow().message())
        .contains("outcome 2 of a call that was not sent");
  }

  @Test
  void callsBehindAnUnreadableOutcomeInOneFrameFailToo() throws Exception {
    DurableObjectStub narrow =
        host.client(ClientOptions.builder().maxUnansweredFrames(1).build())
            .namespace("ECHO")
            .getByName("foo");
    ListenableFuture<EchoMessage> one = narrow.call(EchoGrpc.getEchoMethod(), number(1));
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(one)).isEqualTo(number(1));
    ListenableFuture<EchoMessage> two = narrow.call(EchoGrpc.getEchoMethod(), number(2));
    ListenableFuture<EchoMessage> three = narrow.call(EchoGrpc.getEchoMethod(), number(3));
    ListenableFuture<EchoMessage> four = narrow.call(EchoGrpc.getEchoMethod(), number(4));
    accepted.frame();
    accepted.answer(2, 2);
    assertThat(get(two)).isEqualTo(number(2));
    assertThat(accepted.frame().getInvocationsCount()).isEqualTo(2);
    accepted.send(
        ConnectResponse.newBuilder()
            .addOutcomes(Outcome.newBuilder().setSequence(3))
            .addOutcomes(outcome(4, number(4)))
            .build());

    assertThat(failureOf(three).fate()).isEqualTo(Fate.COMPLETED);
    assertThat(failureOf(four).fate()).isEqualTo(Fate.UNKNOWN);
    assertViolation(failureOf(four), "outcome 3 has no 'message'");
  }

  @Test
  void whatFollowsABreakIsNotHeard() throws Exception {
    ListenableFuture<EchoMessage> one = stub.call(EchoGrpc.getEchoMethod(), number(1));
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.send(broken(Code.ABORTED, 0)).answer(1, 1);

    assertThat(failureOf(one).reason()).isEqualTo(Reasons.OBJECT_RESET);
    assertThat(failureOf(one).fate()).isEqualTo(Fate.NOT_EXECUTED);
    // The stub ends its side, or gives the call up, depending on what it sees first.
    assertThat(accepted.end()).isAnyOf("half-closed", "cancelled");
    assertThat(stub.breakCause().orElseThrow().reason()).isEqualTo(Reasons.OBJECT_RESET);
  }

  @Test
  void aStubThatCouldNotBeOpenedIsBrokenByItsFirstFrame() throws Exception {
    ListenableFuture<EchoMessage> one = stub.call(EchoGrpc.getEchoMethod(), number(1));
    FakeHost.Stub accepted = host.accept();
    accepted.frame();
    accepted.breakWith(FakeHost.broken(Code.NOT_FOUND, "UNKNOWN_NAMESPACE", 0));

    assertThat(failureOf(one).reason()).isEqualTo(Reasons.UNKNOWN_NAMESPACE);
    assertThat(failureOf(one).fate()).isEqualTo(Fate.NOT_EXECUTED);
  }
}
