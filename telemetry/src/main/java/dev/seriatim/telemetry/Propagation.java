package dev.seriatim.telemetry;

import io.grpc.Metadata;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.context.propagation.TextMapSetter;

/**
 * A trace on its way from one process to another: always as the W3C has it, and if sampled. {@code
 * traceparent} goes, {@code tracestate} if there is one, and {@code baggage} if that is wanted;
 * nothing else.
 */
final class Propagation {
  private static final TextMapGetter<Metadata> FROM_METADATA =
      (metadata, key) -> metadata == null ? null : metadata.get(key(key));

  private final TextMapPropagator propagator;

  Propagation(boolean baggage) {
    TextMapPropagator trace = W3CTraceContextPropagator.getInstance();
    propagator =
        baggage ? TextMapPropagator.composite(trace, W3CBaggagePropagator.getInstance()) : trace;
  }

  static Metadata.Key<String> key(String name) {
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
