package dev.seriatim.testing;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.AdvanceClockRequest;
import dev.seriatim.admin.v1.BreakNextCallRequest;
import dev.seriatim.admin.v1.DropConnectionsRequest;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.FailNextCommitRequest;
import dev.seriatim.admin.v1.GetClockRequest;
import dev.seriatim.admin.v1.HoldCommitsRequest;
import dev.seriatim.admin.v1.LoseCommitAnswerRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ReleaseCommitsRequest;
import dev.seriatim.admin.v1.ResetRequest;
import dev.seriatim.admin.v1.TestingGrpc;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.Fate;
import dev.seriatim.stub.Reasons;
import dev.seriatim.testing.v1.AddResponse;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What tests in other processes do to a host: {@code seriatim.admin.v1.Testing}, over loopback. */
final class ServedHostTest {
  private static final ObjectName A =
      ObjectName.newBuilder().setNamespace(Tally.NAMESPACE).setName("a").build();

  private static final ServedHost SERVED = new ServedHost();
  private static DurableObjectHost host;
  private static ManagedChannel control;
  private static ManagedChannel channel;
  private static TestingGrpc.TestingBlockingStub testing;
  private static DurableObjectNamespace tallies;

  @BeforeAll
  static void start() throws Exception {
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .storage(SERVED.storage())
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    Tally.addTo(builder);
    SERVED.addTo(builder);
    host = builder.build().start();
    SERVED.begin(host);
    control = connect();
    channel = connect();
    testing = TestingGrpc.newBlockingStub(control);
    tallies = DurableObjects.on(channel).namespace(Tally.NAMESPACE);
  }

  private static ManagedChannel connect() {
    return Grpc.newChannelBuilder("127.0.0.1:" + host.port(), InsecureChannelCredentials.create())
        .build();
  }

  @AfterAll
  static void stop() {
    control.shutdownNow();
    channel.shutdownNow();
    host.close();
    SERVED.close();
  }

  @BeforeEach
  void reset() {
    var _ = testing.reset(ResetRequest.getDefaultInstance());
  }

  private static Timestamp now() {
    return testing.getClock(GetClockRequest.getDefaultInstance()).getNow();
  }

  @Test
  void timeIsMoved() {
    Timestamp before = now();
    DurableObjectStub stub = tallies.getByName("a");
    Tallies.ringAfterSeconds(stub, 60);
    Timestamp after =
        testing
            .advanceClock(AdvanceClockRequest.newBuilder().setBy(Durations.fromMinutes(1)).build())
            .getNow();
    assertThat(Timestamps.between(before, after)).isEqualTo(Durations.fromMinutes(1));
    assertThat(now()).isEqualTo(after);
    assertThat(StoredObject.all(directory())).hasSize(1);
    StatusRuntimeException e =
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              var _ = testing.advanceClock(AdvanceClockRequest.newBuilder().setTo(before).build());
            });
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    Timestamp later = Timestamps.add(after, Durations.fromDays(1));
    assertThat(testing.advanceClock(AdvanceClockRequest.newBuilder().setTo(later).build()).getNow())
        .isEqualTo(later);
  }

  private static java.nio.file.Path directory() {
    return ((dev.seriatim.service.StorageOptions.Sqlite) SERVED.storage().location()).directory();
  }

  @Test
  void aCommitFails() {
    DurableObjectStub stub = tallies.getByName("a");
    assertThat(Tallies.add(stub, 1).getSum()).isEqualTo(1);
    var _ = testing.failNextCommit(FailNextCommitRequest.getDefaultInstance());
    assertThat(Tallies.failure(stub).reason()).isEqualTo(Reasons.OBJECT_RESET);
    assertThat(Tallies.sum(tallies.getByName("a"))).isEqualTo(1);
  }

  @Test
  void commitsAreHeldAndReleased() throws Exception {
    var _ = testing.holdCommits(HoldCommitsRequest.getDefaultInstance());
    Future<AddResponse> held = Tallies.begin(tallies.getByName("a"), 1);
    assertThat(StoredObject.all(directory())).isEmpty();
    var _ = testing.releaseCommits(ReleaseCommitsRequest.getDefaultInstance());
    assertThat(held.get(30, TimeUnit.SECONDS).getSum()).isEqualTo(1);
  }

  @Test
  void theAnswerToACommitIsLost() {
    DurableObjectStub stub = tallies.getByName("a");
    assertThat(Tallies.add(stub, 1).getSum()).isEqualTo(1);
    var _ = testing.loseCommitAnswer(LoseCommitAnswerRequest.getDefaultInstance());
    assertThat(Tallies.failure(stub).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(Tallies.sum(tallies.getByName("a"))).isEqualTo(2);
  }

  @Test
  void aCallBreaks() {
    DurableObjectStub stub = tallies.getByName("a");
    var _ =
        testing.breakNextCall(
            BreakNextCallRequest.newBuilder().setObject(A).setReason("OBJECT_MOVED").build());
    assertThat(Tallies.failure(stub).reason()).isEqualTo(Reasons.OBJECT_MOVED);
    StatusRuntimeException e =
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              var _ =
                  testing.breakNextCall(
                      BreakNextCallRequest.newBuilder().setObject(A).setReason("NONE").build());
            });
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  @Test
  void connectionsAreDroppedButTheOneThatAsks() {
    DurableObjectStub stub = tallies.getByName("a");
    assertThat(Tallies.add(stub, 1).getSum()).isEqualTo(1);
    var _ = testing.dropConnections(DropConnectionsRequest.getDefaultInstance());
    assertThat(Tallies.failure(stub).reason()).isEqualTo(Reasons.CONNECTION_LOST);
    channel.resetConnectBackoff();
    assertThat(Tallies.add(tallies.getByName("a"), 1).getSum()).isEqualTo(2);
  }

  @Test
  void allIsReset() {
    DurableObjectStub stub = tallies.getByName("a");
    Tallies.ringAfterSeconds(stub, 60);
    assertThat(Tallies.add(stub, 1).getCalls()).isEqualTo(1);
    assertThat(
            AdminGrpc.newBlockingStub(control)
                .evictObject(EvictObjectRequest.newBuilder().setObject(A).build())
                .getEvicted())
        .isTrue();
    assertThat(Tallies.add(stub, 1).getCalls()).isEqualTo(1);
    var _ = testing.failNextCommit(FailNextCommitRequest.getDefaultInstance());
    var _ = testing.reset(ResetRequest.getDefaultInstance());
    assertThat(StoredObject.all(directory())).isEmpty();
    assertThat(Tallies.add(stub, 5).getSum()).isEqualTo(5);
  }
}
