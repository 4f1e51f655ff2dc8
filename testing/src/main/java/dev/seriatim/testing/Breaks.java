package dev.seriatim.testing;

import dev.seriatim.service.InternalDurableObjectHost;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Breaks the stub of the next call of an object, in the place of its turn. Stands around all turns
 * of a host; safe for any number of threads.
 */
final class Breaks implements ServerInterceptor {
  private final ConcurrentMap<DurableObjectId, Exception> next = new ConcurrentHashMap<>();

  /**
   * The next call of this object breaks its stub.
   *
   * @throws IllegalArgumentException if there is no such reason
   */
  void breakNext(DurableObjectId object, String reason) {
    next.put(object, InternalDurableObjectHost.breaking(reason, "the test lets this call break"));
  }

  void mend() {
    next.clear();
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> handler) {
    if (!next.isEmpty()) {
      DurableObjectId object = InternalDurableObjectHost.running();
      Exception meant = object == null ? null : next.remove(object);
      if (meant != null) {
        throw Breaks.<RuntimeException>sneaky(meant);
      }
    }
    return handler.startCall(call, headers);
  }

  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  private static <E extends Exception> E sneaky(Exception e) throws E {
    throw (E) e;
  }
}
