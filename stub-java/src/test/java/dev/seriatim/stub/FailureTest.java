package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.await;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.Any;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.Broken;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a caller learns when a stub breaks. */
@Timeout(120)
final class FailureTest {
  private FakeHost host;
  private DurableObjectStub stub;
  private FakeHost.Stub accepted;
  private final List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();

  /** A stub with 1 completed, 2 and 3 sent, 4 and 5 waiting. */
  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    stub =
        host.client(ClientOptions.builder().maxUnansweredFrames(2).build())
            .namespace("ECHO")
            .getByName("foo");
    call();
    accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(calls.get(0))).isEqualTo(number(1));
    for (int i = 2; i <= 5; i++) {
      call();
    }
    accepted.frame();
    accepted.frame();
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  private void call() {
    calls.add(stub.call(EchoGrpc.getEchoMethod(), number(calls.size() + 1)));
  }

  private CallFailure failure(int sequence) {
    return failureOf(calls.get(sequence - 1));
  }

  @Test
  void afterABrokenFrameNothingIsUnknown() throws Exception {
    accepted.answer(2, 2);
    accepted.framesThrough(5);
    accepted.send(
        dev.seriatim.v1.ConnectResponse.newBuilder()
            .setBroken(
                FakeHost.broken(Code.ABORTED, "OBJECT_RESET", 2).setRetryable(true).setRemote(true))
            .build());

    assertThat(get(calls.get(1))).isEqualTo(number(2));
    for (int sequence = 3; sequence <= 5; sequence++) {
      CallFailure failure = failure(sequence);
      assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
      assertThat(failure.sequence()).isEqualTo(sequence);
      assertThat(failure.reason()).isEqualTo("OBJECT_RESET");
      assertThat(failure.code()).isEqualTo(Status.Code.ABORTED);
      assertThat(failure.failureCause().message()).isEqualTo("because of OBJECT_RESET");
      assertThat(failure.retryable()).isTrue();
      assertThat(failure.overloaded()).isFalse();
      assertThat(failure.remote()).isTrue();
      assertThat(failure.failedSequence()).isEqualTo(3);
      assertThat(failure.getStackTrace()).isEmpty();
    }
    assertThat(accepted.end()).isEqualTo("half-closed"); // And not cancelled: the host ends it.
  }

  @Test
  void laterCallsFailAtOnceWithTheSameCause() throws Exception {
    accepted.breakWith(FakeHost.broken(Code.INTERNAL, "OBJECT_EXCEPTION", 1));
    FailureCause cause = failure(2).failureCause();

    ListenableFuture<EchoMessage> late = stub.call(EchoGrpc.getEchoMethod(), number(6));
    assertThat(late.isDone()).isTrue();
    assertThat(failureOf(late).failureCause()).isSameInstanceAs(cause);
    assertThat(failureOf(late).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(failureOf(late).sequence()).isEqualTo(0);
    assertThat(stub.isBroken()).isTrue();
    assertThat(stub.breakCause()).hasValue(cause);
    assertThat(accepted.hasFrame()).isFalse();
    assertThat(host.hasStub()).isFalse();

    DurableObjectStub other = host.client().namespace("ECHO").getByName("foo");
    ListenableFuture<EchoMessage> unused = other.call(EchoGrpc.getEchoMethod(), number(1));
    assertThat(host.accept().invocation().getSequence()).isEqualTo(1);
  }

  @Test
  void withoutABrokenFrameWhatWasSentIsUnknown() throws Exception {
    accepted.end(Status.UNAVAILABLE.withDescription("gone"));

    assertLost("gone");
  }

  @Test
  void anOkWhileCallsAreUnansweredIsALoss() throws Exception {
    accepted.end(Status.OK);

    assertLost("the host ended the stub's call");
  }

  private void assertLost(String message) {
    for (int sequence = 2; sequence <= 5; sequence++) {
      CallFailure failure = failure(sequence);
      assertThat(failure.fate()).isEqualTo(sequence <= 3 ? Fate.UNKNOWN : Fate.NOT_EXECUTED);
      assertThat(failure.reason()).isEqualTo(Reasons.CONNECTION_LOST);
      assertThat(failure.code()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(failure.failureCause().message()).isEqualTo(message);
      assertThat(failure.retryable()).isTrue();
      assertThat(failure.remote()).isFalse();
      assertThat(failure.failedSequence()).isEqualTo(0);
    }
    assertThat(stub.isBroken()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "UNAVAILABLE, true, false",
    "CANCELLED, true, false",
    "INTERNAL, true, false",
    "UNKNOWN, true, false",
    "ABORTED, true, false",
    "RESOURCE_EXHAUSTED, false, true",
    "UNAUTHENTICATED, false, false",
    "PERMISSION_DENIED, false, false",
    "UNIMPLEMENTED, false, false",
  })
  void whatALossIsGoodFor(Status.Code code, boolean retryable, boolean overloaded) {
    accepted.end(Status.fromCode(code).withDescription("lost"));

    CallFailure failure = failure(2);
    assertThat(failure.code()).isEqualTo(code);
    assertThat(failure.retryable()).isEqualTo(retryable);
    assertThat(failure.overloaded()).isEqualTo(overloaded);
  }

  @Test
  void theHostMayEndACallThatHasNothingToAnswer() throws Exception {
    accepted.answer(2, 2);
    accepted.answer(3, 3);
    accepted.framesThrough(5);
    accepted.answer(4, 5);
    accepted.end(Status.OK);
    assertThat(get(calls.get(4))).isEqualTo(number(5));
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();

    assertThat(stub.isBroken()).isTrue();
    assertThat(failureOf(stub.call(EchoGrpc.getEchoMethod(), number(6))).reason())
        .isEqualTo(Reasons.CONNECTION_LOST);
  }

  @Test
  void detailsAreWhereGrpcPutsThem() {
    Broken.Builder broken = FakeHost.broken(Code.INVALID_ARGUMENT, "OBJECT_EXCEPTION", 1);
    broken
        .getCauseBuilder()
        .setDetails(
            0,
            Any.pack(
                ErrorInfo.newBuilder()
                    .setReason("OBJECT_EXCEPTION")
                    .setDomain("seriatim.dev")
                    .putMetadata("object.reason", "TOO_SMALL")
                    .build()))
        .addDetails(Any.pack(RetryInfo.getDefaultInstance()));
    accepted.breakWith(broken);

    ExecutionException thrown = assertThrows(ExecutionException.class, () -> get(calls.get(1)));
    com.google.rpc.Status details = StatusProto.fromThrowable(thrown);
    assertThat(details).isEqualTo(broken.getCause());
    FailureCause cause = failure(2).failureCause();
    assertThat(cause.toProto()).isEqualTo(broken.getCause());
    assertThat(cause.metadata()).containsExactly("object.reason", "TOO_SMALL");
    assertThat(cause.toString())
        .isEqualTo("INVALID_ARGUMENT OBJECT_EXCEPTION: because of OBJECT_EXCEPTION");
  }

  @Test
  void aCodeThatGrpcDoesNotKnowIsUnknown() {
    Broken.Builder broken = FakeHost.broken(Code.INTERNAL, "NEW_REASON", 1);
    broken.getCauseBuilder().setCode(4242);
    accepted.send(dev.seriatim.v1.ConnectResponse.newBuilder().setBroken(broken).build());

    CallFailure failure = failure(2);
    assertThat(failure.code()).isEqualTo(Status.Code.UNKNOWN);
    assertThat(failure.reason()).isEqualTo("NEW_REASON");
    ExecutionException thrown = assertThrows(ExecutionException.class, () -> get(calls.get(1)));
    assertThat(detailsOf(thrown)).hasSize(1);
  }

  @Test
  void aBreakWithoutErrorInfoHasNoReason() {
    Broken.Builder broken = FakeHost.broken(Code.INTERNAL, "", 1);
    broken.getCauseBuilder().clearDetails();
    accepted.breakWith(broken);

    assertThat(failure(2).reason()).isEmpty();
    assertThat(failure(2).failureCause().metadata()).isEmpty();
  }

  @Test
  void everyGeneratedStubTellsTheFailure() throws Exception {
    ListenableFuture<EchoMessage> future = EchoGrpc.newFutureStub(stub.channel()).echo(number(6));
    BlockingQueue<Throwable> errors = new LinkedBlockingQueue<>();
    EchoGrpc.newStub(stub.channel())
        .echo(
            number(7),
            new StreamObserver<>() {
              @Override
              public void onNext(EchoMessage value) {
                errors.add(new AssertionError("a value: " + value));
              }

              @Override
              public void onError(Throwable thrown) {
                errors.add(thrown);
              }

              @Override
              public void onCompleted() {
                errors.add(new AssertionError("completed"));
              }
            });
    accepted.breakWith(FakeHost.broken(Code.INTERNAL, "OBJECT_EXCEPTION", 1));

    assertThat(failureOf(future).sequence()).isEqualTo(6);
    Throwable async = FakeHost.await(errors, "onError");
    assertThat(async).isInstanceOf(StatusRuntimeException.class);
    assertThat(CallFailure.of(async).orElseThrow().sequence()).isEqualTo(7);
    assertThat(detailsOf(async)).hasSize(1);

    StatusRuntimeException blocking =
        assertThrows(
            StatusRuntimeException.class,
            () -> EchoGrpc.newBlockingStub(stub.channel()).echo(number(8)));
    assertThat(blocking.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(CallFailure.of(blocking).orElseThrow().fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(detailsOf(blocking)).hasSize(1);

    StatusException blockingV2 =
        assertThrows(
            StatusException.class,
            () -> EchoGrpc.newBlockingV2Stub(stub.channel()).echo(number(9)));
    assertThat(CallFailure.of(blockingV2).orElseThrow().reason()).isEqualTo("OBJECT_EXCEPTION");
    assertThat(detailsOf(blockingV2)).hasSize(1);
  }

  @Test
  void callsFailInOrderAndThenTheListenerIsTold() throws Exception {
    List<Object> told = new ArrayList<>();
    CountDownLatch last = new CountDownLatch(1);
    for (ListenableFuture<EchoMessage> call : calls.subList(1, 5)) {
      call.addListener(() -> told.add(failureOf(call).sequence()), Runnable::run);
    }
    stub.onBreak(
        cause -> {
          throw new IllegalStateException("a listener that throws");
        });
    stub.onBreak(
        cause -> {
          told.add(cause.reason());
          last.countDown();
        });
    accepted.breakWith(FakeHost.broken(Code.INTERNAL, "OBJECT_EXCEPTION", 1));
    await(last, "the word of the break");

    assertThat(told).containsExactly(2L, 3L, 4L, 5L, "OBJECT_EXCEPTION").inOrder();
    AtomicInteger late = new AtomicInteger();
    stub.onBreak(cause -> late.incrementAndGet());
    assertThat(late.get()).isEqualTo(1);
  }

  @Test
  void aListenerIsNotToldOfAnOrderlyEnd() throws Exception {
    AtomicInteger told = new AtomicInteger();
    stub.onBreak(cause -> told.incrementAndGet());
    stub.close();
    accepted.answer(2, 3);
    accepted.framesThrough(5);
    accepted.answer(4, 5).end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();

    assertThat(told.get()).isEqualTo(0);
    stub.onBreak(cause -> told.incrementAndGet());
    assertThat(told.get()).isEqualTo(0);
  }

  @Test
  void noFailureIsFoundWhereThereIsNone() {
    assertThat(CallFailure.of(new IllegalStateException())).isEmpty();
    assertThat(CallFailure.of(Status.INTERNAL.asRuntimeException())).isEmpty();
  }

  private static List<Any> detailsOf(Throwable thrown) {
    com.google.rpc.Status status = StatusProto.fromThrowable(thrown);
    return status == null ? List.of() : status.getDetailsList();
  }
}
