package dev.seriatim.telemetry;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.TelemetryProvider;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

final class OtelVariablesTest {
  private static final String ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";

  @Test
  void areAskedForByOneThatSaysWhere() {
    assertThat(OtelVariables.isAsked(Map.of())).isFalse();
    assertThat(OtelVariables.isAsked(Map.of("OTEL_SERVICE_NAME", "mine"))).isFalse();
    assertThat(OtelVariables.isAsked(Map.of(ENDPOINT, "http://127.0.0.1:4318"))).isTrue();
    assertThat(OtelVariables.isAsked(Map.of("OTEL_TRACES_EXPORTER", "otlp"))).isTrue();
    assertThat(OtelVariables.isAsked(Map.of(ENDPOINT, "x", "OTEL_TRACES_EXPORTER", "none")))
        .isFalse();
    assertThat(OtelVariables.isAsked(Map.of(ENDPOINT, "x", "OTEL_SDK_DISABLED", "true"))).isFalse();
  }

  @Test
  void carryBaggageIfSomebodyHasSaidSo() {
    String propagators = "OTEL_PROPAGATORS";
    assertThat(OtelVariables.options(Map.of()).carriesBaggage()).isFalse();
    assertThat(OtelVariables.options(Map.of(propagators, "tracecontext")).carriesBaggage())
        .isFalse();
    assertThat(OtelVariables.options(Map.of(propagators, "tracecontext, baggage")).carriesBaggage())
        .isTrue();
    assertThat(OtelVariables.options(Map.of(propagators, "baggage")).tellsObjects()).isTrue();
  }

  @Test
  void theProgramFindsThem() {
    assertThat(
            ServiceLoader.load(TelemetryProvider.class).stream()
                .map(ServiceLoader.Provider::type)
                .toList())
        .containsExactly(OtelVariables.class);
  }
}
