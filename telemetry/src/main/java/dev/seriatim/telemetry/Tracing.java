package dev.seriatim.telemetry;

import dev.seriatim.service.InvocationTracer;
import io.grpc.ClientInterceptor;
import io.opentelemetry.api.OpenTelemetry;

/**
 * Traces through stubs, hosts and objects, by the W3C's <a
 * href="https://www.w3.org/TR/trace-context/">Trace Context</a> in the metadata of invocations.
 *
 * <pre>{@code
 * Channel channel = ClientInterceptors.intercept(stub.channel(), Tracing.client(openTelemetry));
 *
 * DurableObjectHost.builder().tracer(Tracing.host(openTelemetry))
 * }</pre>
 *
 * <p>Only what is sampled is followed: a call that is made within a span that isn't, or within
 * none, has nothing added on the wire and makes no span anywhere. Everything here is safe for any
 * number of threads.
 */
public final class Tracing {
  /** Under this name spans are made. */
  static final String SCOPE = "dev.seriatim";

  private Tracing() {}

  /**
   * For the channel of a stub: makes a span of each call that is made within a sampled one, and
   * lets the object's turn be a child of it. It ends when the call does.
   */
  public static ClientInterceptor client(OpenTelemetry openTelemetry) {
    return client(openTelemetry, TracingOptions.defaults());
  }

  /** The same, with these options. */
  public static ClientInterceptor client(OpenTelemetry openTelemetry, TracingOptions options) {
    return new CallTracing(openTelemetry.getTracer(SCOPE), options);
  }

  /**
   * For a host: makes a span of each invocation that its caller follows, from its arrival until its
   * outcome may leave, with events where its turn begins and ends and where what it saw is durable.
   * The span is current in the turn, and the parent of what the object calls. An alarm begins a
   * trace of its own, if the sampler wants one.
   */
  public static InvocationTracer host(OpenTelemetry openTelemetry) {
    return host(openTelemetry, TracingOptions.defaults());
  }

  /** The same, with these options. */
  public static InvocationTracer host(OpenTelemetry openTelemetry, TracingOptions options) {
    return new TurnTracing(openTelemetry.getTracer(SCOPE), options);
  }
}
