package dev.seriatim.conformance.client;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.conformance.client.ClientResult.Verdict;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.DriverRequest;
import dev.seriatim.conformance.v1.DriverResponse;
import dev.seriatim.conformance.v1.DriverResult;
import dev.seriatim.conformance.v1.DriverStubState;
import dev.seriatim.conformance.v1.SayRequest;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.Open;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The runner finds what a client does wrong with lanes: a client that sends what each test says.
 */
@Timeout(120)
final class LaneFaultsTest {
  private static final ClientCase ONE_CALL =
      ClientCaseFiles.load().stream()
          .filter(one -> one.getName().equals("order/one-call"))
          .findFirst()
          .orElseThrow();
  private static final ConnectRequest FIRST_FRAME =
      ConnectRequest.newBuilder()
          .setOpen(Open.newBuilder().setNamespace("PROBE").setName("foo"))
          .addInvocations(
              Invocation.newBuilder()
                  .setSequence(1)
                  .setMethod("Say")
                  .setMessage(SayRequest.newBuilder().setText("hello").build().toByteString()))
          .build();

  /** Calls {@code Say} on lane 1 with {@code first}, and then says {@code then} on it. */
  private static ClientResult with(Carriage carriage, ConnectManyRequest first, LaneRequest... then)
      throws InterruptedException {
    return new ClientCaseRunner(request -> say(request, first, then), carriage).run(ONE_CALL);
  }

  private static DriverResponse say(
      DriverRequest request, ConnectManyRequest first, LaneRequest... then)
      throws DriverException, InterruptedException {
    CountDownLatch answered = new CountDownLatch(1);
    CompletableFuture<Boolean> ended = new CompletableFuture<>();
    ManagedChannel channel =
        Grpc.newChannelBuilder(request.getTarget(), InsecureChannelCredentials.create()).build();
    try {
      StreamObserver<ConnectManyRequest> requests =
          DurableObjectsGrpc.newStub(channel)
              .connectMany(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ConnectManyResponse message) {
                      if (message.getLanesList().stream()
                          .anyMatch(part -> part.getFrame().getOutcomesCount() > 0)) {
                        answered.countDown();
                      }
                    }

                    @Override
                    public void onError(Throwable failure) {
                      ended.completeExceptionally(failure);
                    }

                    @Override
                    public void onCompleted() {
                      ended.complete(true);
                    }
                  });
      requests.onNext(first);
      assertThat(answered.await(30, TimeUnit.SECONDS)).isTrue();
      for (LaneRequest part : then) {
        requests.onNext(ConnectManyRequest.newBuilder().addLanes(part).build());
      }
      requests.onCompleted();
      ended.get(30, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw DriverException.crash(e.toString());
    } finally {
      channel.shutdownNow();
    }
    return DriverResponse.newBuilder()
        .addResults(DriverResult.newBuilder().setOk(true).setText("hello"))
        .addStubs(DriverStubState.newBuilder().setStub("a"))
        .build();
  }

  private static ConnectManyRequest message(LaneRequest... parts) {
    return ConnectManyRequest.newBuilder().addAllLanes(List.of(parts)).build();
  }

  private static LaneRequest opening(long lane) {
    return LaneRequest.newBuilder().setLane(lane).setFrame(FIRST_FRAME).build();
  }

  private static LaneRequest.Builder lane() {
    return LaneRequest.newBuilder().setLane(1);
  }

  private static void assertFound(ClientResult result, String problem) {
    assertThat(result.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(String.join("\n", result.problems())).contains(problem);
  }

  @Test
  void nothingWrong() throws Exception {
    ClientResult result =
        with(
            Carriage.SHARED_CALLS,
            message(opening(1)),
            lane().setHalfClose(true).build(),
            lane().setMoreBytes(5).build());

    assertThat(result.problems()).isEmpty();
  }

  @Test
  void aCallThatIsNotShared() throws Exception {
    ClientCaseRunner runner =
        new ClientCaseRunner(
            request -> {
              DriverRequest.Builder deaf = request.toBuilder();
              deaf.getOptionsBuilder().clearSharedCalls();
              return new JavaDriver().run(deaf.build());
            },
            Carriage.SHARED_CALLS);

    assertFound(runner.run(ONE_CALL), "came as a call of Connect, expected a lane of ConnectMany");
  }

  @Test
  void aCallThatIsSharedUnasked() throws Exception {
    assertFound(
        with(Carriage.OWN_CALLS, message(opening(1)), lane().setHalfClose(true).build()),
        "came as a lane, expected a call of Connect");
  }

  @Test
  void aLaneThatIsOpenedOutOfOrder() throws Exception {
    assertFound(
        with(Carriage.SHARED_CALLS, message(opening(2))),
        "shared call 1: lane 2 was opened, expected lane 1");
  }

  @Test
  void aLaneThatBeginsWithItsEnd() throws Exception {
    assertFound(
        with(
            Carriage.SHARED_CALLS,
            message(opening(1)),
            LaneRequest.newBuilder().setLane(2).setCancel(true).build()),
        "lane 2 began with CANCEL, expected a frame");
  }

  @Test
  void aFrameBehindTheHalfClose() throws Exception {
    assertFound(
        with(
            Carriage.SHARED_CALLS,
            message(opening(1), lane().setHalfClose(true).build(), opening(1))),
        "lane 1: FRAME behind the half-close");
  }

  @Test
  void aHalfCloseThatIsNone() throws Exception {
    assertFound(
        with(Carriage.SHARED_CALLS, message(opening(1), lane().setHalfClose(false).build())),
        "lane 1: a half-close or cancel that is not true");
  }

  @Test
  void creditThatWasNotTaken() throws Exception {
    assertFound(
        // With the opening, since what the script answers to that takes some of the credit.
        with(Carriage.SHARED_CALLS, message(opening(1).toBuilder().setMoreBytes(1).build())),
        "lane 1: 'more_bytes' gives 1 more bytes than came");
  }

  @Test
  void aMessageThatIsTooLong() throws Exception {
    ByteString padding = ByteString.copyFrom(new byte[300_000]);
    SayRequest argument = SayRequest.newBuilder().setText("hello").setPadding(padding).build();
    ConnectRequest.Builder frame = FIRST_FRAME.toBuilder();
    frame.getInvocationsBuilder(0).setMessage(argument.toByteString());

    assertFound(
        with(
            Carriage.SHARED_CALLS,
            message(lane().setFrame(frame).build(), lane().setHalfClose(true).build())),
        "a message has 2 parts of 300");
  }
}
