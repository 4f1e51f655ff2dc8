package dev.seriatim.telemetry;

import dev.seriatim.service.DurableObjectHost;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.common.CompletableResultCode;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Traces of a host by OpenTelemetry's SDK, as its environment variables say. Apart from {@link
 * OtelVariables}, so that a program in which nobody asks for traces loads nothing for them.
 */
final class TraceSdk {
  private static final long LAST_SECONDS = 3;

  private TraceSdk() {}

  /** Follows what the host does; what it gives is to be closed when the host has drained. */
  static AutoCloseable begin(DurableObjectHost.Builder host, TracingOptions options) {
    OpenTelemetrySdk sdk =
        AutoConfiguredOpenTelemetrySdk.builder()
            .disableShutdownHook() // The drain is to be told, too.
            // What the variables say wins.
            .addPropertiesSupplier(
                () ->
                    Map.of(
                        "otel.service.name", "seriatim",
                        "otel.exporter.otlp.protocol", "http/protobuf",
                        "otel.metrics.exporter", "none",
                        "otel.logs.exporter", "none"))
            .build()
            .getOpenTelemetrySdk();
    host.tracer(Tracing.host(sdk, options));
    return () -> {
      CompletableResultCode _ = sdk.shutdown().join(LAST_SECONDS, TimeUnit.SECONDS);
    };
  }
}
