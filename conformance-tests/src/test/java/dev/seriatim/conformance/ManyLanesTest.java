package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import com.google.rpc.Status;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.LaneResponse;
import dev.seriatim.v1.Outcome;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The runner finds what a host does wrong with lanes: one fault at a time. */
@Timeout(60)
final class ManyLanesTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int CREDIT = 256 << 10;

  private final String name = InProcessServerBuilder.generateName();
  private final ManagedChannel connection = InProcessChannelBuilder.forName(name).build();
  private @Nullable Server server;

  @AfterEach
  void stop() {
    connection.shutdownNow();
    if (server != null) {
      server.shutdownNow();
    }
  }

  /** Opens a lane on a host that answers with these messages; gives how the call ends. */
  private io.grpc.Status end(ConnectManyResponse... answers) throws Exception {
    server =
        InProcessServerBuilder.forName(name)
            .addService(
                new DurableObjectsGrpc.DurableObjectsImplBase() {
                  @Override
                  public StreamObserver<ConnectManyRequest> connectMany(
                      StreamObserver<ConnectManyResponse> responses) {
                    return new Answering(responses, List.of(answers));
                  }
                })
            .build()
            .start();
    LaneChannel lanes = new LaneChannel(connection);
    ConnectCall stub = new ConnectCall("a", lanes, /* paused= */ true);
    stub.send(ConnectRequest.getDefaultInstance());
    return lanes.call().end(PATIENCE);
  }

  /** Answers the first message, and ends the call. */
  private record Answering(
      StreamObserver<ConnectManyResponse> responses, List<ConnectManyResponse> answers)
      implements StreamObserver<ConnectManyRequest> {
    @Override
    public void onNext(ConnectManyRequest message) {
      answers.forEach(responses::onNext);
      responses.onCompleted();
    }

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }

  private static ConnectManyResponse message(LaneResponse... parts) {
    return ConnectManyResponse.newBuilder().addAllLanes(List.of(parts)).build();
  }

  private static LaneResponse outcome(int bytes) {
    ByteString result = ByteString.copyFrom(new byte[bytes]);
    Outcome outcome = Outcome.newBuilder().setSequence(1).setMessage(result).build();
    return LaneResponse.newBuilder()
        .setLane(1)
        .setFrame(ConnectResponse.newBuilder().addOutcomes(outcome))
        .build();
  }

  private static LaneResponse end(long lane) {
    return LaneResponse.newBuilder().setLane(lane).setEnd(Status.getDefaultInstance()).build();
  }

  private static void assertFound(io.grpc.Status end, String what) {
    assertThat(end.getCode()).isEqualTo(io.grpc.Status.Code.UNKNOWN);
    assertThat(end.getDescription()).contains(what);
  }

  @Test
  void nothingWrong() throws Exception {
    assertThat(end(message(outcome(CREDIT)), message(end(1))).isOk()).isTrue();
  }

  @Test
  void outcomesWithoutCredit() throws Exception {
    assertFound(
        end(message(outcome(CREDIT)), message(outcome(1))),
        "outcomes on lane 1, whose credit is -");
  }

  @Test
  void aPartBehindTheEnd() throws Exception {
    assertFound(end(message(end(1)), message(outcome(1))), "a part behind the end of lane 1");
  }

  @Test
  void aLaneThatNobodyOpened() throws Exception {
    assertFound(end(message(end(2))), "a part for lane 2 that nobody opened");
  }

  @Test
  void aMessageThatIsTooLong() throws Exception {
    assertFound(end(message(outcome(CREDIT), end(1))), "a message has 2 parts of 262");
  }
}
