package dev.seriatim.stub;

import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
import dev.seriatim.wire.Content;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One unary gRPC call that is one invocation of a stub. It takes its number in {@link #halfClose},
 * when the request has been given, and so inside the caller's own call.
 *
 * <p>Threads: one caller at a time starts, sends and half-closes, as for every {@code ClientCall}.
 * Any thread cancels or requests; outcomes come from the stub's receiver. Who of them delivers the
 * end is settled by {@link #flags}.
 */
final class StubClientCall<Q, R> extends ClientCall<Q, R> {
  private static final Logger LOGGER = Logger.getLogger(StubClientCall.class.getName());

  /** The caller is ready for the response. */
  private static final int REQUESTED = 1;

  /** The response is there. */
  private static final int ANSWERED = 2;

  /** Someone delivers, or has delivered, the end of the call. */
  private static final int FINISHED = 4;

  private static final VarHandle FLAGS;

  static {
    try {
      FLAGS = MethodHandles.lookup().findVarHandle(StubClientCall.class, "flags", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final StubChannel channel;
  private final MethodDescriptor<Q, R> method;
  private final CallOptions options;
  private final Context context = Context.current();
  private final Context.CancellationListener cancellation = this::contextCancelled;

  // Owned by the caller.
  private Map<String, String> metadata = Map.of();
  private @Nullable Content argument;
  private boolean halfClosed;

  private volatile @Nullable Listener<R> listener;
  private volatile @Nullable PendingCall submitted;
  private @Nullable R response; // Published by ANSWERED.

  @SuppressWarnings("unused") // Through FLAGS.
  private volatile int flags;

  StubClientCall(StubChannel channel, MethodDescriptor<Q, R> method, CallOptions options) {
    this.channel = channel;
    this.method = method;
    this.options = options;
  }

  @Override
  public void start(Listener<R> responseListener, Metadata headers) {
    if (listener != null) {
      throw new IllegalStateException("the call was started before");
    }
    listener = responseListener;
    if (has(FINISHED)) {
      return; // Cancelled before it was started: the caller has gone.
    }
    String refusal = DurableObjectStub.refusal(method, options);
    if (refusal != null) {
      refuse(Status.Code.UNIMPLEMENTED, refusal);
      return;
    }
    try {
      metadata = CallMetadata.of(headers, channel.options());
    } catch (IllegalArgumentException e) {
      refuse(Status.Code.INVALID_ARGUMENT, String.valueOf(e.getMessage()));
      return;
    }
    if (!context.equals(Context.ROOT)) {
      context.addListener(cancellation, MoreExecutors.directExecutor());
    }
  }

  @Override
  public void request(int numMessages) {
    if (((int) FLAGS.getAndBitwiseOr(this, REQUESTED) & ANSWERED) != 0) {
      deliverResponse();
    }
  }

  @Override
  public void sendMessage(Q message) {
    if (listener == null) {
      throw new IllegalStateException("the call was not started");
    }
    if (has(FINISHED)) {
      return;
    }
    if (argument != null) {
      throw new IllegalStateException("a unary call has one request, this is the second");
    }
    argument = Messages.argument(method, message);
  }

  @Override
  public void halfClose() {
    if (listener == null) {
      throw new IllegalStateException("the call was not started");
    }
    if (halfClosed) {
      throw new IllegalStateException("the call was half-closed before");
    }
    halfClosed = true;
    if (has(FINISHED)) {
      return;
    }
    if (argument == null) {
      refuse(Status.Code.INTERNAL, "half-closed without a request");
      return;
    }
    PendingCall pending = new Pending(argument);
    submitted = pending;
    channel.submit(pending);
  }

  @Override
  public void cancel(@Nullable String message, @Nullable Throwable cause) {
    finish(
        CallFailure.cancelled(
            message != null ? message : "the call was cancelled", submitted, cause));
  }

  private void contextCancelled(Context cancelled) {
    Throwable cause = cancelled.cancellationCause();
    if (!(cause instanceof TimeoutException)) { // A deadline is the host's to watch.
      finish(CallFailure.contextCancelled(submitted, cause));
    }
  }

  private void refuse(Status.Code code, String message) {
    finish(new CallFailure(FailureCause.of(Reasons.CALL_REFUSED, code, message, false)));
  }

  private boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** True for exactly one of all who try. */
  private boolean claimEnd() {
    return ((int) FLAGS.getAndBitwiseOr(this, FINISHED) & FINISHED) == 0;
  }

  private void deliverResponse() {
    if (claimEnd()) {
      deliver(this::tellResponse);
    }
  }

  private void tellResponse() {
    Listener<R> told = listener;
    R message = response;
    if (told == null || message == null) {
      throw new AssertionError("a response before the call was started");
    }
    try {
      told.onHeaders(new Metadata());
      told.onMessage(message);
    } catch (RuntimeException | Error e) {
      PendingCall sent = submitted;
      CallFailure failure =
          new CallFailure(
              FailureCause.of(
                  Reasons.CALL_CANCELLED,
                  Status.Code.CANCELLED,
                  "a listener of the call threw: " + e,
                  false),
              Fate.COMPLETED,
              sent == null ? 0 : sent.sequence(),
              e);
      told.onClose(failure.toStatus(), failure.newTrailers());
      return;
    }
    told.onClose(Status.OK, new Metadata());
  }

  private void finish(CallFailure failure) {
    Listener<R> told = listener;
    if (claimEnd() && told != null) {
      deliver(() -> told.onClose(failure.toStatus(), failure.newTrailers()));
    }
  }

  /** Runs the last word of this call where the caller wants it. */
  private void deliver(Runnable lastWord) {
    Executor executor = options.getExecutor();
    if (!context.equals(Context.ROOT)) {
      context.removeListener(cancellation);
    }
    Runnable task = context.equals(Context.ROOT) ? lastWord : context.wrap(lastWord);
    try {
      if (executor == null) {
        task.run();
      } else {
        executor.execute(task);
      }
    } catch (RejectedExecutionException e) {
      LOGGER.log(Level.WARNING, "The executor of a call refused to run its end.", e);
    } catch (RuntimeException | Error e) {
      LOGGER.log(Level.WARNING, "A listener of a call threw.", e);
    }
  }

  private final class Pending extends PendingCall {
    Pending(Content argument) {
      super(
          method.getFullMethodName(),
          argument,
          Deadlines.earlier(options.getDeadline(), context.getDeadline()),
          metadata);
    }

    @Override
    void succeed(ByteString result) throws UnreadableResultException {
      if (has(FINISHED)) {
        return; // Cancelled meanwhile.
      }
      response = Messages.parse(method, result);
      if (((int) FLAGS.getAndBitwiseOr(StubClientCall.this, ANSWERED) & REQUESTED) != 0) {
        deliverResponse();
      }
    }

    @Override
    void fail(CallFailure failure) {
      finish(failure);
    }
  }
}
