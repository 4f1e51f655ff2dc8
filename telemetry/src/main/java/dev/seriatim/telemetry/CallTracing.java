package dev.seriatim.telemetry;

import dev.seriatim.stub.CallFailure;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;

/** A span for each call that is made within a sampled one. */
final class CallTracing implements ClientInterceptor {
  private final Tracer tracer;
  private final Propagation propagation;

  CallTracing(Tracer tracer, TracingOptions options) {
    this.tracer = tracer;
    this.propagation = new Propagation(options.carriesBaggage());
  }

  @Override
  public <Q, R> ClientCall<Q, R> interceptCall(
      MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
    ClientCall<Q, R> call = next.newCall(method, options);
    Context current = Context.current();
    if (!Span.fromContext(current).getSpanContext().isSampled()) {
      return call;
    }
    return new SimpleForwardingClientCall<>(call) {
      @Override
      public void start(Listener<R> listener, Metadata headers) {
        Span span =
            tracer
                .spanBuilder(method.getFullMethodName())
                .setParent(current)
                .setSpanKind(SpanKind.CLIENT)
                .setAttribute(Attributes.RPC_SYSTEM, Attributes.GRPC)
                .setAttribute(Attributes.RPC_METHOD, method.getFullMethodName())
                .startSpan();
        propagation.inject(
            current.with(span),
            headers,
            (metadata, key, value) -> {
              if (metadata != null) {
                Metadata.Key<String> known = Propagation.key(key);
                metadata.discardAll(known);
                metadata.put(known, value);
              }
            });
        try {
          super.start(new Ending<>(listener, span), headers);
        } catch (RuntimeException | Error e) {
          end(span, Status.fromThrowable(e));
          throw e;
        }
      }
    };
  }

  /** Ends the span when the call ends. */
  private static final class Ending<R> extends SimpleForwardingClientCallListener<R> {
    private final Span span;

    Ending(ClientCall.Listener<R> listener, Span span) {
      super(listener);
      this.span = span;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      end(span, status);
      super.onClose(status, trailers);
    }
  }

  private static void end(Span span, Status status) {
    if (!status.isOk()) {
      String type = status.getCode().name();
      span.setStatus(StatusCode.ERROR, String.valueOf(status.getDescription()));
      span.setAttribute(Attributes.STATUS_CODE, type);
      CallFailure failure = CallFailure.of(status.asRuntimeException()).orElse(null);
      if (failure != null) {
        type = failure.reason().isEmpty() ? type : failure.reason();
        span.setAttribute(Attributes.FATE, failure.fate().name());
        span.setAttribute(Attributes.SEQUENCE, failure.sequence());
      }
      span.setAttribute(Attributes.ERROR_TYPE, type);
    }
    span.end();
  }
}
