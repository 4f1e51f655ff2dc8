package dev.seriatim.conformance;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall;
import io.grpc.ForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The interceptor of one instance of the probe: notices turns that overlap, and hands the metadata
 * of an invocation on to its turn.
 */
final class TurnObserver implements ServerInterceptor {
  /** The metadata of the invocation, for the turn to see. */
  static final Context.Key<Metadata> METADATA = Context.key("seriatim-conformance-metadata");

  private final ProbeWorld.Evidence evidence;
  private final AtomicInteger running = new AtomicInteger();

  TurnObserver(ProbeWorld.Evidence evidence) {
    this.evidence = evidence;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    AtomicBoolean active = new AtomicBoolean();
    ServerCall<Q, A> observed =
        new ForwardingServerCall.SimpleForwardingServerCall<>(call) {
          @Override
          public void close(Status status, Metadata trailers) {
            end(active);
            super.close(status, trailers);
          }
        };
    ServerCall.Listener<Q> listener =
        Contexts.interceptCall(
            Context.current().withValue(METADATA, headers), observed, headers, next);
    return new ForwardingServerCallListener.SimpleForwardingServerCallListener<>(listener) {
      @Override
      public void onHalfClose() {
        begin(active);
        boolean returned = false;
        try {
          super.onHalfClose();
          returned = true;
        } finally {
          if (!returned) {
            end(active);
          }
        }
      }

      @Override
      public void onCancel() {
        end(active);
        super.onCancel();
      }
    };
  }

  /** Observes a turn that is no call. */
  void observe(Runnable turn) {
    AtomicBoolean active = new AtomicBoolean();
    begin(active);
    try {
      turn.run();
    } finally {
      end(active);
    }
  }

  private void begin(AtomicBoolean active) {
    active.set(true);
    if (running.incrementAndGet() > 1) {
      evidence.overlapped();
    }
  }

  private void end(AtomicBoolean active) {
    if (active.compareAndSet(true, false)) {
      running.decrementAndGet();
    }
  }
}
