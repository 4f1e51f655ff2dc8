package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.Broken;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class RetryTest {
  private static final Retry.Call<EchoMessage> ECHO =
      stub -> EchoGrpc.newFutureStub(stub.channel()).echo(number(1));

  private final FakeScheduler clock = new FakeScheduler();
  private double jitter = 1;
  private FakeHost host;
  private Retry retry;

  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    DurableObjectNamespace namespace = host.client().namespace("ECHO");
    retry =
        Retry.on(() -> namespace.getByName("foo"))
            .maxAttempts(3)
            .initialBackoff(Duration.ofMillis(100))
            .overloadedBackoff(Duration.ofMillis(1000))
            .maxBackoff(Duration.ofMillis(1500))
            .scheduler(clock)
            .ticker(clock.ticker())
            .random(() -> jitter)
            .build();
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  private static Broken.Builder draining() {
    return FakeHost.broken(Code.UNAVAILABLE, "HOST_DRAINING", 0).setRetryable(true);
  }

  private FakeHost.Stub acceptCall() throws Exception {
    FakeHost.Stub accepted = host.accept().opened("foo");
    assertThat(accepted.invocation().getSequence()).isEqualTo(1);
    return accepted;
  }

  @Test
  void aCallThatHadNoEffectIsMadeAgainOnANewStub() throws Exception {
    ListenableFuture<EchoMessage> call = retry.call(ECHO);
    acceptCall().breakWith(draining());
    clock.awaitTask();
    assertThat(clock.delaysMillis()).containsExactly(100L);
    assertThat(host.hasStub()).isFalse();

    clock.advance(100);
    acceptCall().answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
  }

  @Test
  void aCallIsMadeAgainWhoseObjectHadNoHostAndThenWentAway() throws Exception {
    ListenableFuture<EchoMessage> call = retry.call(ECHO);
    host.accept()
        .breakWith(FakeHost.broken(Code.UNAVAILABLE, "OWNER_UNAVAILABLE", 0).setRetryable(true));
    clock.awaitTask();
    clock.advance(100);
    acceptCall().breakWith(FakeHost.broken(Code.UNAVAILABLE, "OBJECT_MOVED", 0).setRetryable(true));
    clock.awaitTask();
    clock.advance(200);

    acceptCall().answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
  }

  @Test
  void thePauseDoublesAndTheAttemptsEnd() throws Exception {
    jitter = 0.5;
    ListenableFuture<EchoMessage> call = retry.call(ECHO);
    acceptCall().breakWith(draining());
    clock.awaitTask();
    assertThat(clock.delaysMillis()).containsExactly(50L);
    clock.advance(50);
    acceptCall().breakWith(draining());
    clock.awaitTask();
    assertThat(clock.delaysMillis()).containsExactly(100L);
    clock.advance(100);
    acceptCall().breakWith(draining());

    assertThat(failureOf(call).reason()).isEqualTo(Reasons.HOST_DRAINING);
    assertThat(clock.delaysMillis()).isEmpty();
  }

  @Test
  void overloadedWaitsLonger() throws Exception {
    jitter = 0;
    ListenableFuture<EchoMessage> call = retry.call(ECHO);
    Broken.Builder overloaded =
        FakeHost.broken(Code.RESOURCE_EXHAUSTED, "OVERLOADED", 0).setOverloaded(true);
    acceptCall().breakWith(overloaded);
    clock.awaitTask();
    assertThat(clock.delaysMillis()).containsExactly(1000L);
    clock.advance(1000);
    acceptCall().breakWith(overloaded);
    clock.awaitTask();
    assertThat(clock.delaysMillis()).containsExactly(1000L);
    jitter = 1;
    clock.advance(1000);
    acceptCall().answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
  }

  @Test
  void byDefaultItGoesOnForAMinute() throws Exception {
    DurableObjectNamespace namespace = host.client().namespace("ECHO");
    try (Retry patient =
        Retry.on(() -> namespace.getByName("foo"))
            .scheduler(clock)
            .ticker(clock.ticker())
            .random(() -> 1)
            .build()) {
      ListenableFuture<EchoMessage> call = patient.call(ECHO);
      List<Long> pauses = new ArrayList<>();
      acceptCall().breakWith(draining());
      clock.awaitTask();
      for (long waited = 0; waited + 1000 <= 60_000; ) {
        long pause = clock.delaysMillis().get(0);
        pauses.add(pause);
        waited += pause;
        clock.advance(pause);
        acceptCall().breakWith(draining());
        if (waited + 1000 <= 60_000) {
          clock.awaitTask();
        }
      }
      assertThat(failureOf(call).reason()).isEqualTo(Reasons.HOST_DRAINING);
      assertThat(pauses.subList(0, 8))
          .containsExactly(50L, 100L, 200L, 400L, 800L, 1000L, 1000L, 1000L)
          .inOrder();
      assertThat(pauses.size()).isEqualTo(63);
    }
  }

  @Test
  void theCallsOwnDeadlineBoundsTheAttempts() throws Exception {
    Deadline deadline = Deadline.after(149, TimeUnit.MILLISECONDS, clock.ticker());
    ListenableFuture<EchoMessage> call =
        retry.call(
            stub -> EchoGrpc.newFutureStub(stub.channel()).withDeadline(deadline).echo(number(1)));
    acceptCall().breakWith(draining());
    clock.awaitTask();
    clock.advance(100);
    acceptCall().breakWith(draining()); // The next pause would be 200 ms.
    assertThat(failureOf(call).reason()).isEqualTo(Reasons.HOST_DRAINING);
  }

  @Test
  void laterAttemptsAreMadeInTheContextOfTheFirst() throws Exception {
    Context.Key<String> key = Context.key("who");
    List<String> seen = new CopyOnWriteArrayList<>();
    AtomicReference<ListenableFuture<EchoMessage>> call = new AtomicReference<>();
    Context.current()
        .withValue(key, "me")
        .run(
            () ->
                call.set(
                    retry.call(
                        stub -> {
                          seen.add(String.valueOf(key.get()));
                          return ECHO.on(stub);
                        })));
    acceptCall().breakWith(draining());
    clock.awaitTask();
    clock.advance(100);
    acceptCall().answer(1, 1);
    assertThat(get(call.get())).isEqualTo(number(1));
    assertThat(seen).containsExactly("me", "me");
  }

  @Test
  void whatTheObjectThrewIsNotTriedAgain() throws Exception {
    ListenableFuture<EchoMessage> call = retry.callIdempotent(ECHO);
    acceptCall().breakWith(FakeHost.broken(Code.INTERNAL, "OBJECT_EXCEPTION", 0));

    assertThat(failureOf(call).reason()).isEqualTo(Reasons.OBJECT_EXCEPTION);
    assertThat(clock.delaysMillis()).isEmpty();
  }

  @Test
  void anUnknownFateIsTriedAgainOnlyIfTheCallIsIdempotent() throws Exception {
    ListenableFuture<EchoMessage> call = retry.call(ECHO);
    acceptCall().end(Status.UNAVAILABLE);
    assertThat(failureOf(call).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(clock.delaysMillis()).isEmpty();

    ListenableFuture<EchoMessage> idempotent = retry.callIdempotent(ECHO);
    acceptCall().end(Status.UNAVAILABLE);
    clock.awaitTask();
    clock.advance(100);
    acceptCall().answer(1, 1);
    assertThat(get(idempotent)).isEqualTo(number(1));
  }

  @Test
  void callsShareAStubWhileItLasts() throws Exception {
    ListenableFuture<EchoMessage> one = retry.call(ECHO);
    FakeHost.Stub accepted = acceptCall();
    ListenableFuture<EchoMessage> two = retry.call(ECHO);
    assertThat(accepted.invocation().getSequence()).isEqualTo(2);
    accepted.answer(1, 2);
    assertThat(get(one)).isEqualTo(number(1));
    assertThat(get(two)).isEqualTo(number(2));
  }

  @Test
  void aCancelledCallIsNotMadeAgain() throws Exception {
    ListenableFuture<EchoMessage> call = retry.call(ECHO);
    acceptCall().breakWith(draining());
    clock.awaitTask();
    call.cancel(true);
    clock.advance(100);

    assertThrows(CancellationException.class, () -> get(call));
    assertThat(host.hasStub()).isFalse();
  }

  @Test
  void afterCloseNoCallIsMade() throws Exception {
    ListenableFuture<EchoMessage> one = retry.call(ECHO);
    FakeHost.Stub accepted = acceptCall();
    retry.close();
    accepted.answer(1, 1);
    assertThat(get(one)).isEqualTo(number(1));
    assertThat(accepted.end()).isEqualTo("half-closed");
    assertThat(failureOf(retry.call(ECHO)).reason()).isEqualTo(Reasons.STUB_CLOSED);
  }

  @Test
  void whatTheCallItselfThrowsIsItsFailure() {
    ListenableFuture<EchoMessage> call =
        retry.call(
            stub -> {
              throw new IllegalStateException("no such luck");
            });
    Throwable thrown = assertThrows(java.util.concurrent.ExecutionException.class, () -> get(call));
    assertThat(thrown).hasCauseThat().hasMessageThat().isEqualTo("no such luck");
  }

  @Test
  void optionsSayWhatIsWrong() {
    Retry.Builder builder = Retry.on(() -> host.client().namespace("ECHO").getByName("foo"));
    assertThat(assertThrows(IllegalArgumentException.class, () -> builder.maxAttempts(0)))
        .hasMessageThat()
        .isEqualTo("maxAttempts 0, expected at least 1");
    assertThat(
            assertThrows(
                IllegalArgumentException.class, () -> builder.initialBackoff(Duration.ZERO)))
        .hasMessageThat()
        .isEqualTo("initialBackoff PT0S, expected at least 1 ms and at most 36500 days");
  }
}
