package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectRequest;
import io.grpc.Status;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The life of a stub: opening, calling, closing. */
@Timeout(120)
final class DurableObjectStubTest {
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

  private ListenableFuture<EchoMessage> call(long number) {
    return stub.call(EchoGrpc.getEchoMethod(), number(number));
  }

  @Test
  void gettingAStubSendsNothing() throws Exception {
    assertThat(stub.name()).hasValue("foo");
    assertThat(stub.toString()).isEqualTo("DurableObjectStub[ECHO/foo]");
    assertThat(stub.isBroken()).isFalse();
    stub.close();
    assertThat(stub.awaitEnd(Duration.ZERO)).isTrue();
    assertThat(stub.awaitEnd(ChronoUnit.FOREVER.getDuration())).isTrue();
    assertThat(stub.isBroken()).isFalse();
    assertThat(host.hasStub()).isFalse();
    assertThat(host.descriptions.get()).isEqualTo(0);
  }

  @Test
  void theFirstCallOpensTheStub() throws Exception {
    ListenableFuture<EchoMessage> reply = call(7);

    FakeHost.Stub accepted = host.accept();
    ConnectRequest frame = accepted.frame();
    assertThat(frame.getOpen().getNamespace()).isEqualTo("ECHO");
    assertThat(frame.getOpen().getName()).isEqualTo("foo");
    assertThat(frame.getInvocationsCount()).isEqualTo(1);
    assertThat(frame.getInvocations(0).getSequence()).isEqualTo(1);
    assertThat(frame.getInvocations(0).getMethod()).isEqualTo("seriatim.stubtest.Echo/Echo");
    assertThat(EchoMessage.parseFrom(frame.getInvocations(0).getMessage())).isEqualTo(number(7));
    assertThat(frame.getInvocations(0).hasTimeout()).isFalse();
    accepted.opened("foo").answer(1, 1);
    assertThat(get(reply)).isEqualTo(number(1));

    ListenableFuture<EchoMessage> second = call(8);
    frame = accepted.frame();
    assertThat(frame.hasOpen()).isFalse();
    assertThat(frame.getInvocations(0).getSequence()).isEqualTo(2);
    accepted.answer(2, 2);
    assertThat(get(second)).isEqualTo(number(2));
  }

  @Test
  void anEmptyArgumentIsStillAMessage() throws Exception {
    ListenableFuture<EchoMessage> reply = call(0);

    FakeHost.Stub accepted = host.accept().opened("foo");
    assertThat(accepted.invocation().hasMessage()).isTrue();
    accepted.answer(1, number(0).toByteString());
    assertThat(get(reply)).isEqualTo(EchoMessage.getDefaultInstance());
  }

  @Test
  void opensById() throws Exception {
    DurableObjectId id = FakeHost.IDS.newUniqueId();
    DurableObjectStub byId = host.client().namespace("ECHO").get(id);
    assertThat(byId.id()).isSameInstanceAs(id);
    assertThat(byId.name()).isEmpty();
    ListenableFuture<EchoMessage> unused = byId.call(EchoGrpc.getEchoMethod(), number(1));

    assertThat(host.accept().frame().getOpen().getId()).isEqualTo(id.toString());
  }

  @Test
  void opensByTheNameThatAnIdKnows() throws Exception {
    DurableObjectNamespace namespace = host.client().namespace("ECHO");
    DurableObjectStub byId = namespace.get(namespace.idFromName("bar"));
    assertThat(byId.name()).hasValue("bar");
    ListenableFuture<EchoMessage> unused = byId.call(EchoGrpc.getEchoMethod(), number(1));

    assertThat(host.accept().frame().getOpen().getName()).isEqualTo("bar");
  }

  @Test
  void opensByTheDigitsOfAnIdWhoseKeyItCannotCompare() throws Exception {
    DurableObjectId id = FakeHost.IDS.fromName("bar");
    DurableObjectStub byId = host.client().namespace("ECHO").get(id);
    assertThat(byId.name()).hasValue("bar");
    ListenableFuture<EchoMessage> unused = byId.call(EchoGrpc.getEchoMethod(), number(1));

    assertThat(host.accept().frame().getOpen().getId()).isEqualTo(id.toString());
  }

