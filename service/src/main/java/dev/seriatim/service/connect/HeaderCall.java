package dev.seriatim.service.connect;

import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import com.google.rpc.Status;
import dev.seriatim.service.Caller;
import dev.seriatim.service.caller.Admission;
import dev.seriatim.service.caller.Authorization;
import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.caller.RefusedException;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.object.HostCounts;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * One unary call that names its object in a header.
 *
 * <p>gRPC calls the listener's methods one at a time, on the transport's thread; they only check
 * and enqueue, and never run the object's code. Once the invocation is under way, only the session
 * writes to the call.
 */
final class HeaderCall extends ServerCall.Listener<Argument> implements Attachment, Arrivals.Owner {
  private static final Logger logger = LoggerFactory.getLogger(HeaderCall.class);

  /** Says of a call that has a key whether it was executed now, or before. */
  private static final Metadata.Key<String> IDEMPOTENCY =
      Metadata.Key.of("seriatim-idempotency", Metadata.ASCII_STRING_MARSHALLER);

  private final ServerCall<Argument, EncodedFrame> call;
  private final ObjectMethod method;
  private final Placement placement;
  private final CountedStubs stubs;
  private final HostCounts counts;

  /** Among whose calls, and among whose stubs, it is counted; null if it isn't. */
  private final @Nullable Caller counted;

  // The transport thread's own.
  private @Nullable Namespace namespace;
  private @Nullable ObjectAddress address;
  private @Nullable StubCaller caller;
  private @Nullable Duration timeout;
  private Map<String, String> metadata = Map.of();
  private @Nullable Argument argument;
  private boolean refused;
  private @Nullable SessionInput session;

  // The session's writer's own.
  private @Nullable Broken broken;

  /** Written by the session's writer. */
  private volatile boolean sent;

  /** What the response says of the idempotency key; null if there is none. Written before that. */
  private volatile @Nullable String idempotency;

  /**
   * Serves a call that has just come.
   *
   * @param stubs counts those that are open
   * @param authorization says what callers may do; null if they may do everything
   * @param counts counts the calls that are refused
   */
  HeaderCall(
      ServerCall<Argument, EncodedFrame> call,
      Metadata headers,
      ObjectMethod method,
      KnownNamespaces namespaces,
      Placement placement,
      CountedStubs stubs,
      @Nullable Authorization authorization,
      HostCounts counts) {
    this.counts = counts;
    this.call = call;
    this.method = method;
    this.placement = placement;
    this.stubs = stubs;
    Connection connection = Connection.of(call.getAttributes());
    if (connection != null) {
      connection.own(this);
    }
    Caller from = Identity.current().caller();
    BreakCause tooMany = connection == null ? null : connection.oneTooMany();
    tooMany = tooMany == null ? stubs.begin(from, connection) : tooMany;
    this.counted = tooMany == null ? from : null;
    try {
      open(headers, namespaces, authorization, tooMany == null ? placement.refusal() : tooMany);
    } catch (BreakException e) {
      refuse(e.cause());
    } catch (RefusedException e) {
      refuse(BreakCause.of(e.refusal()));
    } catch (RuntimeException | Error e) {
      failed(e);
    }
  }

  private void open(
      Metadata headers,
      KnownNamespaces namespaces,
      @Nullable Authorization authorization,
      @Nullable BreakCause refusal)
      throws BreakException, RefusedException {
    if (refusal != null) {
      throw new BreakException(refusal);
    }
    ObjectAddress named = namespaces.resolve(ObjectHeader.read(headers));
    namespace = named.namespace();
    MethodTable methods = named.namespace().methods();
    if (authorization != null) {
      // However long it takes, it is one call of this caller: nobody has to hear that it is over.
      Admission admission = authorization.admit(Identity.current(), /* stays= */ null);
      admission.open(named.namespace().name(), named.id(), methods);
      caller = admission.stubCaller();
    }
    if (methods.find(method.fullName()) == null) {
      throw new BreakException(
          BreakCause.of(
              BreakReason.UNKNOWN_METHOD,
              "namespace %s has no method %s, expected one of %s"
                  .formatted(named.namespace().name(), method.fullName(), methods.serviceName())));
    }
    address = named;
    Deadline deadline = Context.current().getDeadline();
    if (deadline != null) {
      timeout = Durations.fromNanos(deadline.timeRemaining(TimeUnit.NANOSECONDS));
    }
    metadata = CallHeaders.metadata(headers);
    idempotency = metadata.containsKey(CallHeaders.IDEMPOTENCY_KEY) ? "recorded" : null;
    // Two, to see a second one, which there must not be.
    call.request(2);
  }

