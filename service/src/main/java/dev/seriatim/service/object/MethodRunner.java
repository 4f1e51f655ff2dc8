package dev.seriatim.service.object;

import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.dispatch.MethodCall;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Timeout;
import dev.seriatim.wire.Invocation;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Runs the object's code for a turn of an invocation: its factory if need be, and its method's
 * handler, in the turn's context and within its time. Used by the object's turn thread; stateless.
 */
final class MethodRunner {
  /** What a frame needs beside one outcome, generously. */
  private static final int FRAME_OVERHEAD_BYTES = 64;

  /**
   * Runs nothing. A context that is to be cancelled at its deadline by itself stays in the timer
   * until then, unless it is cancelled before; a turn that has ended is to leave nothing there.
   */
  private static final ScheduledExecutorService NO_TIMER = noTimer();

  private final LiveObject object;
  private final Instances instances;

  MethodRunner(LiveObject object, Instances instances) {
    this.object = object;
    this.instances = instances;
  }

  /**
   * Runs the object's code for a turn: all of it, so that none can outlast the limit on a turn.
   *
   * @return why the turn failed, or null if it didn't
   */
  @Nullable BreakCause run(
      InvocationTurn turn,
      Invocation invocation,
      ObjectMethod method,
      Object argument,
      Metadata metadata,
      long timeoutNanos) {
    Instance instance = turn.instance();
    CallChain chain =
        instance.beginChain(
            turn.stub().isLocal() ? object.host().callChains().find(invocation) : null);
    StubCaller caller = turn.stub().caller();
    Context context =
        context(
            caller == null ? instance.context() : caller.on(instance, instance.context()),
            invocation,
            metadata,
            chain);
    TurnTrace trace = turn.trace();
    if (trace != null) {
      context = trace.enter(context);
    }
    Context.CancellableContext limited = null;
    Future<?> timer = null;
    if (timeoutNanos != Long.MAX_VALUE) {
      limited = context.withDeadlineAfter(timeoutNanos, TimeUnit.NANOSECONDS, NO_TIMER);
      timer = watchDeadline(turn, invocation, limited, timeoutNanos);
      context = limited;
    }
    Context previous = context.attach();
    try {
      return runHere(turn, invocation, method, argument, metadata, limited);
    } finally {
      context.detach(previous);
      if (trace != null) {
        trace.leave();
      }
      if (timer != null) {
        timer.cancel(false);
      }
      if (chain != null) {
        chain.end();
      }
    }
  }

  /** The same, in the context of the turn, which may be limited. */
  private @Nullable BreakCause runHere(
      InvocationTurn turn,
      Invocation invocation,
      ObjectMethod method,
      Object argument,
      Metadata metadata,
      Context.@Nullable CancellableContext limited) {
    Instance instance = turn.instance();
    BreakCause failure;
    MethodCall<?, ?> call = null;
    try {
      failure = instances.start(instance, turn);
      if (failure == null && !turn.isCutOff()) {
        call = instance.call(method, argument, metadata, turn, invocation.isJson());
        call.run();
        turn.awaitReply();
        failure = turn.failure();
      }
      if (failure == null && !turn.isCutOff()) {
        failure = overlongOutcome(turn, method);
      }
    } catch (Throwable thrown) { // Whatever the object throws, an Error too, is its reply.
      failure =
          ThrownCause.logged(
              object, BreakReason.OBJECT_EXCEPTION, thrown, "the method", LogSubject.of(turn));
    }
    if (failure != null && limited != null && isExpired(limited)) {
      // The object may have failed just because its deadline passed: it is the deadline that
      // counts.
      timedOut(turn, invocation);
    }
    if (call != null) {
      finish(turn, call);
    }
    return failure;
  }

  /**
   * The context of a turn. It isn't cancelled when the turn ends: calls that the object has made
   * and doesn't wait for go on.
   */
  private static Context context(
      Context ofInstance, Invocation invocation, Metadata metadata, @Nullable CallChain chain) {
    Context context = ofInstance;
    if (invocation.hasMetadata()) {
      context = context.withValue(DurableObjectState.INVOCATION_METADATA, metadata);
    }
    return chain == null ? context : chain.in(context);
  }

  /** Sees to it that the turn is cut off, and its context cancelled, when its time is up. */
  private Future<?> watchDeadline(
      InvocationTurn turn,
      Invocation invocation,
      Context.CancellableContext limited,
      long timeoutNanos) {
    return object
        .host()
        .timer()
        .schedule(
            () -> {
              try {
                // Whoever listens to it is the object's code, which may block.
                object
                    .host()
                    .threads()
                    .execute(
                        () -> limited.cancel(new TimeoutException("the invocation's time is up")));
              } finally {
                timedOut(turn, invocation);
              }
            },
            timeoutNanos,
            TimeUnit.NANOSECONDS);
  }

  private static ScheduledExecutorService noTimer() {
    ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(0, new ThreadPoolExecutor.DiscardPolicy());
    timer.shutdown();
    return timer;
  }

  private static boolean isExpired(Context context) {
    Deadline deadline = context.getDeadline();
    return deadline != null && deadline.isExpired();
  }

  /** Called by any thread. */
  private void timedOut(InvocationTurn late, Invocation invocation) {
    object
        .cutOff()
        .turn(
            late,
            BreakCause.of(
                BreakReason.INVOCATION_TIMED_OUT,
                "invocation %d of %s was still running at the end of its timeout of %s"
                    .formatted(
                        late.sequence(), invocation.method(), Timeout.describe(invocation))));
  }

  /**
   * A client would lose its stub over a frame that it refuses to read; so this is told in order.
   */
  private @Nullable BreakCause overlongOutcome(InvocationTurn turn, ObjectMethod method) {
    int size = turn.outcome().size();
    int limit = object.host().limits().maxFrameBytes() - FRAME_OVERHEAD_BYTES;
    if (size <= limit) {
      return null;
    }
    Status status =
        Status.RESOURCE_EXHAUSTED.withDescription(
            "the response of %s has %,d bytes, expected at most %,d"
                .formatted(method.name(), size, limit));
    return ThrownCause.of(
        BreakReason.OBJECT_EXCEPTION, status, new Metadata(), "response too long");
  }

  private void finish(InvocationTurn turn, MethodCall<?, ?> call) {
    try {
      call.finish();
    } catch (RuntimeException | Error e) {
      object.log(Level.WARN, e, "a listener threw after its reply", LogSubject.of(turn));
    }
  }
}
