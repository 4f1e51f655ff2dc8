package dev.seriatim.benchmarks;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.MetricsProvider.Metrics;
import dev.seriatim.telemetry.OtelMetrics;
import dev.seriatim.telemetry.OtelVariables;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * What metrics and traces cost: calls to a host that keeps metrics, or follows one call of 1,000,
 * beside the same calls to one that does neither. The hosts are in one process.
 */
final class Telemetry implements Group {
  private static final int IN_FLIGHT = 4096;

  /** Prometheus asks each 15 s if nobody tells it otherwise. */
  private static final Duration READ_EVERY = Duration.ofSeconds(1);

  @Override
  public String name() {
    return "telemetry";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    bench.progress("starting hosts with metrics and traces");
    try (TraceSink sink = TraceSink.start();
        JavaProcess hosts =
            JavaProcess.start(
                bench.scratch(),
                Telemetry.class,
                bench.scratch().directory("telemetry"),
                bench.hostOptions("telemetry"),
                Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint()));
        TracedLoads traced = new TracedLoads(sink.endpoint())) {
      int plain = hosts.port(0);
      int metered = hosts.port(1);
      int traces = hosts.port(2);
      Twins.measure(
          bench,
          "metrics on",
          StubLoads.echo(metered, Loads.SMALL, 1),
          "metrics off",
          StubLoads.echo(plain, Loads.SMALL, 1),
          IN_FLIGHT,
          0.97);
      // What one call of 1,000 does is compiled, too, in a host that has served for a minute.
      bench.warmUp(TracedLoads.direct(traces, Loads.SMALL, /* oneOf= */ 1));
      bench.warmUp(traced.future(traces, Loads.SMALL, /* oneOf= */ 1, /* traced= */ true));
      Twins.measure(
          bench,
          "traces at 0.1 % sampled, direct call",
          TracedLoads.direct(traces, Loads.SMALL, TracedLoads.ONE_OF),
          "without traces",
          StubLoads.echo(plain, Loads.SMALL, 1),
          IN_FLIGHT,
          0.97);
      Twins.measure(
          bench,
          "traces at 0.1 % sampled, future stub",
          traced.future(traces, Loads.SMALL, TracedLoads.ONE_OF, /* traced= */ true),
          "without traces",
          traced.future(plain, Loads.SMALL, TracedLoads.ONE_OF, /* traced= */ false),
          IN_FLIGHT,
          0.97);
      if (bench.inFlight(IN_FLIGHT).length > 0) {
        sink.awaitSpans();
      }
    }
  }

  /** Runs the hosts: one without anything, one with metrics, and one with traces. */
  public static void main(String[] arguments) throws Exception {
    HostProcess.quiet();
    DurableObjectHost plain = HostProcess.host().build().start();
    AtomicReference<DurableObjectHost> metered = new AtomicReference<>();
    DurableObjectHost.Builder withMetrics = HostProcess.host();
    Metrics metrics =
        new OtelMetrics().begin(withMetrics, () -> metered.get().statistics(), "benchmarks", "");
    metered.set(withMetrics.build().start());
    metrics.started();
    Thread.ofPlatform().daemon().start(() -> readAgainAndAgain(metrics));
    DurableObjectHost.Builder withTraces = HostProcess.host();
    AutoCloseable telemetry = new OtelVariables().addTo(withTraces);
    DurableObjectHost traced = withTraces.build().start();
    JavaProcess.serve(plain.port(), metered.get().port(), traced.port());
    traced.close();
    telemetry.close();
    metered.get().close();
    metrics.close();
    plain.close();
    System.exit(0);
  }

  /** As Prometheus does. */
  private static void readAgainAndAgain(Metrics metrics) {
    while (true) {
      LockSupport.parkNanos(READ_EVERY.toNanos());
      if (!metrics.page("").text().contains("seriatim_turns_total{")) {
        throw new IllegalStateException("there are no metrics");
      }
    }
  }
}
