package dev.seriatim.service.connect;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.session.BreakCause;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A call of which isn't known yet who makes it. No message is asked for meanwhile, so that none
 * comes, and the client is held up by flow control; what else happens to the call waits here until
 * it has begun, and goes on to it then, in order.
 *
 * <p>On a connection of the host's own all of that is on its transport's thread. Elsewhere events
 * may come while the call begins on another thread: hence the lock, which isn't held while they are
 * handed on.
 */
final class UnverifiedCall<Q> extends ServerCall.Listener<Q> implements Arrivals.Owner {
  private static final Logger logger = LoggerFactory.getLogger(UnverifiedCall.class);

  private final ServerCall<Q, ?> call;

  @GuardedBy("this")
  private final Queue<Consumer<ServerCall.Listener<Q>>> events = new ArrayDeque<>(2);

  /** Null until the call has begun, and what had happened by then has been handed on. */
  private volatile ServerCall.@Nullable Listener<Q> begun;

  /** Whose the stream is, once the call has begun. The transport thread's own. */
  private Arrivals.@Nullable Owner owner;

  /**
   * What was too much before the call had begun: it breaks the call behind all that had come whole
   * by then, which isn't read yet. The transport thread's own.
   */
  private @Nullable BreakCause tooMuch;

  UnverifiedCall(ServerCall<Q, ?> call) {
    this.call = call;
  }

  /**
   * It is known who makes it. On any thread.
   *
   * @param start begins the call, in this context
   */
  void goOn(Context context, Supplier<ServerCall.Listener<Q>> start) {
    Connection connection = Connection.of(call.getAttributes());
    if (connection == null) {
      begin(context, start);
      return;
    }
    try {
      connection
          .transport()
          .execute(() -> connection.begin(own -> owner = own, () -> begin(context, start)));
    } catch (RejectedExecutionException e) { // The host has closed, and the connection with it.
      logger.debug("a call whose connection is gone does not begin", e);
    }
  }

  private void begin(Context context, Supplier<ServerCall.Listener<Q>> start) {
    if (call.isCancelled()) {
      return;
    }
    Context before = context.attach();
    ServerCall.Listener<Q> listener;
    try {
      listener = start.get();
    } catch (RuntimeException | Error e) { // An interceptor behind this, say.
      listener = new ServerCall.Listener<>() {};
      logger.warn("a call could not begin", e);
      close(Status.fromThrowable(e));
    } finally {
      context.detach(before);
    }
    for (Consumer<ServerCall.Listener<Q>> event = next(listener);
        event != null;
        event = next(listener)) {
      event.accept(listener); // Which asks for more, and that comes at once.
    }
    if (tooMuch != null) {
      overloaded(tooMuch);
    }
  }

  private void close(Status status) {
    try {
      call.close(status, new Metadata());
    } catch (IllegalStateException closed) {
      logger.debug("the call was closed before", closed);
    }
  }

  /** What has happened to the call; null if nothing is left, and all goes on at once from now. */
  private synchronized @Nullable Consumer<ServerCall.Listener<Q>> next(
      ServerCall.Listener<Q> listener) {
    Consumer<ServerCall.Listener<Q>> event = events.poll();
    if (event == null) {
      begun = listener;
    }
    return event;
  }

  private void handOn(Consumer<ServerCall.Listener<Q>> event) {
    ServerCall.Listener<Q> listener = begun;
    if (listener == null) {
      synchronized (this) {
        listener = begun;
        if (listener == null) {
          events.add(event);
          return;
        }
      }
    }
    event.accept(listener);
  }

  // ---- what happens to the call, in order

  @Override
  public void onMessage(Q message) {
    ServerCall.Listener<Q> listener = begun;
    if (listener != null) { // Nearly always: nothing came before it was asked for.
      listener.onMessage(message);
    } else {
      handOn(l -> l.onMessage(message));
    }
  }

  @Override
  public void onHalfClose() {
    handOn(ServerCall.Listener::onHalfClose);
  }

  @Override
  public void onCancel() {
    handOn(ServerCall.Listener::onCancel);
  }

  @Override
  public void onComplete() {
    handOn(ServerCall.Listener::onComplete);
  }

  @Override
  public void onReady() {
    handOn(ServerCall.Listener::onReady);
  }

  // ---- what arrives, on the transport's thread

  @Override
  public boolean takesOneMessage() {
    return call.getMethodDescriptor().getType().clientSendsOneMessage();
  }

  @Override
  public int keptBytes() {
    return owner == null ? 0 : owner.keptBytes();
  }

  @Override
  public void overloaded(BreakCause cause) {
    if (begun == null) {
      tooMuch = cause;
    } else if (owner != null) {
      owner.overloaded(cause);
    }
  }

  @Override
  public int maxMessageBytes(int maxFrameBytes) {
    return call.getMethodDescriptor().getRequestMarshaller() instanceof ManyMessage.Reader
        ? ManyMessage.maxBytes(maxFrameBytes)
        : maxFrameBytes;
  }
}
