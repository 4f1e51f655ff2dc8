package dev.seriatim.stub;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.common.util.concurrent.SettableFuture;
import com.google.protobuf.ByteString;
import dev.seriatim.wire.Content;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.MethodDescriptor;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** A call made through {@link DurableObjectStub#call}, completed where outcomes are received. */
final class DirectCall<R> extends PendingCall {
  private final MethodDescriptor<?, R> method;
  private final SettableFuture<R> future = SettableFuture.create();

  DirectCall(
      MethodDescriptor<?, R> method,
      Content argument,
      @Nullable Deadline deadline,
      Map<String, String> metadata) {
    super(method.getFullMethodName(), argument, deadline, metadata);
    this.method = method;
  }

  ListenableFuture<R> future() {
    return future;
  }

  /** Gives the call up when the caller's context is cancelled, unless it is done before. */
  void cancelWith(Context context) {
    Context.CancellationListener listener =
        cancelled -> {
          Throwable thrown = cancelled.cancellationCause();
          if (!(thrown instanceof TimeoutException)) { // A deadline is the host's to watch.
            fail(CallFailure.contextCancelled(this, thrown));
          }
        };
    context.addListener(listener, MoreExecutors.directExecutor());
    future.addListener(() -> context.removeListener(listener), MoreExecutors.directExecutor());
  }

  @Override
  void succeed(ByteString result) throws UnreadableResultException {
    future.set(Messages.parse(method, result));
  }

  @Override
  void fail(CallFailure failure) {
    future.setException(failure.toException());
  }
}
