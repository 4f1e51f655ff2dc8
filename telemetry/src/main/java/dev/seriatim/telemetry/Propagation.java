package dev.seriatim.telemetry;

import io.grpc.Metadata;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.context.propagation.TextMapSetter;
import java.util.Map;

/**
 * A trace on its way from one process to another: always as the W3C has it, and if sampled. {@code
 * traceparent} goes, {@code tracestate} if there is one, and {@code baggage} if that is wanted;
 * nothing else.
 */
final class Propagation {
  /** What the propagators ask for: to make a key takes longer than to look it up. */
  private static final Map<String, Metadata.Key<String>> KEYS =
      Map.of(
          "traceparent", newKey("traceparent"),
          "tracestate", newKey("tracestate"),
          "baggage", newKey("baggage"));

  private static final TextMapGetter<Metadata> FROM_METADATA =
      (metadata, key) -> metadata == null ? null : metadata.get(key(key));

  private final TextMapPropagator propagator;

  Propagation(boolean baggage) {
    TextMapPropagator trace = W3CTraceContextPropagator.getInstance();
    propagator =
        baggage ? TextMapPropagator.composite(trace, W3CBaggagePropagator.getInstance()) : trace;
  }

  static Metadata.Key<String> key(String name) {
    Metadata.Key<String> known = KEYS.get(name);
    return known == null ? newKey(name) : known;
  }

  private static Metadata.Key<String> newKey(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Tells of what is current there, if that is sampled. */
  <C> void inject(Context context, C carrier, TextMapSetter<C> setter) {
    if (Span.fromContext(context).getSpanContext().isSampled()) {
      propagator.inject(context, carrier, setter);
    }
  }

  /** What the caller has told of. */
  Context extract(Metadata metadata) {
    return propagator.extract(Context.root(), metadata, FROM_METADATA);
  }
}
