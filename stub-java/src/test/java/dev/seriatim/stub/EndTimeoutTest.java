package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectResponse;
import io.grpc.Status;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Hosts that have nothing left to say, and may or may not end the call. */
@Timeout(120)
final class EndTimeoutTest {
  private final FakeScheduler clock = new FakeScheduler();
  private FakeHost host;
  private DurableObjectStub stub;
  private ListenableFuture<EchoMessage> call;
  private FakeHost.Stub accepted;

  /** A stub with one call sent. */
  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    stub =
        host.client(
                ClientOptions.builder().endTimeout(Duration.ofSeconds(3)).scheduler(clock).build())
            .namespace("ECHO")
            .getByName("foo");
    call = stub.call(EchoGrpc.getEchoMethod(), number(1));
    accepted = host.accept().opened("foo");
    accepted.frame();
    clock.awaitNoTask(); // The opening is watched until the host's word has come.
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  private void assertOverdue() throws Exception {
    clock.awaitTask();
    // Before the clock moves: what isn't written when the time is up is not written any more.
    assertThat(accepted.end()).isEqualTo("half-closed");
    clock.advance(2999);
    assertThat(stub.isBroken()).isFalse();
    clock.advance(1);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(accepted.end()).isEqualTo("cancelled");
    FailureCause cause = stub.breakCause().orElseThrow();
    assertThat(cause.reason()).isEqualTo(Reasons.ANSWER_OVERDUE);
    assertThat(cause.code()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(cause.message())
        .isEqualTo("the host has not ended the stub's call 3000 ms after its last frame");
    assertThat(get(call)).isEqualTo(number(1));
  }

  @Test
  void closedBehindTheLastAnswer() throws Exception {
    accepted.answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
    assertThat(clock.delaysMillis()).isEmpty();
    stub.close();
    assertOverdue();
  }

  @Test
  void closedBeforeTheLastAnswer() throws Exception {
    stub.close();
    clock.advance(100_000); // Turns may take their time.
    assertThat(clock.delaysMillis()).isEmpty();
    accepted.answer(1, 1);
    assertOverdue();
  }

  @Test
  void aHostThatEndsIsNotWatchedAnyLonger() throws Exception {
    stub.close();
    accepted.answer(1, 1);
    clock.awaitTask();
    accepted.end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(clock.delaysMillis()).isEmpty();
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void aBreakThatWasToldIsEnded() throws Exception {
    accepted.send(
        ConnectResponse.newBuilder()
            .setBroken(FakeHost.broken(Code.UNAVAILABLE, "HOST_DRAINING", 0))
            .build());
    assertThat(failureOf(call).fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(accepted.end()).isEqualTo("half-closed");
    clock.awaitTask();
    clock.advance(3000);
    assertThat(accepted.end()).isEqualTo("cancelled");
    assertThat(stub.breakCause().orElseThrow().reason()).isEqualTo(Reasons.HOST_DRAINING);
  }
}
