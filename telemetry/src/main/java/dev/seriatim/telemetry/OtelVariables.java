package dev.seriatim.telemetry;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.TelemetryProvider;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Traces of the server program, told as OpenTelemetry's environment variables say: to where {@code
 * OTEL_EXPORTER_OTLP_ENDPOINT} is, or by what {@code OTEL_TRACES_EXPORTER} names. With neither of
 * them nothing is followed, and no class of OpenTelemetry's is loaded.
 */
public final class OtelVariables implements TelemetryProvider {
  private static final Pattern COMMA = Pattern.compile(",");

  /** Made by the server program. */
  public OtelVariables() {}

  @Override
  public AutoCloseable addTo(DurableObjectHost.Builder host) {
    Map<String, String> environment = System.getenv();
    return isAsked(environment) ? TraceSdk.begin(host, options(environment)) : () -> {};
  }

  static boolean isAsked(Map<String, String> environment) {
    return !Boolean.parseBoolean(environment.getOrDefault("OTEL_SDK_DISABLED", ""))
        && !environment.getOrDefault("OTEL_TRACES_EXPORTER", "").equals("none")
        && (environment.containsKey("OTEL_TRACES_EXPORTER")
            || environment.containsKey("OTEL_EXPORTER_OTLP_ENDPOINT")
            || environment.containsKey("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"));
  }

  /** Baggage is carried if somebody has said so: OpenTelemetry would carry it anyway. */
  static TracingOptions options(Map<String, String> environment) {
    boolean baggage =
        COMMA
            .splitAsStream(environment.getOrDefault("OTEL_PROPAGATORS", ""))
            .anyMatch(name -> name.strip().equals("baggage"));
    return TracingOptions.defaults().withBaggage(baggage);
  }
}