  @Test
  void outcomesCompleteInOrder() throws Exception {
    List<Long> completed = new ArrayList<>();
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (long n = 1; n <= 100; n++) {
      long number = n;
      ListenableFuture<EchoMessage> call = call(n);
      call.addListener(() -> completed.add(number), Runnable::run);
      calls.add(call);
    }
    FakeHost.Stub accepted = host.accept().opened("foo");
    for (long answered = 0; answered < 100; ) {
      ConnectRequest frame = accepted.frame();
      accepted.answer(answered + 1, answered + frame.getInvocationsCount());
      answered += frame.getInvocationsCount();
    }
    assertThat(get(calls.get(99))).isEqualTo(number(100));
    for (int i = 0; i < 100; i++) {
      assertThat(get(calls.get(i))).isEqualTo(number(i + 1));
    }
    stub.close();
    accepted.end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(completed).isInStrictOrder();
    assertThat(completed).hasSize(100);
  }

  @Test
  void closeFinishesWhatWasCalled() throws Exception {
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (int n = 1; n <= 10; n++) {
      calls.add(call(n));
    }
    stub.close();
    stub.close();

    CallFailure late = failureOf(call(11));
    assertThat(late.reason()).isEqualTo(Reasons.STUB_CLOSED);
    assertThat(late.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(late.fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(late.sequence()).isEqualTo(0);

    FakeHost.Stub accepted = host.accept().opened("foo");
    for (long answered = 0; answered < 10; ) {
      ConnectRequest frame = accepted.frame();
      accepted.answer(answered + 1, answered + frame.getInvocationsCount());
      answered += frame.getInvocationsCount();
    }
    assertThat(accepted.end()).isEqualTo("half-closed");
    assertThat(stub.awaitEnd(Duration.ofMillis(1))).isFalse();
    accepted.end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(stub.isBroken()).isFalse();
    assertThat(stub.breakCause()).isEmpty();
    for (ListenableFuture<EchoMessage> call : calls) {
      assertThat(get(call)).isNotNull();
    }
  }

  @Test
  void theLongestTimesWork() throws Exception {
    Duration longest = Duration.ofDays(36_500);
    ClientOptions options =
        ClientOptions.builder()
            .deadlineGrace(longest)
            .endTimeout(longest)
            .describeTimeout(longest)
            .build();
    DurableObjectStub patient = host.client(options).namespace("ECHO").getByName("foo");
    ListenableFuture<EchoMessage> call =
        EchoGrpc.newFutureStub(patient.channel())
            .withDeadlineAfter(Long.MAX_VALUE, TimeUnit.NANOSECONDS)
            .echo(number(1));
    patient.close();
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
    accepted.end(Status.OK);
    assertThat(patient.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(patient.isBroken()).isFalse();
  }

  @Test
  void aBreakWhileClosingIsABreak() throws Exception {
    ListenableFuture<EchoMessage> call = call(1);
    stub.close();
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.breakWith(FakeHost.broken(Code.UNAVAILABLE, "HOST_DRAINING", 0).setRetryable(true));

    assertThat(failureOf(call).reason()).isEqualTo(Reasons.HOST_DRAINING);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(stub.isBroken()).isTrue();
  }

  @Test
  void cancelGivesUpOnWhatWasSent() throws Exception {
    ListenableFuture<EchoMessage> call = call(1);
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();

    stub.cancel("had enough");
    CallFailure failure = failureOf(call);
    assertThat(failure.reason()).isEqualTo(Reasons.STUB_CANCELLED);
    assertThat(failure.failureCause().message()).isEqualTo("had enough");
    assertThat(failure.fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failure.sequence()).isEqualTo(1);
    assertThat(accepted.end()).isEqualTo("cancelled");
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(failureOf(call(2)).reason()).isEqualTo(Reasons.STUB_CANCELLED);
  }

  @Test
  void cancelOfAStubThatNeverOpenedBreaksItToo() throws Exception {
    stub.cancel("had enough");

    assertThat(stub.isBroken()).isTrue();
    assertThat(stub.awaitEnd(Duration.ZERO)).isTrue();
    CallFailure failure = failureOf(call(1));
    assertThat(failure.reason()).isEqualTo(Reasons.STUB_CANCELLED);
    assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(host.hasStub()).isFalse();
  }

  @Test
  void aCallMadeInsideAListenerIsSent() throws Exception {
    ListenableFuture<EchoMessage> first = call(1);
    com.google.common.util.concurrent.SettableFuture<EchoMessage> second =
        com.google.common.util.concurrent.SettableFuture.create();
    first.addListener(() -> second.setFuture(call(2)), Runnable::run);

    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(accepted.invocation().getSequence()).isEqualTo(2);
    accepted.answer(2, 2);
    assertThat(get(second)).isEqualTo(number(2));
  }
}
