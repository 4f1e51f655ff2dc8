package dev.seriatim.service.connect;

import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.MessageLite;
import dev.seriatim.service.session.BreakCause;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has calls served by threads that may block, rather than by the transport's, each call by one at a
 * time; and lets in so many. For all calls but those that carry stubs.
 */
public final class OffTransport implements ServerInterceptor {
  private static final Logger logger = LoggerFactory.getLogger(OffTransport.class);

  private final Executor executor;
  private final OpenCalls calls;

  /**
   * Serves calls with threads of this executor.
   *
   * @param calls counts them
   */
  public OffTransport(Executor executor, OpenCalls calls) {
    this.executor = executor;
    this.calls = calls;
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    if (!calls.begin()) {
      close(call, calls.refusal());
      return new ServerCall.Listener<>() {};
    }
    Events<Q, R> events = new Events<>(call);
    Connection connection = Connection.of(call.getAttributes());
    if (connection != null) {
      connection.own(events);
    }
    events.execute(() -> events.delegate = next.startCall(call, headers));
    return events;
  }

  private static void close(ServerCall<?, ?> call, BreakCause cause) {
    Metadata trailers = StatusProto.toStatusRuntimeException(cause.toStatusProto()).getTrailers();
    call.close(Statuses.of(cause.toEnd()), trailers == null ? new Metadata() : trailers);
  }

  /** Hands on what happens to a call, in order. */
  private final class Events<Q, R> extends ServerCall.Listener<Q> implements Arrivals.Owner {
    private final ServerCall<Q, R> call;
    private final Context context = Context.current();
    private final Executor inOrder = MoreExecutors.newSequentialExecutor(executor);

    /** The transport thread's own. */
    private int keptBytes;

    /** Written and read by what runs in order. */
    private ServerCall.Listener<Q> delegate = new ServerCall.Listener<>() {};

    Events(ServerCall<Q, R> call) {
      this.call = call;
    }

    void execute(Runnable event) {
      inOrder.execute(() -> context.run(() -> run(event)));
    }

    private void run(Runnable event) {
      try {
        event.run();
      } catch (RuntimeException | Error e) {
        logger
            .atWarn()
            .setCause(e)
            .addKeyValue("method", call.getMethodDescriptor().getFullMethodName())
            .log("a call threw");
        delegate = new ServerCall.Listener<>() {};
        try {
          call.close(Status.fromThrowable(e), new Metadata());
        } catch (IllegalStateException closed) {
          logger.debug("the call was closed before", closed);
        }
      }
    }

    @Override
    public boolean takesOneMessage() {
      return call.getMethodDescriptor().getType().clientSendsOneMessage();
    }

    @Override
    public int keptBytes() {
      return keptBytes;
    }

    @Override
    public void overloaded(BreakCause cause) {
      execute(
          () -> {
            ServerCall.Listener<Q> left = delegate;
            delegate = new ServerCall.Listener<>() {};
            left.onCancel();
            close(call, cause);
          });
    }

    @Override
    public void onMessage(Q message) {
      if (takesOneMessage() && message instanceof MessageLite one) {
        keptBytes += one.getSerializedSize();
      }
      execute(() -> delegate.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      execute(() -> delegate.onHalfClose());
    }

    @Override
    public void onCancel() {
      calls.end();
      execute(() -> delegate.onCancel());
    }

    @Override
    public void onComplete() {
      calls.end();
      execute(() -> delegate.onComplete());
    }

    @Override
    public void onReady() {
      execute(() -> delegate.onReady());
    }
  }
}
