package dev.seriatim.telemetry;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.InvocationTracer;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.EventData;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.data.StatusData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One trace through a client and two objects. */
final class TracingTest {
  private static final String INCREMENT = "seriatim.examples.v1.Counter/Increment";

  private final InMemorySpanExporter exporter = InMemorySpanExporter.create();
  private final OpenTelemetrySdk sdk = sdk(exporter, Sampler.parentBased(Sampler.alwaysOn()));
  private final Tracer tracer = sdk.getTracer("test");
  private final List<String> seenByTurns = new CopyOnWriteArrayList<>();
  private final List<String> baggageOfTurns = new CopyOnWriteArrayList<>();
  private final CountDownLatch running = new CountDownLatch(1);
  private final CountDownLatch goOn = new CountDownLatch(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private @Nullable DurableObjectHost host;

  @AfterEach
  void close() throws Exception {
    goOn.countDown();
    for (AutoCloseable one : open.reversed()) {
      one.close();
    }
    sdk.close();
  }

  private static OpenTelemetrySdk sdk(InMemorySpanExporter exporter, Sampler sampler) {
    return OpenTelemetrySdk.builder()
        .setTracerProvider(
            SdkTracerProvider.builder()
                .setSampler(sampler)
                .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                .build())
        .build();
  }

  private DurableObjects start(InvocationTracer hostTracer) throws Exception {
    String name = InProcessServerBuilder.generateName();
    DurableObjectHost started =
        DurableObjectHost.builder()
            .namespace("COUNTER", CounterGrpc.getServiceDescriptor(), Passing::new)
            .limits(HostLimits.builder().drainLimit(Duration.ofMillis(100)).build())
            .tracer(hostTracer)
            .server(InProcessServerBuilder.forName(name))
            .build()
            .start();
    host = started;
    open.add(started);
    ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
    open.add(channel::shutdownNow);
    DurableObjects objects = DurableObjects.on(channel);
    open.add(objects);
    return objects;
  }

  private DurableObjects start() throws Exception {
    return start(Tracing.host(sdk));
  }

  /**
   * Passes what is over 1 on to the next object, throws at 0, waits below. From 100 on sets an
   * alarm, which does the same with what is over that.
   */
  private final class Passing extends CounterGrpc.CounterImplBase implements AlarmHandler {
    private final DurableObjectState state;

    Passing(DurableObjectState state) {
      this.state = state;
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      Baggage.current().forEach((key, entry) -> baggageOfTurns.add(key + "=" + entry.getValue()));
      seenByTurns.add(Span.current().getSpanContext().getSpanId());
      state.storage().put("n", CounterValue.newBuilder().setValue(request.getAmount()).build());
      long amount = request.getAmount();
      if (amount == 0) {
        throw new IllegalStateException("amount 0");
      } else if (amount < 0) {
        running.countDown();
        try {
          goOn.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      } else if (amount == 2) {
        pass();
      } else if (amount >= 100) {
        state.storage().setAlarm(Instant.EPOCH);
        state.storage().put("n", CounterValue.newBuilder().setValue(amount - 100).build());
      } else if (amount == 3) { // On a thread that has nothing but the gRPC context.
        Thread other = Thread.ofPlatform().unstarted(Context.current().wrap(this::pass));
        other.start();
        try {
          other.join();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      reply.onNext(CounterValue.newBuilder().setValue(amount).build());
      reply.onCompleted();
    }

    @Override
    public void alarm(DueAlarm alarm) {
      seenByTurns.add(Span.current().getSpanContext().getSpanId());
      long amount = state.storage().get("n", CounterValue.getDefaultInstance()).getValue();
      if (amount == 0) {
        throw new IllegalStateException("amount 0");
      }
      if (amount == 2) {
        pass();
      }
    }

    private void pass() {
      try (DurableObjectStub next = next()) {
        var _ = CounterGrpc.newBlockingStub(next.channel()).increment(request(1));
      }
    }

    private DurableObjectStub next() {
      return state.objects().namespace("COUNTER").getByName("second");
    }

    @Override
    public void get(GetRequest request, StreamObserver<CounterValue> reply) {
      reply.onNext(
          CounterValue.newBuilder()
              .setValue(DurableObjectState.INVOCATION_METADATA.get().keys().isEmpty() ? 0 : 1)
              .build());
      reply.onCompleted();
    }
  }

  private static IncrementRequest request(long amount) {
    return IncrementRequest.newBuilder().setAmount(amount).build();
  }

  private CounterGrpc.CounterBlockingStub first(DurableObjects objects, OpenTelemetry of) {
    return first(objects, of, TracingOptions.defaults());
  }

  private CounterGrpc.CounterBlockingStub first(
      DurableObjects objects, OpenTelemetry of, TracingOptions options) {
    DurableObjectStub stub = objects.namespace("COUNTER").getByName("first");
    open.add(stub);
    Channel channel = ClientInterceptors.intercept(stub.channel(), Tracing.client(of, options));
    return CounterGrpc.newBlockingStub(channel);
  }

  /** Calls it in a span. */
  private void within(Tracer by, Runnable call) {
    Span outer = by.spanBuilder("outer").startSpan();
    try (Scope _ = outer.makeCurrent()) {
      call.run();
    } finally {
      outer.end();
    }
  }

  private List<SpanData> spans(int count) {
    await(count);
    assertThat(exporter.getFinishedSpanItems()).hasSize(count);
    return exporter.getFinishedSpanItems();
  }

  private void await(int count) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (exporter.getFinishedSpanItems().size() < count) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("never came: " + count + " spans");
      }
      LockSupport.parkNanos(50_000);
    }
  }

  private static SpanData one(List<SpanData> spans, SpanKind kind) {
    return spans.stream().filter(span -> span.getKind() == kind).findFirst().orElseThrow();
  }

  private static SpanData of(List<SpanData> spans, String object) {
    return spans.stream()
        .filter(span -> object.equals(span.getAttributes().get(Attributes.OBJECT)))
        .findFirst()
        .orElseThrow();
  }

  private void oneTrace(long amount) throws Exception {
    CounterGrpc.CounterBlockingStub first = first(start(), sdk);
    within(tracer, () -> assertThat(first.increment(request(amount)).getValue()).isEqualTo(amount));
    List<SpanData> spans = spans(4);
    SpanData outer = one(spans, SpanKind.INTERNAL);
    SpanData call = one(spans, SpanKind.CLIENT);
    SpanData one = of(spans, "first");
    SpanData two = of(spans, "second");
    assertThat(call.getParentSpanId()).isEqualTo(outer.getSpanId());
    assertThat(one.getParentSpanId()).isEqualTo(call.getSpanId());
    assertThat(two.getParentSpanId()).isEqualTo(one.getSpanId());
    for (SpanData span : spans) {
      assertThat(span.getTraceId()).isEqualTo(outer.getTraceId());
      assertThat(span.getStatus()).isEqualTo(StatusData.unset());
    }
    assertThat(seenByTurns).containsExactly(one.getSpanId(), two.getSpanId()).inOrder();
    for (SpanData turn : List.of(one, two)) {
      assertThat(turn.getName()).isEqualTo(INCREMENT);
      assertThat(turn.getKind()).isEqualTo(SpanKind.SERVER);
      assertThat(turn.getAttributes().get(Attributes.NAMESPACE)).isEqualTo("COUNTER");
      assertThat(turn.getAttributes().get(Attributes.SEQUENCE)).isEqualTo(1);
      assertThat(turn.getAttributes().get(Attributes.OBJECT_ID)).hasLength(64);
      assertThat(turn.getEvents().stream().map(EventData::getName))
          .containsExactly("turn began", "turn ended", "durable")
          .inOrder();
      assertThat(turn.getStartEpochNanos()).isAtMost(turn.getEvents().getFirst().getEpochNanos());
    }
  }

  @Test
  void theTurnsOfTwoObjectsAreInTheCallersTrace() throws Exception {
    oneTrace(2);
  }

  @Test
  void alsoIfTheObjectCallsFromAThreadOfItsOwn() throws Exception {
    oneTrace(3);
  }

  @Test
  void whatIsNotSampledLeavesNothingOnTheWire() throws Exception {
    CounterGrpc.CounterBlockingStub first = first(start(), sdk);
    try (OpenTelemetrySdk never = sdk(InMemorySpanExporter.create(), Sampler.alwaysOff())) {
      within(
          never.getTracer("test"),
          () -> assertThat(first.get(GetRequest.getDefaultInstance()).getValue()).isEqualTo(0));
    }
    assertThat(first.get(GetRequest.getDefaultInstance()).getValue()).isEqualTo(0);
    within(
        tracer,
        () -> assertThat(first.get(GetRequest.getDefaultInstance()).getValue()).isEqualTo(1));
    List<SpanData> spans = spans(3); // Those of the last one.
    assertThat(of(spans, "first").getAttributes().get(Attributes.SEQUENCE)).isEqualTo(3);
  }

  @Test
  void aBreakEndsTheSpansWithItsReason() throws Exception {
    CounterGrpc.CounterBlockingStub first = first(start(), sdk);
    within(
        tracer,
        () -> assertThrows(StatusRuntimeException.class, () -> first.increment(request(0))));
    List<SpanData> spans = spans(3);
    for (SpanData span : List.of(of(spans, "first"), one(spans, SpanKind.CLIENT))) {
      assertThat(span.getStatus().getStatusCode().name()).isEqualTo("ERROR");
      assertThat(span.getAttributes().get(Attributes.ERROR_TYPE)).isEqualTo("OBJECT_EXCEPTION");
      assertThat(span.getAttributes().get(Attributes.STATUS_CODE)).isEqualTo("UNKNOWN");
    }
    assertThat(one(spans, SpanKind.CLIENT).getAttributes().get(Attributes.FATE))
        .isEqualTo("NOT_EXECUTED");
  }

  @Test
  void aDrainLeavesNoSpanOpen() throws Exception {
    CounterGrpc.CounterBlockingStub first = first(start(), sdk);
    Thread caller =
        Thread.startVirtualThread(
            () ->
                within(
                    tracer,
                    () ->
                        assertThrows(
                            StatusRuntimeException.class, () -> first.increment(request(-1)))));
    assertThat(running.await(30, TimeUnit.SECONDS)).isTrue();
    requireNonNull(host).drain();
    List<SpanData> spans = spans(3);
    assertThat(of(spans, "first").getStatus().getStatusCode().name()).isEqualTo("ERROR");
    caller.join();
  }

  @Test
  void whatObjectsAreCalledIsLeftOutOnRequest() throws Exception {
    CounterGrpc.CounterBlockingStub first =
        first(start(Tracing.host(sdk, TracingOptions.defaults().withObjects(false))), sdk);
    within(tracer, () -> assertThat(first.increment(request(1)).getValue()).isEqualTo(1));
    SpanData turn = one(spans(3), SpanKind.SERVER);
    assertThat(turn.getAttributes().get(Attributes.OBJECT)).isNull();
    assertThat(turn.getAttributes().get(Attributes.OBJECT_ID)).isNull();
    assertThat(turn.getAttributes().get(Attributes.NAMESPACE)).isEqualTo("COUNTER");
  }

  @Test
  void anAlarmBeginsATraceOfItsOwn() throws Exception {
    CounterGrpc.CounterBlockingStub first = first(start(), sdk);
    within(tracer, () -> assertThat(first.increment(request(102)).getValue()).isEqualTo(102));
    List<SpanData> spans = spans(5);
    SpanData alarm = named(spans, "alarm");
    SpanData called = of(spans, "second");
    assertThat(alarm.getParentSpanContext().isValid()).isFalse();
    assertThat(alarm.getTraceId()).isNotEqualTo(one(spans, SpanKind.CLIENT).getTraceId());
    assertThat(called.getParentSpanId()).isEqualTo(alarm.getSpanId());
    assertThat(called.getTraceId()).isEqualTo(alarm.getTraceId());
    assertThat(seenByTurns).contains(alarm.getSpanId());
    assertThat(alarm.getKind()).isEqualTo(SpanKind.INTERNAL);
    assertThat(alarm.getAttributes().get(Attributes.NAMESPACE)).isEqualTo("COUNTER");
    assertThat(alarm.getAttributes().get(Attributes.OBJECT)).isEqualTo("first");
    assertThat(alarm.getAttributes().get(Attributes.ALARM_DUE)).isEqualTo("1970-01-01T00:00:00Z");
    assertThat(alarm.getAttributes().get(Attributes.ALARM_RETRIES)).isEqualTo(0);
    assertThat(alarm.getEvents().stream().map(EventData::getName))
        .containsExactly("turn began", "turn ended", "durable")
        .inOrder();
    assertThat(alarm.getStatus()).isEqualTo(StatusData.unset());
  }

  @Test
  void anAlarmThatFailsSaysWhy() throws Exception {
    CounterGrpc.CounterBlockingStub first = first(start(), sdk);
    assertThat(first.increment(request(100)).getValue()).isEqualTo(100);
    await(1); // It is tried again after two seconds.
    SpanData alarm = named(exporter.getFinishedSpanItems(), "alarm");
    assertThat(alarm.getAttributes().get(Attributes.ALARM_RETRIES)).isEqualTo(0);
    assertThat(alarm.getStatus().getStatusCode().name()).isEqualTo("ERROR");
    assertThat(alarm.getAttributes().get(Attributes.ERROR_TYPE)).isEqualTo("OBJECT_EXCEPTION");
  }

  @Test
  void theSamplerSaysWhichAlarmsAreFollowed() throws Exception {
    try (OpenTelemetrySdk never = sdk(exporter, Sampler.alwaysOff())) {
      CounterGrpc.CounterBlockingStub first = first(start(Tracing.host(never)), sdk);
      assertThat(first.increment(request(102)).getValue()).isEqualTo(102);
      // The turn, the alarm, and what that has called.
      for (int i = 0; seenByTurns.size() < 3; i++) {
        assertThat(i).isLessThan(600_000);
        LockSupport.parkNanos(50_000);
      }
      assertThat(exporter.getFinishedSpanItems()).isEmpty();
    }
  }

  private static SpanData named(List<SpanData> spans, String name) {
    return spans.stream().filter(span -> span.getName().equals(name)).findFirst().orElseThrow();
  }

  private void callWithBaggage(TracingOptions ofClient, TracingOptions ofHost) throws Exception {
    CounterGrpc.CounterBlockingStub first = first(start(Tracing.host(sdk, ofHost)), sdk, ofClient);
    try (Scope _ = Baggage.builder().put("tenant", "acme").build().makeCurrent()) {
      within(tracer, () -> assertThat(first.increment(request(2)).getValue()).isEqualTo(2));
    }
    assertThat(spans(4)).hasSize(4);
  }

  @Test
  void baggageGoesAlongOnRequest() throws Exception {
    TracingOptions with = TracingOptions.defaults().withBaggage(true);
    callWithBaggage(with, with);
    assertThat(baggageOfTurns).containsExactly("tenant=acme", "tenant=acme");
  }

  @Test
  void andOtherwiseNot() throws Exception {
    callWithBaggage(TracingOptions.defaults(), TracingOptions.defaults().withBaggage(true));
    assertThat(baggageOfTurns).isEmpty();
  }

  @Test
  void aHostThatDoesNotCarryItPassesNoneOn() throws Exception {
    callWithBaggage(TracingOptions.defaults().withBaggage(true), TracingOptions.defaults());
    assertThat(baggageOfTurns).isEmpty();
  }

  @Test
  void theStateOfTheTraceGoesAlongAndCredentialsDoNot() throws Exception {
    Metadata headers = new Metadata();
    String parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), parent);
    headers.put(Metadata.Key.of("tracestate", Metadata.ASCII_STRING_MARSHALLER), "vendor=1");
    headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer s3cr");
    DurableObjectStub stub = start().namespace("COUNTER").getByName("first");
    open.add(stub);
    CounterGrpc.CounterBlockingStub first =
        CounterGrpc.newBlockingStub(stub.channel())
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
    assertThat(first.increment(request(2)).getValue()).isEqualTo(2);
    List<SpanData> spans = spans(2);
    for (SpanData span : spans) {
      assertThat(span.getSpanContext().getTraceState().asMap()).containsExactly("vendor", "1");
      assertThat(span.getTraceId()).isEqualTo("0af7651916cd43dd8448eb211c80319c");
      assertThat(span.toString()).doesNotContain("s3cr");
    }
    assertThat(of(spans, "first").getParentSpanId()).isEqualTo("b7ad6b7169203331");
  }
}
