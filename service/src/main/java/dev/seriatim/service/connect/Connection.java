package dev.seriatim.service.connect;

import dev.seriatim.service.Caller;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import io.grpc.Attributes;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Connection;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.grpc.netty.shaded.io.netty.util.concurrent.FastThreadLocal;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One client's connection. It stands in the way of the connection's bytes until the client has said
 * that it speaks HTTP/2; from then on it knows its streams, and its {@link Arrivals} look at what
 * comes on them.
 *
 * <p>Belongs to the connection's event loop.
 */
final class Connection extends ChannelInboundHandlerAdapter {
  /** In the attributes of the connection's calls. */
  private static final Attributes.Key<Connection> ATTRIBUTE =
      Attributes.Key.create("dev.seriatim.connection");

  /** That whose bytes the thread is just reading, if it stands in their way. */
  private static final FastThreadLocal<@Nullable Connection> READING = new FastThreadLocal<>();

  /** For how long others wait until this one's client has spoken. */
  private static final long TAKING_MILLIS = 3;

  private final HostLimits limits;
  private final ArrivalBudget.Part budget;
  private final Channel channel;
  private final CallerCounts connectionsOfCallers;

  /**
   * How many calls each known caller has open here; none for the last one, maybe. Guarded by
   * itself, as are the next three.
   */
  private final Map<CallerCounts.Key, Integer> callsOfCallers = new HashMap<>(2);

  /** Who called last: the connection stays that caller's until another one calls. */
  private CallerCounts.@Nullable Key last;

  /**
   * Those of whom it is one too many; none mostly. It is about to close then, but its client may
   * still begin calls, and would have a connection that is counted as well as the next one.
   */
  private Set<CallerCounts.Key> refused = Set.of();

  private boolean closed;

  /** How many lanes its calls have open. */
  private final AtomicInteger lanes = new AtomicInteger();

  // Set once, when the client has said that it speaks HTTP/2.
  private @Nullable Http2Connection http2;
  private @Nullable Arrivals arrivals;

  /** Hears once that the connection has been taken in; null when it has. */
  private @Nullable Runnable taken;

  /** Hears who owns the stream of a call that begins later than its stream; null mostly. */
  private @Nullable Consumer<Arrivals.Owner> late;

  /**
   * A connection that was accepted.
   *
   * @param taken is run once, on the connection's event loop: when its client has said that it
   *     speaks HTTP/2, or some milliseconds have passed there, or it is closed
   */
  Connection(
      HostLimits limits,
      ArrivalBudget budget,
      CallerCounts connectionsOfCallers,
      Channel channel,
      Runnable taken) {
    this.limits = limits;
    this.taken = taken;
    this.connectionsOfCallers = connectionsOfCallers;
    this.budget = budget.part();
    this.channel = channel;
  }

  /** That of a call, or null if its transport has none. */
  static @Nullable Connection of(Attributes attributes) {
    return attributes.get(ATTRIBUTE);
  }

  // ---- until the client has said that it speaks HTTP/2

  @Override
  public void channelActive(ChannelHandlerContext context) {
    // A client may be far away, or say nothing: its thread has had the time for it by then.
    var _ = context.executor().schedule(this::takenIn, TAKING_MILLIS, TimeUnit.MILLISECONDS);
    var _ = context.fireChannelActive();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object bytes) {
    READING.set(this);
    try {
      var _ = context.fireChannelRead(bytes);
    } finally {
      READING.remove();
    }
    if (arrivals != null && !context.isRemoved()) {
      var _ = context.pipeline().remove(this);
    }
  }

  /**
   * The client that is just being read from has said that it speaks HTTP/2.
   *
   * @return the attributes that its calls shall have
   */
  static Attributes begin(Attributes attributes) {
    Connection connection = READING.get();
    if (connection == null || !connection.watch()) {
      return attributes;
    }
    return attributes.toBuilder().set(ATTRIBUTE, connection).build();
  }

  private void takenIn() {
    if (taken != null) {
      taken.run();
      taken = null;
    }
  }

  private boolean watch() {
    takenIn();
    ChannelHandlerContext context = channel.pipeline().context(Http2ConnectionHandler.class);
    if (context == null) {
      return false;
    }
    Http2ConnectionHandler handler = (Http2ConnectionHandler) context.handler();
    http2 = handler.connection();
    WaitingFrames.watch(http2);
    var _ =
        channel
            .pipeline()
            .addAfter(context.name(), "seriatim-writes", new PacedWrites(System::nanoTime));
    Arrivals watching = Arrivals.watch(limits, budget, handler, context);
    arrivals = watching;
    var _ = channel.closeFuture().addListener(_ -> watching.forgetAll());
    return true;
  }

