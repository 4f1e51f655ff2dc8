package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectRequest;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class DurableObjectStubTest {
  private FakeHost host;

  @BeforeEach
  void startHost() throws Exception {
    host = new FakeHost();
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  private DurableObjectStub stub() {
    return host.client().namespace("ECHO").getByName("foo");
  }

  private static <T> T get(ListenableFuture<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  @Test
  void gettingAStubSendsNothing() {
    DurableObjectStub stub = stub();

    assertThat(stub.name()).hasValue("foo");
    assertThat(stub.isBroken()).isFalse();
    stub.close();
    assertThat(host.hasStub()).isFalse();
    assertThat(host.descriptions.get()).isEqualTo(0);
  }

  @Test
  void theFirstCallOpensTheStub() throws Exception {
    ListenableFuture<EchoMessage> reply = stub().call(EchoGrpc.getEchoMethod(), number(7));

    FakeHost.Stub accepted = host.accept();
    ConnectRequest frame = accepted.frame();
    assertThat(frame.getOpen().getNamespace()).isEqualTo("ECHO");
    assertThat(frame.getOpen().getName()).isEqualTo("foo");
    assertThat(frame.getInvocationsCount()).isEqualTo(1);
    assertThat(frame.getInvocations(0).getSequence()).isEqualTo(1);
    assertThat(frame.getInvocations(0).getMethod()).isEqualTo("seriatim.stubtest.Echo/Echo");
    assertThat(EchoMessage.parseFrom(frame.getInvocations(0).getMessage())).isEqualTo(number(7));
    accepted.opened("foo").answer(1, 1);
    assertThat(get(reply)).isEqualTo(number(1));
  }

  @Test
  void everyKindOfGeneratedStubWorks() throws Exception {
    DurableObjectStub stub = stub();
    ListenableFuture<EchoMessage> one = EchoGrpc.newFutureStub(stub.channel()).echo(number(1));
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(one)).isEqualTo(number(1));
    Thread answerer =
        new Thread(
            () -> {
              try {
                accepted.frame();
                accepted.answer(2, 2);
                accepted.frame();
                accepted.answer(3, 3);
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            });
    answerer.start();
    assertThat(EchoGrpc.newBlockingStub(stub.channel()).echo(number(2))).isEqualTo(number(2));
    assertThat(EchoGrpc.newBlockingV2Stub(stub.channel()).echo(number(3))).isEqualTo(number(3));
    answerer.join();
  }

  @Test
  void closeFinishesWhatWasSent() throws Exception {
    DurableObjectStub stub = stub();
    ListenableFuture<EchoMessage> reply = stub.call(EchoGrpc.getEchoMethod(), number(7));
    stub.close();

    FakeHost.Stub accepted = host.accept().opened("foo");
    List<ConnectRequest> frames = accepted.framesThrough(1);
    assertThat(frames).hasSize(1);
    assertThat(accepted.end()).isEqualTo("half-closed");
    ListenableFuture<EchoMessage> late = stub.call(EchoGrpc.getEchoMethod(), number(8));
    CallFailure failure =
        CallFailure.of(assertThrows(Exception.class, () -> get(late))).orElseThrow();
    assertThat(failure.reason()).isEqualTo(Reasons.STUB_CLOSED);
    assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
    accepted.answer(1, 1).end(io.grpc.Status.OK);
    assertThat(get(reply)).isEqualTo(number(1));
    assertThat(stub.awaitEnd(Duration.ofSeconds(20))).isTrue();
    assertThat(stub.isBroken()).isFalse();
  }
}
