package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.telemetry.Tracing;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** Calls of which few are made within a sampled span, and the others within one that isn't. */
final class TracedLoads implements AutoCloseable {
  /** Of so many calls one is sampled. */
  static final int ONE_OF = 1000;

  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String SPAN = "b7ad6b7169203331";
  private static final Map<String, String> SAMPLED =
      Map.of("traceparent", "00-" + TRACE + "-" + SPAN + "-01");

  private final OpenTelemetrySdk sdk;

  /**
   * Loads whose spans are sent.
   *
   * @param endpoint where to, as {@code OTEL_EXPORTER_OTLP_ENDPOINT} has it
   */
  TracedLoads(String endpoint) {
    sdk =
        AutoConfiguredOpenTelemetrySdk.builder()
            .disableShutdownHook()
            .addPropertiesSupplier(
                () ->
                    Map.of(
                        "otel.exporter.otlp.endpoint", endpoint,
                        "otel.exporter.otlp.protocol", "http/protobuf",
                        "otel.metrics.exporter", "none",
                        "otel.logs.exporter", "none"))
            .build()
            .getOpenTelemetrySdk();
  }

  /**
   * Echoes on one object by direct calls, of which some say that they are followed.
   *
   * @param oneOf of how many calls one does
   */
  static Load.Opener direct(int port, int bytes, int oneOf) {
    Supplier<Map<String, String>> metadata = oneOf(oneOf, SAMPLED, Map.of());
    return StubLoads.echo(port, bytes, ClientOptions.builder().invocationMetadata(metadata));
  }

  /**
   * Echoes on one object through the generated future stub.
   *
   * @param oneOf of how many calls one is made within a span that is sampled
   * @param traced whether calls are followed; the spans within which they are made are there anyway
   */
  Load.Opener future(int port, int bytes, int oneOf, boolean traced) {
    Supplier<Context> within =
        oneOf(oneOf, span(TraceFlags.getSampled()), span(TraceFlags.getDefault()));
    return onAnswer -> {
      ManagedChannel channel = Loads.connect(port);
      Channel stub =
          StubLoads.namespace(channel, BenchObject.NAMESPACE).getByName("bench-0").channel();
      BenchGrpc.BenchFutureStub calls =
          BenchGrpc.newFutureStub(
              traced ? ClientInterceptors.intercept(stub, Tracing.client(sdk)) : stub);
      Payload payload = Loads.payload(bytes);
      return StubLoads.load(
          () -> {
            try (Scope _ = within.get().makeCurrent()) {
              return calls.echo(payload);
            }
          },
          1,
          channel,
          onAnswer);
    };
  }

  private static Context span(TraceFlags flags) {
    return Context.root()
        .with(Span.wrap(SpanContext.create(TRACE, SPAN, flags, TraceState.getDefault())));
  }

  private static <T> Supplier<T> oneOf(int number, T rare, T others) {
    AtomicInteger calls = new AtomicInteger();
    return () -> {
      int call = calls.get();
      calls.lazySet(call + 1); // One connection, so one thread; but for the first calls.
      return call % number == 0 ? rare : others;
    };
  }

  @Override
  public void close() {
    var _ = sdk.shutdown().join(3, TimeUnit.SECONDS);
  }
}