  // ---- the transport's thread

  @Override
  public void onMessage(Argument message) {
    if (refused) {
      return;
    }
    if (argument != null) {
      refuse(
          BreakCause.of(
              BreakReason.PROTOCOL_VIOLATION, "the call has a second message, expected one"));
    } else if (message.fault() != null) {
      refuse(message.fault());
    } else {
      argument = message;
    }
  }

  @Override
  public void onHalfClose() {
    if (argument == null) {
      refuse(
          BreakCause.of(BreakReason.PROTOCOL_VIOLATION, "the call has no message, expected one"));
    }
    if (refused || argument == null || address == null) {
      return;
    }
    try {
      SessionInput opened = placement.open(address, this, /* session= */ null);
      session = opened;
      opened.add(
          List.of(
              Invocation.of(
                  /* sequence= */ 1, method.fullName(), argument.bytes(), timeout, metadata)),
          argument.bytes().size());
      opened.halfClose();
    } catch (RuntimeException | Error e) {
      failed(e);
    }
  }

  @Override
  public boolean takesOneMessage() {
    return true;
  }

  @Override
  public int keptBytes() {
    return argument == null ? 0 : argument.bytes().size();
  }

  @Override
  public void overloaded(BreakCause cause) {
    if (session != null) {
      session.cancel();
    }
    refuse(cause);
  }

  private void refuse(BreakCause cause) {
    if (!refused) {
      refused = true;
      argument = null; // The client may keep the call open for as long as it likes.
      if (session == null) {
        counts.refused(namespace, cause);
      }
      StatusTrailers.close(call, cause.toStatusProto());
    }
  }

  /** Something threw that should not: there is no memory, say. The connection must go on. */
  private void failed(Throwable thrown) {
    refused = true;
    if (session != null) {
      session.cancel();
    }
    LoggingEventBuilder event = logger.atWarn().setCause(thrown);
    ObjectAddress called = address;
    if (called != null) {
      event = called.on(event);
    }
    event.addKeyValue("method", method.name()).log("a call with a header threw");
    try {
      call.close(io.grpc.Status.fromThrowable(thrown), new Metadata());
    } catch (IllegalStateException closed) {
      logger.debug("the call was closed before", closed);
    }
  }

  @Override
  public void onCancel() {
    ended();
    if (session != null) {
      session.cancel();
    }
  }

  @Override
  public void onComplete() {
    ended();
    if (session != null) {
      session.onDelivered();
    }
  }

  private void ended() {
    if (counted != null) {
      stubs.end(counted, Connection.of(call.getAttributes()));
    }
  }

  @Override
  public void onReady() {
    if (session != null) {
      session.onReady();
    }
  }

  // ---- called by the session, one thread at a time

  @Override
  public boolean isOnTransport() {
    return Connection.of(call.getAttributes()) != null;
  }

  @Override
  public @Nullable StubCaller caller() {
    return caller;
  }

  @Override
  public void replayed() {
    idempotency = "replayed";
  }

  @Override
  public String peer() {
    return PeerAddress.of(call.getAttributes());
  }

  @Override
  public boolean isReady() {
    return !sent || call.isReady(); // There is one outcome, and gRPC has room for one.
  }

  @Override
  public void send(List<Outcome> outcomes, @Nullable Broken last) {
    broken = last;
    sent = true;
    for (Outcome outcome : outcomes) {
      Metadata headers = new Metadata();
      String known = idempotency;
      if (known != null) {
        headers.put(IDEMPOTENCY, known);
      }
      call.sendHeaders(headers);
      Content message = outcome.message();
      call.sendMessage(EncodedFrame.ofBytes(message == null ? new byte[0] : message.toByteArray()));
    }
  }

  @Override
  public void close(Status end) {
    if (broken == null) {
      call.close(Statuses.of(end), new Metadata());
    } else {
      StatusTrailers.close(call, broken.getCause());
    }
  }
}
