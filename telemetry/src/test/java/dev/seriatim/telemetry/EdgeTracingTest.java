package dev.seriatim.telemetry;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.cluster.EdgeAndOwner;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One trace through a client, a host that has no objects, and the one that has them. */
final class EdgeTracingTest {
  private final List<AutoCloseable> open = new ArrayList<>();

  /** Who tells of what it does, and what it has told. */
  private record Teller(OpenTelemetrySdk sdk, InMemorySpanExporter exporter) {
    static Teller make() {
      InMemorySpanExporter exporter = InMemorySpanExporter.create();
      return new Teller(
          OpenTelemetrySdk.builder()
              .setTracerProvider(
                  SdkTracerProvider.builder()
                      .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                      .build())
              .build(),
          exporter);
    }

    List<SpanData> spans(int count) {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (exporter.getFinishedSpanItems().size() < count) {
        if (System.nanoTime() - end > 0) {
          throw new AssertionError("never came: " + count + " spans");
        }
        LockSupport.parkNanos(50_000);
      }
      assertThat(exporter.getFinishedSpanItems()).hasSize(count);
      return exporter.getFinishedSpanItems();
    }
  }

  private final Teller client = Teller.make();
  private final Teller edge = Teller.make();
  private final Teller owner = Teller.make();

  /** Says what it is told; throws at 0. */
  private static final class Echo extends CounterGrpc.CounterImplBase {
    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      if (request.getAmount() == 0) {
        throw new IllegalStateException("amount 0");
      }
      reply.onNext(CounterValue.newBuilder().setValue(request.getAmount()).build());
      reply.onCompleted();
    }
  }

  private static Consumer<DurableObjectHost.Builder> telling(Teller of) {
    return builder ->
        builder
            .namespace("COUNTER", CounterGrpc.getServiceDescriptor(), _ -> new Echo())
            .namespace(
                "PROBE",
                JournalGrpc.getServiceDescriptor(),
                _ -> new JournalGrpc.JournalImplBase() {})
            .tracer(Tracing.host(of.sdk()));
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : open.reversed()) {
      one.close();
    }
    for (Teller teller : List.of(client, edge, owner)) {
      teller.sdk().close();
    }
  }

  private CounterGrpc.CounterBlockingStub stub() {
    EdgeAndOwner hosts = new EdgeAndOwner(telling(edge), telling(owner));
    open.add(hosts);
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", hosts.edge().port()).usePlaintext().build();
    open.add(channel::shutdownNow);
    DurableObjects objects = DurableObjects.on(channel);
    open.add(objects);
    DurableObjectStub stub = objects.namespace("COUNTER").getByName("far");
    Channel traced = ClientInterceptors.intercept(stub.channel(), Tracing.client(client.sdk()));
    return CounterGrpc.newBlockingStub(traced);
  }

  private void inSpan(Runnable call) {
    Span outer = client.sdk().getTracer("test").spanBuilder("outer").startSpan();
    try (Scope _ = outer.makeCurrent()) {
      call.run();
    } finally {
      outer.end();
    }
  }

  private static IncrementRequest request(long amount) {
    return IncrementRequest.newBuilder().setAmount(amount).build();
  }

  private SpanData call() {
    return client.spans(2).stream()
        .filter(span -> span.getKind() == SpanKind.CLIENT)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void theOwnerTellsOfATurnAndTheEdgeOfNothing() {
    CounterGrpc.CounterBlockingStub stub = stub();
    inSpan(() -> assertThat(stub.increment(request(3)).getValue()).isEqualTo(3));
    SpanData turn = owner.spans(1).getFirst();
    assertThat(turn.getParentSpanId()).isEqualTo(call().getSpanId());
    assertThat(turn.getTraceId()).isEqualTo(call().getTraceId());
    assertThat(turn.getKind()).isEqualTo(SpanKind.SERVER);
    assertThat(turn.getAttributes().get(Attributes.OBJECT)).isEqualTo("far");
    assertThat(edge.spans(0)).isEmpty();
  }

  @Test
  void aFailureIsToldWithItsReasonOnBothSides() {
    CounterGrpc.CounterBlockingStub stub = stub();
    inSpan(() -> assertThrows(StatusRuntimeException.class, () -> stub.increment(request(0))));
    SpanData turn = owner.spans(1).getFirst();
    for (SpanData span : List.of(turn, call())) {
      assertThat(span.getAttributes().get(Attributes.ERROR_TYPE)).isEqualTo("OBJECT_EXCEPTION");
    }
    assertThat(turn.getParentSpanId()).isEqualTo(call().getSpanId());
    assertThat(edge.spans(0)).isEmpty();
  }
}