  /** Whether it is this one's. Any thread. */
  boolean isOn(Channel other) {
    return channel.equals(other);
  }

  /** Its thread, which does what it is given when it has looked at its other connections. */
  Executor transport() {
    return channel.eventLoop();
  }

  // ---- its calls

  /** The stream that is just being opened is this one's. */
  void own(Arrivals.Owner owner) {
    if (late != null) {
      late.accept(owner);
    } else if (arrivals != null) {
      arrivals.own(owner);
    }
  }

  /**
   * A call begins now whose stream was opened before.
   *
   * @param owner hears whose it is
   */
  void begin(Consumer<Arrivals.Owner> owner, Runnable call) {
    late = owner;
    try {
      call.run();
    } finally {
      late = null;
    }
  }

  /** Why the call that is just being opened is one too many; null if it isn't. */
  @Nullable BreakCause oneTooMany() {
    int most = limits.connections().maxStubsPerConnection();
    return http2 == null || http2.numActiveStreams() + lanes.get() <= most
        ? null
        : BreakCause.of(
            BreakReason.OVERLOADED,
            "a connection may have %,d stubs open at a time, and this one has them"
                .formatted(most));
  }

  /**
   * A lane is opened on one of its calls. On any thread.
   *
   * @return why it is one too many; null if it isn't, and {@link #endLane} must follow
   */
  @Nullable BreakCause beginLane() {
    lanes.incrementAndGet();
    BreakCause refusal = oneTooMany();
    if (refusal != null) {
      endLane();
    }
    return refusal;
  }

  /** A lane has ended. On any thread. */
  void endLane() {
    lanes.decrementAndGet();
  }

  /**
   * A call of this caller begins. If that would make the connection one too many of the caller's,
   * and it is nobody else's, it closes when its calls are over; until then it stays one too many of
   * this caller's, whoever of its other connections ends.
   *
   * @return why it is one too many; null if it isn't, and {@link #endCall} must follow
   */
  @Nullable BreakCause beginCall(Caller caller) {
    if (!CallerCounts.isCounted(caller)) {
      return null;
    }
    CallerCounts.Key key = CallerCounts.Key.of(caller);
    synchronized (callsOfCallers) {
      if (!refused.contains(key)
          && (callsOfCallers.containsKey(key) || connectionsOfCallers.begin(caller))) {
        callsOfCallers.merge(key, 1, Integer::sum);
        if (!key.equals(last)) {
          leave(last);
          last = key;
        }
        return null;
      }
      if (callsOfCallers.isEmpty() && !refused.contains(key)) {
        refuse(key);
      }
    }
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "the caller '%s' may have %,d connections, and has them"
            .formatted(caller.name(), connectionsOfCallers.most()));
  }

  /** Closes, since it is one too many of this caller's. Holding the lock. */
  private void refuse(CallerCounts.Key caller) {
    if (refused.isEmpty()) {
      refused = new HashSet<>();
      transport().execute(this::close);
    }
    refused.add(caller);
  }

  /** By the pipeline, where HTTP/2 lets its calls come to their ends. */
  private void close() {
    var _ = channel.close();
  }

  /** One of this caller's calls has ended. */
  void endCall(Caller caller) {
    if (!CallerCounts.isCounted(caller)) {
      return;
    }
    CallerCounts.Key key = CallerCounts.Key.of(caller);
    synchronized (callsOfCallers) {
      callsOfCallers.merge(key, -1, Integer::sum);
      if (closed || !key.equals(last)) {
        leave(key);
      }
    }
  }

  /** It is closed; its calls may end after that. */
  void closed() {
    takenIn();
    synchronized (callsOfCallers) {
      closed = true;
      leave(last);
    }
  }

  /** The connection isn't this caller's any more, if it has no calls. Holding the lock. */
  private void leave(CallerCounts.@Nullable Key caller) {
    if (caller != null && callsOfCallers.remove(caller, 0)) {
      connectionsOfCallers.end(caller);
    }
  }

  /** What counts the memory that the connection's messages take before they are queued. */
  ArrivalBudget.Part budget() {
    return budget;
  }
}
