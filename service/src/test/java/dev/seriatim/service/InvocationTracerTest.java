package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who follows an invocation is told of it from its turn to its end, whatever that is. */
@SuppressWarnings("NullAway.Init") // Started before each test.
final class InvocationTracerTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SAMPLED = "00-" + TRACE + "-00f067aa0ba902b7-01";
  private static final Context.Key<String> CURRENT = Context.key("current");

  private final List<String> told = new CopyOnWriteArrayList<>();
  private final CountDownLatch running = new CountDownLatch(1);
  private final CountDownLatch goOn = new CountDownLatch(1);
  private volatile boolean throwing;
  private DurableObjectHost host;
  private ManagedChannel channel;
  private DurableObjects objects;

  @BeforeEach
  void start() throws Exception {
    startWithin(Duration.ofMinutes(5));
  }

  private void startWithin(Duration turnLimit) throws Exception {
    String name = InProcessServerBuilder.generateName();
    host =
        DurableObjectHost.builder()
            .namespace("PROBE", ProbeGrpc.getServiceDescriptor(), Probe.doing(this::turn))
            .limits(
                HostLimits.builder()
                    .turnLimit(turnLimit)
                    .drainLimit(Duration.ofMillis(100))
                    .build())
            .tracer(new Recorder())
            .server(InProcessServerBuilder.forName(name))
            .build()
            .start();
    channel = InProcessChannelBuilder.forName(name).build();
    objects = DurableObjects.on(channel);
  }

  @AfterEach
  void end() {
    goOn.countDown();
    close();
  }

  private void close() {
    channel.shutdownNow();
    host.close();
  }

  private void turn(Probe probe, Words request, StreamObserver<Words> reply) throws Exception {
    DurableObjectStorage storage = probe.state().storage();
    switch (request.getText()) {
      case "write" -> storage.put("key", ByteString.copyFromUtf8("value"));
      case "throw" -> throw new IllegalStateException("no");
      case "wait" -> {
        running.countDown();
        goOn.await();
      }
      case "call" -> {
        try (DurableObjectStub stub =
            probe.state().objects().namespace("PROBE").getByName("other")) {
          var _ = ProbeGrpc.newBlockingStub(stub.channel()).do_(Probe.words("write"));
        }
      }
      default -> {}
    }
    Probe.reply(reply, String.valueOf(CURRENT.get()));
  }

  /** Says in one line each what it is told. */
  private final class Recorder implements InvocationTracer {
    @Override
    public Trace begin(Arrival arrival) {
      String who = arrival.name().orElse("?") + "/" + arrival.sequence();
      String parent =
          arrival.metadata().get(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER));
      told.add(who + " " + arrival.method() + " by " + parent);
      assertThat(arrival.waited()).isAtLeast(Duration.ZERO);
      assertThat(arrival.namespace()).isEqualTo("PROBE");
      if (throwing) {
        throw new IllegalStateException("the tracer's");
      }
      return new Trace() {
        @Override
        public Context enter(Context context) {
          told.add(who + " enters");
          return context.withValue(CURRENT, who);
        }

        @Override
        public void leave() {
          told.add(who + " leaves");
          throw new IllegalStateException("the tracer's");
        }

        @Override
        public void durable() {
          told.add(who + " durable");
        }

        @Override
        public void failed(String reason, Status status) {
          told.add(who + " failed " + reason + " " + status.getCode());
        }
      };
    }

    @Override
    public Map<String, String> outgoing() {
      String current = CURRENT.get();
      return current == null
          ? Map.of()
          : Map.of("traceparent", "00-" + TRACE + "-00000000000000aa-01");
    }
  }

  private ProbeGrpc.ProbeBlockingStub on(DurableObjectStub stub, @Nullable String traceparent) {
    return ProbeGrpc.newBlockingStub(with(stub.channel(), traceparent));
  }

  private static Channel with(Channel channel, @Nullable String traceparent) {
    if (traceparent == null) {
      return channel;
    }
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), traceparent);
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private DurableObjectStub stub(String name) {
    return objects.namespace("PROBE").getByName(name);
  }

  private void await(String line) {
    Wait.until(() -> told.contains(line), "'" + line + "' in " + told);
  }

  @Test
  void anInvocationIsFollowedToItsCommit() {
    try (DurableObjectStub stub = stub("a")) {
      assertThat(on(stub, SAMPLED).do_(Probe.words("write")).getText()).isEqualTo("a/1");
      await("a/1 durable");
    }
    assertThat(told)
        .containsExactly(
            "a/1 seriatim.servicetest.Probe/Do by " + SAMPLED,
            "a/1 enters",
            "a/1 leaves",
            "a/1 durable")
        .inOrder();
  }

  @Test
  void othersAreNot() {
    try (DurableObjectStub stub = stub("a")) {
      for (String traceparent :
          new String[] {null, SAMPLED.replace("-01", "-00"), "00-nonsense-01", "x"}) {
        assertThat(on(stub, traceparent).do_(Probe.words("write")).getText()).isEqualTo("null");
      }
      assertThat(on(stub, SAMPLED).do_(Probe.words("")).getText()).isEqualTo("a/5");
    }
    assertThat(told.getFirst()).startsWith("a/5");
  }

  @Test
  void itGoesOnInWhatTheObjectCalls() {
    try (DurableObjectStub stub = stub("a")) {
      var _ = on(stub, SAMPLED).do_(Probe.words("call"));
    }
    await("other/1 durable");
    await("a/1 durable");
    assertThat(told)
        .contains("other/1 seriatim.servicetest.Probe/Do by 00-" + TRACE + "-00000000000000aa-01");
  }

  @Test
  void aCallThatNobodyFollowsMakesCallsThatNobodyFollows() {
    try (DurableObjectStub stub = stub("a")) {
      var _ = on(stub, null).do_(Probe.words("call"));
    }
    assertThat(told).isEmpty();
  }

  @Test
  void aTurnThatThrowsIsToldWithItsReason() {
    try (DurableObjectStub stub = stub("a")) {
      Assertions.assertThrows(
          StatusRuntimeException.class, () -> on(stub, SAMPLED).do_(Probe.words("throw")));
    }
    await("a/1 failed OBJECT_EXCEPTION UNKNOWN");
    assertThat(told).hasSize(4);
  }

  @Test
  void aTurnThatIsCutOffIsToldThen() throws Exception {
    close();
    startWithin(Duration.ofMillis(200));
    try (DurableObjectStub stub = stub("a")) {
      Assertions.assertThrows(
          StatusRuntimeException.class, () -> on(stub, SAMPLED).do_(Probe.words("wait")));
    }
    await("a/1 failed INVOCATION_TIMED_OUT DEADLINE_EXCEEDED");
    await("a/1 leaves");
    assertThat(told).hasSize(4);
  }

  @Test
  void aTurnWhoseClientHasGoneEndsAllTheSame() {
    DurableObjectStub stub = stub("a");
    var answer = ProbeGrpc.newFutureStub(with(stub.channel(), SAMPLED)).do_(Probe.words("wait"));
    Wait.on(running, "the turn");
    channel.shutdownNow();
    Assertions.assertThrows(Exception.class, () -> Wait.on(answer, "the loss of the connection"));
    goOn.countDown();
    Wait.until(
        () -> told.stream().anyMatch(line -> line.matches("a/1 (durable|failed .*)")),
        "the end of the turn in " + told);
  }

  @Test
  void aDrainEndsWhatRuns() throws Exception {
    DurableObjectStub stub = stub("a");
    var answer = ProbeGrpc.newFutureStub(with(stub.channel(), SAMPLED)).do_(Probe.words("wait"));
    Wait.on(running, "the turn");
    host.drain();
    Assertions.assertThrows(Exception.class, () -> Wait.on(answer, "the break"));
    Wait.until(
        () -> told.stream().anyMatch(line -> line.startsWith("a/1 failed")),
        "the end of the turn in " + told);
  }

  @Test
  void aTracerThatThrowsDoesNoHarm() {
    throwing = true;
    try (DurableObjectStub stub = stub("a")) {
      assertThat(on(stub, SAMPLED).do_(Probe.words("write")).getText()).isEqualTo("null");
    }
    assertThat(told).hasSize(1);
  }

  @Test
  void aCallWithAHeaderIsFollowed() {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/a");
    Channel object =
        ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
    assertThat(ProbeGrpc.newBlockingStub(with(object, SAMPLED)).do_(Probe.words("")).getText())
        .isEqualTo("a/1");
    await("a/1 durable");
  }
}
