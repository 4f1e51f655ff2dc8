package dev.seriatim.telemetry;

import dev.seriatim.service.InvocationTracer;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.Context;
import io.grpc.Status;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A span for each invocation that its caller follows, and for each alarm that is sampled. */
final class TurnTracing implements InvocationTracer {
  /** The turn's span, for threads that have its gRPC context and nothing else. */
  private static final Context.Key<io.opentelemetry.context.Context> TURN =
      Context.key("seriatim-trace");

  /** Of all alarms: there are as many names of spans as methods, and one more. */
  private static final String ALARM = "alarm";

  private final Tracer tracer;
  private final Propagation propagation;
  private final boolean tellsObjects;

  TurnTracing(Tracer tracer, TracingOptions options) {
    this.tracer = tracer;
    this.propagation = new Propagation(options.carriesBaggage());
    this.tellsObjects = options.tellsObjects();
  }

  @Override
  public @Nullable Trace begin(Arrival arrival) {
    io.opentelemetry.context.Context parent = propagation.extract(arrival.metadata());
    SpanBuilder builder =
        tracer
            .spanBuilder(arrival.method())
            .setParent(parent)
            .setSpanKind(SpanKind.SERVER)
            .setStartTimestamp(Instant.now().minus(arrival.waited()))
            .setAttribute(Attributes.RPC_SYSTEM, Attributes.GRPC)
            .setAttribute(Attributes.RPC_METHOD, arrival.method())
            .setAttribute(Attributes.NAMESPACE, arrival.namespace())
            .setAttribute(Attributes.SEQUENCE, arrival.sequence());
    return new Turn(parent, start(builder, arrival.object(), arrival.name()));
  }

  /** Whether it is sampled or not: what its turn begins goes by that. */
  @Override
  public Trace beginAlarm(AlarmArrival arrival) {
    io.opentelemetry.context.Context nobody = io.opentelemetry.context.Context.root();
    SpanBuilder builder =
        tracer
            .spanBuilder(ALARM)
            .setParent(nobody)
            .setSpanKind(SpanKind.INTERNAL)
            .setAttribute(Attributes.NAMESPACE, arrival.namespace())
            .setAttribute(Attributes.ALARM_DUE, arrival.due().toString())
            .setAttribute(Attributes.ALARM_RETRIES, arrival.retries());
    return new Turn(nobody, start(builder, arrival.object(), arrival.name()));
  }

  private Span start(SpanBuilder builder, DurableObjectId object, Optional<String> objectName) {
    if (tellsObjects) {
      builder.setAttribute(Attributes.OBJECT_ID, object.toString());
      objectName.ifPresent(name -> builder.setAttribute(Attributes.OBJECT, name));
    }
    return builder.startSpan();
  }

  @Override
  public Map<String, String> outgoing() {
    io.opentelemetry.context.Context current = io.opentelemetry.context.Context.current();
    if (!Span.fromContext(current).getSpanContext().isValid()) {
      io.opentelemetry.context.Context turn = TURN.get();
      if (turn == null) {
        return Map.of();
      }
      current = turn;
    }
    if (!Span.fromContext(current).getSpanContext().isSampled()) {
      return Map.of();
    }
    Map<String, String> metadata = new HashMap<>();
    propagation.inject(
        current,
        metadata,
        (map, key, value) -> {
          if (map != null) {
            map.put(key, value);
          }
        });
    return metadata;
  }

  /** One invocation or alarm, from its turn on. */
  private static final class Turn implements Trace {
    private final io.opentelemetry.context.Context context;
    private final Span span;

    /** The turn thread's own. */
    private @Nullable Scope scope;

    Turn(io.opentelemetry.context.Context parent, Span span) {
      this.context = parent.with(span);
      this.span = span;
    }

    @Override
    @SuppressWarnings("MustBeClosedChecker") // Closed where the turn leaves.
    public Context enter(Context grpc) {
      span.addEvent("turn began");
      scope = context.makeCurrent();
      return grpc.withValue(TURN, context);
    }

    @Override
    public void leave() {
      span.addEvent("turn ended"); // Nothing, if it was cut off: the span has ended by then.
      if (scope != null) {
        scope.close();
      }
    }

    @Override
    public void durable() {
      span.addEvent("durable");
      span.end();
    }

    @Override
    public void failed(String reason, Status status) {
      span.setStatus(StatusCode.ERROR, reason); // Not its message, which is the object's own.
      span.setAttribute(Attributes.ERROR_TYPE, reason);
      span.setAttribute(Attributes.STATUS_CODE, status.getCode().name());
      span.end();
    }
  }
}
