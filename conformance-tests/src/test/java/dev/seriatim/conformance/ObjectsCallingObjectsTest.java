package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.Fate;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Objects of one host call each other by the rules that hold for any client. */
final class ObjectsCallingObjectsTest {
  private DurableObjectHost host;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    String name = InProcessServerBuilder.generateName();
    host =
        DurableObjectHost.builder()
            .namespace("RELAY", CounterGrpc.getServiceDescriptor(), Relay::new)
            .server(InProcessServerBuilder.forName(name))
            .build()
            .start();
    channel = InProcessChannelBuilder.forName(name).build();
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    host.close();
  }

  @Test
  void aTurnCallsAnotherObjectAndWaitsForIt() {
    assertThat(call("a>b>c").getValue()).isEqualTo(3);
  }

  @Test
  void aCycleIsRefusedAtOnceAndTheChainIsNamed() {
    StatusRuntimeException refused =
        assertThrows(StatusRuntimeException.class, () -> call("a>b>a"));

    // What b was told is what b threw, and a after it.
    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(refused).hasMessageThat().contains("waits for this call");
    assertThat(refused).hasMessageThat().contains("RELAY/a > RELAY/b");
  }

  @Test
  void anObjectThatCallsItselfIsRefused() {
    StatusRuntimeException refused = assertThrows(StatusRuntimeException.class, () -> call("a>a"));

    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
  }

  @Test
  void anObjectThatWasPartOfARefusedCycleGoesOn() {
    assertThrows(StatusRuntimeException.class, () -> call("a>b>a"));

    assertThat(call("a>b").getValue()).isEqualTo(2);
  }

  @Test
  void aClientCanNotClaimAChain() {
    Metadata chain = new Metadata();
    chain.put(Metadata.Key.of("seriatim-chain", Metadata.ASCII_STRING_MARSHALLER), "RELAY/id:00");
    try (DurableObjectStub stub = DurableObjects.on(channel).namespace("RELAY").getByName("a")) {
      CounterGrpc.CounterBlockingStub relay =
          CounterGrpc.newBlockingStub(stub.channel())
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(chain));
      StatusRuntimeException refused =
          assertThrows(
              StatusRuntimeException.class, () -> relay.get(GetRequest.getDefaultInstance()));

      assertThat(CallFailure.of(refused).orElseThrow().fate()).isEqualTo(Fate.NOT_EXECUTED);
    }
  }

  /** Calls the first object of the path, which calls the next one, and so on. */
  private CounterValue call(String path) {
    String first = path.substring(0, 1);
    try (DurableObjectStub stub = DurableObjects.on(channel).namespace("RELAY").getByName(first)) {
      return CounterGrpc.newBlockingStub(stub.channel())
          .withDeadlineAfter(30, TimeUnit.SECONDS)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(Relay.path(path)))
          .increment(IncrementRequest.newBuilder().setAmount(1).build());
    }
  }

  /** Answers with how many objects there are from here to the end of the path that it is given. */
  private static final class Relay extends CounterGrpc.CounterImplBase {
    private static final Metadata.Key<String> PATH =
        Metadata.Key.of("path", Metadata.ASCII_STRING_MARSHALLER);

    private final DurableObjectState state;

    Relay(DurableObjectState state) {
      this.state = state;
    }

    static Metadata path(String path) {
      Metadata metadata = new Metadata();
      metadata.put(PATH, path);
      return metadata;
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      String path = requireNonNull(DurableObjectState.INVOCATION_METADATA.get().get(PATH), "path");
      if (path.length() == 1) {
        reply.onNext(CounterValue.newBuilder().setValue(1).build());
        reply.onCompleted();
        return;
      }
      String rest = path.substring(2);
      try (DurableObjectStub next =
          state.objects().namespace("RELAY").getByName(rest.substring(0, 1))) {
        CounterValue behind =
            CounterGrpc.newBlockingStub(next.channel())
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(path(rest)))
                .increment(request);
        reply.onNext(CounterValue.newBuilder().setValue(behind.getValue() + 1).build());
        reply.onCompleted();
      }
    }
  }
}
