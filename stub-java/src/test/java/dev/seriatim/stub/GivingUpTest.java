package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A caller gives up: by its future, its thread or its context. */
@Timeout(120)
final class GivingUpTest {
  private FakeHost host;
  private DurableObjectStub stub;
  private FakeHost.Stub accepted;

  /** A stub with one call completed. */
  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    stub = host.client().namespace("ECHO").getByName("foo");
    accepted = host.acceptCalled(stub);
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  @Test
  void aCancelledFutureLeavesTheStubAsItIs() throws Exception {
    ListenableFuture<EchoMessage> direct = stub.call(EchoGrpc.getEchoMethod(), number(2));
    ListenableFuture<EchoMessage> generated =
        EchoGrpc.newFutureStub(stub.channel()).echo(number(3));
    assertThat(direct.cancel(true)).isTrue();
    assertThat(generated.cancel(true)).isTrue();
    ListenableFuture<EchoMessage> last = stub.call(EchoGrpc.getEchoMethod(), number(4));

    accepted.framesThrough(4);
    accepted.answer(2, 4); // They were executed all the same.
    assertThat(get(last)).isEqualTo(number(4));
    assertThrows(CancellationException.class, () -> get(direct));
    assertThrows(CancellationException.class, () -> get(generated));
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void anInterruptedBlockingCallIsCancelled() throws Exception {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread caller =
        new Thread(
            () ->
                thrown.set(
                    assertThrows(
                        StatusRuntimeException.class,
                        () -> EchoGrpc.newBlockingStub(stub.channel()).echo(number(2)))));
    caller.start();
    accepted.frame();
    caller.interrupt();
    caller.join();

    CallFailure failure = CallFailure.of(thrown.get()).orElseThrow();
    assertThat(failure.reason()).isEqualTo(Reasons.CALL_CANCELLED);
    assertThat(failure.code()).isEqualTo(Status.Code.CANCELLED);
    assertThat(failure.fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failure.sequence()).isEqualTo(2);
    ListenableFuture<EchoMessage> next = stub.call(EchoGrpc.getEchoMethod(), number(3));
    accepted.frame();
    accepted.answer(2, 3);
    assertThat(get(next)).isEqualTo(number(3));
  }

  @Test
  void aCancelledContextCancelsItsCalls() throws Exception {
    Context.CancellableContext context = Context.current().withCancellation();
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    context.run(
        () -> {
          calls.add(stub.call(EchoGrpc.getEchoMethod(), number(2)));
          calls.add(EchoGrpc.newFutureStub(stub.channel()).echo(number(3)));
        });
    context.cancel(new IllegalStateException("changed my mind"));

    for (ListenableFuture<EchoMessage> call : calls) {
      CallFailure failure = failureOf(call);
      assertThat(failure.reason()).isEqualTo(Reasons.CALL_CANCELLED);
      assertThat(failure.fate()).isEqualTo(Fate.UNKNOWN);
      assertThat(failure).hasCauseThat().hasMessageThat().isEqualTo("changed my mind");
    }
    accepted.framesThrough(3);
    accepted.answer(2, 3);
    ListenableFuture<EchoMessage> next = stub.call(EchoGrpc.getEchoMethod(), number(4));
    accepted.frame();
    accepted.answer(4, 4);
    assertThat(get(next)).isEqualTo(number(4));
  }

  @Test
  void aContextThatIsCancelledAlreadySendsNothing() {
    Context.CancellableContext context = Context.current().withCancellation();
    context.cancel(null);
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    context.run(
        () -> {
          calls.add(EchoGrpc.newFutureStub(stub.channel()).echo(number(2)));
          calls.add(stub.call(EchoGrpc.getEchoMethod(), number(2)));
        });

    for (ListenableFuture<EchoMessage> call : calls) {
      CallFailure failure = failureOf(call);
      assertThat(failure.reason()).isEqualTo(Reasons.CALL_CANCELLED);
      assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
    }
    assertThat(accepted.hasFrame()).isFalse();
  }

  @Test
  void theFirstCallersContextDoesNotOwnTheStub() throws Exception {
    DurableObjectStub other = host.client().namespace("ECHO").getByName("bar");
    Context.CancellableContext context = Context.current().withCancellation();
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    context.run(() -> calls.add(other.call(EchoGrpc.getEchoMethod(), number(1))));
    FakeHost.Stub otherAccepted = host.accept().opened("bar");
    otherAccepted.frame();
    otherAccepted.answer(1, 1);
    assertThat(get(calls.get(0))).isEqualTo(number(1));
    context.cancel(null);

    ListenableFuture<EchoMessage> next = other.call(EchoGrpc.getEchoMethod(), number(2));
    otherAccepted.frame();
    otherAccepted.answer(2, 2);
    assertThat(get(next)).isEqualTo(number(2));
  }
}
