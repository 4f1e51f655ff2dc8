package dev.seriatim.telemetry;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.TelemetryProvider;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.common.CompletableResultCode;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Traces of the server program, told as OpenTelemetry's environment variables say: to where {@code
 * OTEL_EXPORTER_OTLP_ENDPOINT} is, or by what {@code OTEL_TRACES_EXPORTER} names. With neither of
 * them nothing is followed, and no class of OpenTelemetry's is loaded.
 */
public final class OtelVariables implements TelemetryProvider {
  private static final long LAST_SECONDS = 3;

  /** Made by the server program. */
  public OtelVariables() {}

  @Override
  public AutoCloseable addTo(DurableObjectHost.Builder host) {
    return isAsked(System.getenv()) ? begin(host) : () -> {};
  }

  static boolean isAsked(Map<String, String> environment) {
    return !Boolean.parseBoolean(environment.getOrDefault("OTEL_SDK_DISABLED", ""))
        && !environment.getOrDefault("OTEL_TRACES_EXPORTER", "").equals("none")
        && (environment.containsKey("OTEL_TRACES_EXPORTER")
            || environment.containsKey("OTEL_EXPORTER_OTLP_ENDPOINT")
            || environment.containsKey("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"));
  }

  private static AutoCloseable begin(DurableObjectHost.Builder host) {
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
    host.tracer(Tracing.host(sdk));
    return () -> {
      CompletableResultCode _ = sdk.shutdown().join(LAST_SECONDS, TimeUnit.SECONDS);
    };
  }
}
