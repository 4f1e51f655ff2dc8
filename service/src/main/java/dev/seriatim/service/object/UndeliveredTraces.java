package dev.seriatim.service.object;

import dev.seriatim.service.InvocationTracer;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.wire.Invocation;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells who follows them of invocations that came in at this host and don't come to their object,
 * which is elsewhere. Stateless.
 */
final class UndeliveredTraces {
  private static final Logger logger = LoggerFactory.getLogger(UndeliveredTraces.class);

  /** What a tracer may want to see of the metadata; the rest is for the object. */
  private static final List<String> KEYS = List.of("traceparent", "tracestate", "baggage");

  private UndeliveredTraces() {}

  /**
   * Tells of those among the invocations of these frames that are followed.
   *
   * @param waited for how long they have waited
   */
  static void tell(
      InvocationTracer tracer,
      ObjectAddress address,
      List<StubFrame> frames,
      Duration waited,
      BreakCause cause) {
    for (StubFrame frame : frames) {
      for (Invocation invocation : frame.invocations()) {
        if (invocation.hasMetadata()) {
          try {
            tell(tracer, address, invocation, waited, cause);
          } catch (RuntimeException | Error e) { // Its metadata are none, or the tracer threw.
            LogSubject.of(invocation.method(), invocation.sequence())
                .breaking(cause.reason())
                .on(address.on(logger.atWarn()))
                .setCause(e)
                .log("an invocation that is not passed on can't be followed");
          }
        }
      }
    }
  }

  private static void tell(
      InvocationTracer tracer,
      ObjectAddress address,
      Invocation invocation,
      Duration waited,
      BreakCause cause) {
    Metadata metadata = new Metadata();
    for (String key : KEYS) {
      String value = InvocationMetadata.value(invocation, key);
      if (value != null) {
        metadata.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value);
      }
    }
    ObjectMethod method = address.namespace().methods().find(invocation.method());
    if (method == null || !Traceparent.isSampled(metadata)) {
      return;
    }
    InvocationTracer.Trace trace =
        tracer.begin(
            new InvocationTracer.Arrival(
                address.namespace().name(),
                address.id(),
                address.id().name(),
                method.fullName(),
                invocation.sequence(),
                waited,
                metadata));
    if (trace != null) {
      trace.failed(
          cause.reason().name(),
          Status.fromCodeValue(cause.code().getNumber()).withDescription(cause.message()));
    }
  }
}
