package dev.seriatim.stub;

import com.google.common.base.Ascii;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.ObjectPath;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A reference to one durable object, through which it is called.
 *
 * <p><b>Order.</b> Calls are executed one at a time, in the order in which they were made. A call
 * takes its place before the method that makes it returns, so the calls of one thread keep the
 * order of the program, and there is no need to wait for one before making the next. Between two
 * stubs, also on the same object, there is no order.
 *
 * <p><b>Failure.</b> Anything but a normal reply breaks the stub: the calls behind the one that
 * failed fail with the same cause and have not been executed, and so does every later call, at
 * once. A broken stub stays broken; get a new one to go on. What became of each call is told by its
 * {@link CallFailure}. Only a call that got no place in the order leaves the stub as it is: one
 * that was refused, too large, or for which the buffer had no room.
 *
 * <p><b>Cancelling</b> one call (its future, its context, the thread that blocks on it) doesn't
 * break the stub and doesn't take the call back. It is still executed in its place; its outcome is
 * dropped, and the caller sees {@code CANCELLED} with {@link Fate#UNKNOWN}. Cancelling a future
 * gives a {@code CancellationException}, without a {@link CallFailure}.
 *
 * <p><b>Deadlines.</b> A deadline, from the {@code CallOptions} or the gRPC {@code Context},
 * travels with the call. When it passes before the call's turn has ended, the host breaks the stub
 * in the call's place, and nothing is unknown. It can tell only when all before the call on its own
 * stub is done. Behind a call that may still take its time, that one call fails for its caller at
 * its deadline, with {@link Reasons#ANSWER_OVERDUE} and {@link Fate#UNKNOWN}; the stub and all its
 * other calls go on, until the host tells. While a resumable stub has no connection, a call fails
 * at its deadline in the same way, and keeps its place.
 *
 * <p><b>Lost connections</b> break a stub, unless it was got from a {@linkplain
 * DurableObjectNamespace#resumable() resumable} namespace.
 *
 * <p><b>Threads.</b> Safe for any number of threads. No method blocks but {@link #id()}, the first
 * time in a namespace, and {@link #awaitEnd}. Outcomes are received one at a time on a thread of
 * the channel's executor, and futures and callbacks that have no executor run there: one that
 * blocks holds up its own stub, and one that waits for another call on the same stub waits for
 * ever.
 *
 * <p>The stream to the host opens with the first call. A stub that isn't closed keeps it open. One
 * that is dropped without that is closed when it is collected, which is logged once for a process:
 * until then it takes memory, here and at the host. A listener that refers to its stub keeps it.
 */
public final class DurableObjectStub implements AutoCloseable {
  /**
   * The header of a call that is to be executed at most once for its object and this key, whatever
   * stub it comes on, for as long as the host remembers the key: by default 24 hours. Later calls
   * with the key get the outcome of the first, whose outcome is durable before it is sent. A call
   * that failed had no effect, and isn't remembered. With another method or another argument a key
   * is an error, {@link Reasons#IDEMPOTENCY_MISMATCH}. 1 to 255 bytes of printable ASCII.
   */
  public static final Metadata.Key<String> IDEMPOTENCY_KEY =
      Metadata.Key.of("seriatim-idempotency-key", Metadata.ASCII_STRING_MARSHALLER);

  private static final Metadata NO_HEADERS = new Metadata(); // Only ever read.

  private final DurableObjectNamespace namespace;
  private final @Nullable String name;
  private final @Nullable DurableObjectId givenId;
  private final Session session;
  private final StubChannel channel;

  private DurableObjectStub(
      DurableObjectNamespace namespace,
      @Nullable String name,
      @Nullable DurableObjectId givenId,
      @Nullable DurableObjectId knownId,
      Open.Builder open,
      Carriers carriers,
      ClientOptions options,
      @Nullable ResumeOptions resume) {
    this.namespace = namespace;
    this.name = name;
    this.givenId = givenId;
    open.setNamespace(namespace.name());
    Opening opening = new Opening(open.build(), givenId == null ? null : givenId.toString());
    Routes routes = carriers.routes();
    this.session =
        new Session(
            carriers.channel(),
            carriers.sharedCalls(),
            options,
            opening,
            routes == null
                ? null
                : new StubRoute(
                    routes, opening.toString(), knownId == null ? null : knownId.toString()),
            resume);
    this.channel = new StubChannel(session, carriers.channel().authority());
  }

  Session session() {
    return session;
  }

  /**
   * With a name.
   *
   * @param knownId the id that belongs to it, if it is known
   */
  static DurableObjectStub named(
      DurableObjectNamespace namespace,
      String name,
      @Nullable DurableObjectId knownId,
      Carriers carriers,
      ClientOptions options,
      @Nullable ResumeOptions resume) {
    Open.Builder open = Open.newBuilder().setName(name);
    return new DurableObjectStub(namespace, name, null, knownId, open, carriers, options, resume);
  }

  /**
   * With an id.
   *
   * @param byName to open the object by the name that the id knows, if it knows one
   */
  static DurableObjectStub withId(
      DurableObjectNamespace namespace,
      DurableObjectId id,
      boolean byName,
      Carriers carriers,
      ClientOptions options,
      @Nullable ResumeOptions resume) {
    String name = id.name().orElse(null);
    Open.Builder open = Open.newBuilder();
    if (byName && name != null) {
      open.setName(name);
    } else {
      open.setId(id.toString());
    }
    return new DurableObjectStub(namespace, name, id, id, open, carriers, options, resume);
  }

  /**
   * The id of the object. For a stub got by name it is derived from the namespace's unique key,
   * which may have to be fetched first; see {@link DurableObjectNamespace#idFromName}.
   */
  public DurableObjectId id() {
    if (givenId != null) {
      return givenId;
    }
    if (name == null) {
      throw new AssertionError("a stub has a name or an id");
    }
    return namespace.idFromName(name);
  }

  /** The name of the object, if the stub was got by name or with an id that knows its name. */
  public Optional<String> name() {
    return Optional.ofNullable(name);
  }

  /**
   * This stub as a gRPC channel: every stub that gRPC generates for the namespace's service works
   * on it, blocking, future or asynchronous, interceptors included. A call takes its place in the
   * order when its request has been given, which the generated stubs do before they return.
   *
   * <p>Headers become the invocation's metadata; several values of a key are joined by commas. A
   * call fails with {@link Reasons#CALL_REFUSED} and breaks nothing if its method isn't unary
   * ({@code UNIMPLEMENTED}), if it brings call credentials ({@code UNIMPLEMENTED}; put them on the
   * channel under the stub), if a header's key begins with {@code grpc-} or {@code seriatim-} and
   * isn't {@link #IDEMPOTENCY_KEY}, if a text value isn't printable ASCII, or if a binary key has
   * several values ({@code INVALID_ARGUMENT}). Other {@code CallOptions} than deadline and executor
   * have no effect.
   */
  public Channel channel() {
    return channel;
  }

  /**
   * Calls the object, without the layers of a generated stub.
   *
   * @return the response, or a {@code StatusRuntimeException} with a {@link CallFailure}. Its
   *     listeners run where outcomes are received, unless they bring an executor.
   */
  public <Q, R> ListenableFuture<R> call(MethodDescriptor<Q, R> method, Q request) {
    return call(method, request, CallOptions.DEFAULT);
  }

  /** The same, with a deadline from the options; see {@link #channel()} for what has an effect. */
  public <Q, R> ListenableFuture<R> call(
      MethodDescriptor<Q, R> method, Q request, CallOptions options) {
    return call(method, request, options, NO_HEADERS);
  }

  /** The same, with headers; see {@link #channel()} for what they may be. */
  public <Q, R> ListenableFuture<R> call(
      MethodDescriptor<Q, R> method, Q request, CallOptions options, Metadata headers) {
    Map<String, String> metadata;
    try {
      metadata = CallMetadata.of(headers, session.options());
    } catch (IllegalArgumentException e) {
      return refused(Status.Code.INVALID_ARGUMENT, String.valueOf(e.getMessage()));
    }
    return call(method, request, options, metadata);
  }

  private <Q, R> ListenableFuture<R> call(
      MethodDescriptor<Q, R> method, Q request, CallOptions options, Map<String, String> metadata) {
    String refusal = refusal(method, options);
    if (refusal != null) {
      return refused(Status.Code.UNIMPLEMENTED, refusal);
    }
    Content argument = Messages.argument(method, request);
    Context context = Context.current();
    Throwable cancelled = context.cancellationCause();
    if (context.isCancelled() && !(cancelled instanceof TimeoutException)) {
      return Futures.immediateFailedFuture(
          CallFailure.contextCancelled(null, cancelled).toException());
    }
    DirectCall<R> call =
        new DirectCall<>(
            method,
            argument,
            Deadlines.earlier(options.getDeadline(), context.getDeadline()),
            metadata);
    channel.submit(call);
    if (!context.equals(Context.ROOT)) {
      call.cancelWith(context);
    }
    return call.future();
  }

  /** Why a stub can't make such a call; null if it can. */
  static @Nullable String refusal(MethodDescriptor<?, ?> method, CallOptions options) {
    if (method.getType() != MethodDescriptor.MethodType.UNARY) {
      return method.getFullMethodName()
          + " is "
          + Ascii.toLowerCase(method.getType().name()).replace('_', '-')
          + ", and a stub carries only unary methods";
    }
    if (options.getCredentials() != null) {
      return "call credentials have no place on a stub: put them on the channel under it";
    }
    return null;
  }

  private static <R> ListenableFuture<R> refused(Status.Code code, String message) {
    FailureCause cause = FailureCause.of(Reasons.CALL_REFUSED, code, message, false);
    return Futures.immediateFailedFuture(new CallFailure(cause).toException());
  }

  /** Whether the stub is broken. It isn't when it has been closed and all went well. */
  public boolean isBroken() {
    return session.isBroken();
  }

  /**
   * Whether the stub outlives its connection: it was got {@linkplain
   * DurableObjectNamespace#resumable() so}, and the host hasn't shown that it knows nothing of that
   * by opening the stub as any other.
   */
  public boolean isResumable() {
    return session.isResumable();
  }

  /** Why the stub is broken; empty if it isn't. */
  public Optional<FailureCause> breakCause() {
    return Optional.ofNullable(session.cause());
  }

  /**
   * Has this told once, with the cause, when the stub breaks: after its calls have failed, where
   * outcomes are received. At once, on this thread, if that has been. Never, if the stub ends
   * without breaking.
   */
  public void onBreak(Consumer<FailureCause> listener) {
    session.onBreak(listener);
  }

  /**
   * Lets no more calls in, and ends the stub when the calls made so far have been answered. Doesn't
   * wait for that. Later calls fail with {@link Reasons#STUB_CLOSED}. Does nothing on a stub that
   * is closed or broken.
   */
  @Override
  public void close() {
    session.close();
  }

  /**
   * Breaks the stub from this side, without waiting for outcomes. Calls that were sent have an
   * {@link Fate#UNKNOWN} fate, and the host doesn't start those that haven't started by the time it
   * hears of this. Does nothing on a stub that has ended.
   *
   * @param message why, for those whose calls fail
   */
  public void cancel(String message) {
    session.cancel(message);
  }

  /**
   * Waits until the stub has ended: closed with every call answered, or broken with every call
   * failed. Without {@link #close}, only a break ends it.
   *
   * @return false if the timeout passed before
   */
  public boolean awaitEnd(Duration timeout) throws InterruptedException {
    return session.awaitEnd(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
  }

  /** The namespace, and the name or the id. */
  @Override
  public String toString() {
    return "DurableObjectStub["
        + (name == null
            ? ObjectPath.byId(namespace.name(), String.valueOf(givenId))
            : ObjectPath.byName(namespace.name(), name))
        + "]";
  }
}
