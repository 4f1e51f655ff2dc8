package dev.seriatim.telemetry;

import io.grpc.Metadata;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapSetter;

/** A trace on its way from one process to another: always as the W3C has it, and if sampled. */
final class Propagation {
  private static final TextMapGetter<Metadata> FROM_METADATA =
      (metadata, key) -> metadata == null ? null : metadata.get(key(key));

  private Propagation() {}

  static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Tells of what is current there, if that is sampled. */
  static <C> void inject(Context context, C carrier, TextMapSetter<C> setter) {
    if (Span.fromContext(context).getSpanContext().isSampled()) {
      W3CTraceContextPropagator.getInstance().inject(context, carrier, setter);
    }
  }

  /** What the caller has told of. */
  static Context extract(Metadata metadata) {
    return W3CTraceContextPropagator.getInstance().extract(Context.root(), metadata, FROM_METADATA);
  }
}
