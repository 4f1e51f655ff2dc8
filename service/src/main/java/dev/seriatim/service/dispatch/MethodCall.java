package dev.seriatim.service.dispatch;

import com.google.protobuf.Value;
import dev.seriatim.wire.Content;
import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One invocation, as gRPC's server code sees it: a unary call whose request is there already and
 * whose response goes to a {@link Reply}.
 *
 * <p>The listener is only ever called on the thread that runs the turn. The methods of {@link
 * ServerCall} may be called from any thread, one at a time, as gRPC demands of every handler.
 */
public final class MethodCall<Q, R> extends ServerCall<Q, R> {
  private final ServerMethodDefinition<Q, R> handler;
  private final ObjectMethod method;
  private final Q request;
  private final Metadata metadata;
  private final boolean asJson;
  private final Reply reply;

  // Both are the turn thread's own.
  private @Nullable Listener<Q> listener;
  private final Thread turnThread = Thread.currentThread();

  private volatile boolean requested;
  private volatile boolean closed;
  // Written and read by whoever owns the call at the time; see above.
  private @Nullable Content message;
  private @Nullable Value json;

  MethodCall(
      ServerMethodDefinition<Q, R> handler,
      ObjectMethod method,
      Q request,
      Metadata metadata,
      boolean asJson,
      Reply reply) {
    this.handler = handler;
    this.method = method;
    this.request = request;
    this.metadata = metadata;
    this.asJson = asJson;
    this.reply = reply;
  }

  /**
   * Runs the method up to the return of its handler, on the calling thread and in the calling
   * thread's {@link io.grpc.Context}. Called once.
   *
   * @throws RuntimeException whatever the handler throws
   */
  public void run() {
    listener = handler.getServerCallHandler().startCall(this, metadata);
    listener.onReady();
    while (!requested && !closed && !reply.isCutOff()) {
      // An interceptor may ask for the request later, from another thread.
      LockSupport.park(this);
      // One that is no cut means nothing.
      boolean _ = Thread.interrupted();
    }
    if (requested && !closed && !reply.isCutOff()) {
      listener.onMessage(request);
      listener.onHalfClose();
    }
  }

  /**
   * Tells the handler that its turn is over. Called on the turn thread, also if {@link #run} threw.
   */
  public void finish() {
    if (listener != null) {
      if (reply.isCutOff() || !closed) {
        listener.onCancel();
      } else {
        listener.onComplete();
      }
    }
  }

  @Override
  public void request(int numMessages) {
    if (!requested && numMessages > 0) {
      requested = true;
      if (Thread.currentThread() != turnThread) {
        LockSupport.unpark(turnThread);
      }
    }
  }

  @Override
  public void sendHeaders(Metadata headers) {
    // An outcome has no headers.
  }

  @Override
  public void sendMessage(R response) {
    if (closed) {
      return;
    }
    if (message != null || json != null) {
      fail(Status.INTERNAL.withDescription(method.fullName() + " replied more than once"));
      return;
    }
    try {
      if (asJson) {
        json = method.toJson(getMethodDescriptor(), response);
      } else {
        message = method.content(getMethodDescriptor(), response);
      }
    } catch (IOException | RuntimeException | Error e) {
      fail(
          Status.INTERNAL
              .withDescription(
                  "the response of %s can't be written: %s"
                      .formatted(method.fullName(), Legible.of(e)))
              .withCause(e));
    }
  }

  @Override
  public void close(Status status, Metadata trailers) {
    if (closed) {
      return;
    }
    if (!status.isOk()) {
      markClosed();
      reply.failed(status, trailers);
    } else if (message != null) {
      markClosed();
      reply.message(message);
    } else if (json != null) {
      markClosed();
      reply.json(json);
    } else {
      fail(Status.INTERNAL.withDescription(method.fullName() + " completed without a response"));
    }
  }

  private void fail(Status status) {
    markClosed();
    reply.failed(status, new Metadata());
  }

  private void markClosed() {
    closed = true;
    if (Thread.currentThread() != turnThread) {
      LockSupport.unpark(turnThread);
    }
  }

  @Override
  public boolean isReady() {
    return !closed;
  }

  @Override
  public boolean isCancelled() {
    return reply.isCutOff();
  }

  @Override
  public MethodDescriptor<Q, R> getMethodDescriptor() {
    return handler.getMethodDescriptor();
  }

  @Override
  public Attributes getAttributes() {
    return Attributes.EMPTY;
  }
}
