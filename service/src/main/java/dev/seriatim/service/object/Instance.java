package dev.seriatim.service.object;

import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.dispatch.MethodCall;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.dispatch.ObjectService;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.Context;
import io.grpc.Metadata;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An object's live value in memory, and what it may know of itself.
 *
 * <p>Made, started and run on the object's turn thread; discarded once, by whoever has the object
 * at the time. What the object's code sees of it is {@link DurableObjectState}, from any thread.
 */
final class Instance implements DurableObjectState {
  private final LiveObject object;
  private final Context.CancellableContext context = Context.ROOT.withCancellation();

  // The turn thread's own.
  private @Nullable ObjectService service;

  private volatile boolean aborted;

  Instance(LiveObject object) {
    this.object = object;
  }

  /** Makes the object's own value. To be called once, as part of a turn. */
  void start() throws Exception {
    Namespace namespace = object.namespace();
    service = ObjectService.bind(namespace.factory().create(this), namespace.methods());
  }

  boolean isStarted() {
    return service != null;
  }

  MethodCall<?, ?> call(
      ObjectMethod method, Object argument, Metadata metadata, Turn turn, boolean json)
      throws InterruptedException {
    if (service == null) {
      throw new IllegalStateException("the instance was not started");
    }
    return service.start(method, argument, metadata, json, turn);
  }

  /** The context in which this instance's turns run; cancelled when the instance is discarded. */
  Context.CancellableContext context() {
    return context;
  }

  void discard(String why) {
    context.cancel(io.grpc.Status.ABORTED.withDescription(why).asRuntimeException());
  }

  /** Whether the instance must not be given another turn. */
  boolean isAborted() {
    return aborted;
  }

  @Override
  public DurableObjectId id() {
    return object.id();
  }

  @Override
  public Optional<String> name() {
    return Optional.ofNullable(object.name());
  }

  @Override
  public void abort(String reason) {
    if (!aborted) {
      aborted = true;
      object.abort(this, reason);
    }
  }
}
