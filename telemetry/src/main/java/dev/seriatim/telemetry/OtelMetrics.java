package dev.seriatim.telemetry;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostStatistics;
import dev.seriatim.service.MetricsProvider;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.common.CompletableResultCode;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Metrics of the server program: as a page for Prometheus, and sent to wherever OpenTelemetry's
 * environment variables say, if {@code OTEL_METRICS_EXPORTER} is set.
 */
public final class OtelMetrics implements MetricsProvider {
  private static final long LAST_SECONDS = 3;
  private static final String SCOPE = "dev.seriatim";

  /** Made by the server program. */
  public OtelMetrics() {}

  @Override
  public Metrics begin(
      DurableObjectHost.Builder host,
      Supplier<HostStatistics> statistics,
      String version,
      String commit) {
    PrometheusReader reader = new PrometheusReader();
    OpenTelemetrySdk sdk =
        AutoConfiguredOpenTelemetrySdk.builder()
            .disableShutdownHook() // The drain is to be told, too.
            .addPropertiesSupplier(
                () ->
                    Map.of(
                        "otel.service.name", "seriatim",
                        "otel.exporter.otlp.protocol", "http/protobuf",
                        "otel.metrics.exporter", "none"))
            // Those are for others to send.
            .addPropertiesCustomizer(
                _ -> Map.of("otel.traces.exporter", "none", "otel.logs.exporter", "none"))
            .addMeterProviderCustomizer((meters, _) -> meters.registerMetricReader(reader))
            .build()
            .getOpenTelemetrySdk();
    HostMetrics metrics = new HostMetrics(sdk.getMeter(SCOPE));
    host.listener(metrics);
    return new Metrics() {
      @Override
      public void started() {
        metrics.read(statistics, version, commit);
      }

      @Override
      public Page page(String accept) {
        return reader.page(accept);
      }

      @Override
      public void close() {
        CompletableResultCode _ = sdk.shutdown().join(LAST_SECONDS, TimeUnit.SECONDS);
      }
    };
  }
}
