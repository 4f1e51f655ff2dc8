package dev.seriatim.service;

import dev.seriatim.stub.DurableObjectId;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Follows those invocations that their callers follow: whose metadata has a {@code traceparent}, as
 * the W3C's <a href="https://www.w3.org/TR/trace-context/">Trace Context</a> has it, that says
 * {@code sampled}. No other invocation ever comes here, and none costs anything for that. A {@code
 * traceparent} that breaks the rules is as none. Alarms, which have no caller, all come here.
 *
 * <p>Methods are called on the threads that run turns. They must not block, and whatever they throw
 * is logged and does no harm. Safe for any number of threads.
 */
public interface InvocationTracer {
  /**
   * An invocation comes to its turn. One that never does, since its stub has broken before, isn't
   * followed; but one that waits at this host for another one that has its object, in vain, is, and
   * fails.
   *
   * @return who follows it, or null if nobody does
   */
  @Nullable Trace begin(Arrival arrival);

  /**
   * An alarm comes to its turn. Nobody has called it, so that whether anyone follows it is for the
   * tracer to say.
   *
   * @return who follows it, or null if nobody does, as it is unless the tracer says otherwise
   */
  default @Nullable Trace beginAlarm(AlarmArrival arrival) {
    return null;
  }

  /**
   * What an invocation is to have in its metadata that an object makes now, in this thread's gRPC
   * {@link Context} or what else is current.
   */
  Map<String, String> outgoing();

  /**
   * An invocation whose turn is about to begin.
   *
   * @param namespace the name of its object's namespace
   * @param object the id of its object
   * @param name the name of its object, if it is known
   * @param method the full name of the method, {@code package.Service/Method}
   * @param sequence its number in its stub
   * @param waited for how long it has waited for its turn
   * @param metadata what the caller has sent along with it; not to be changed
   */
  record Arrival(
      String namespace,
      DurableObjectId object,
      Optional<String> name,
      String method,
      long sequence,
      Duration waited,
      Metadata metadata) {}

  /**
   * An alarm whose turn is about to begin.
   *
   * @param namespace the name of its object's namespace
   * @param object the id of its object
   * @param name the name of its object, if it is known
   * @param due when it was to run
   * @param retries how often it has failed before
   */
  record AlarmArrival(
      String namespace, DurableObjectId object, Optional<String> name, Instant due, int retries) {}

  /**
   * What happens with one invocation, or alarm. {@link #enter} and {@link #leave} come on the
   * turn's thread, once each or not at all, about the object's code. Then, on any thread, comes
   * {@link #durable} or {@link #failed}, once; it may come before {@link #leave}, if the turn was
   * cut off.
   */
  interface Trace {
    /** The object's code begins. Gives the context in which it is to run. */
    Context enter(Context context);

    /** The object's code has ended. */
    void leave();

    /** What the turn wrote, and all that it saw, is durable, and its outcome may leave. */
    void durable();

    /**
     * The turn failed, or what it wrote or saw was lost.
     *
     * @param reason that with which its stub breaks, as the contract has it
     */
    void failed(String reason, Status status);
  }
}
