package dev.seriatim.stub;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The limits and times of a client, each with a default that suits most. Immutable.
 *
 * <p>All limits on calls hold for each stub by itself.
 */
public final class ClientOptions {
  private static final ClientOptions DEFAULTS = builder().build();

  /** A copy that nobody changes. */
  private final OptionValues values;

  private ClientOptions(OptionValues values) {
    this.values = new OptionValues(values);
  }

  /** The defaults. */
  public static ClientOptions defaults() {
    return DEFAULTS;
  }

  /** A builder that starts with the defaults. */
  public static Builder builder() {
    return new Builder(new OptionValues());
  }

  /** A builder that starts with these. */
  Builder toBuilder() {
    return new Builder(new OptionValues(values));
  }

  /**
   * With fewer frames than this unanswered, a call leaves at once in a frame of its own; otherwise
   * it waits, and leaves with others when an answer comes back. Calls that a listener makes while
   * the outcomes of one frame are handed out leave together: when all have been, or 64 calls wait,
   * or a millisecond later. Default: 4.
   */
  public int maxUnansweredFrames() {
    return values.limits.maxUnansweredFrames;
  }

  /** The most invocations in one frame. Default: 256. */
  public int maxFrameInvocations() {
    return values.limits.maxFrameInvocations;
  }

  /**
   * The most bytes in one frame, unless a single invocation is bigger: that one goes alone.
   * Default: 1 MiB. A host's own limit is 4 MiB by default. On a call of its own a stub sends more
   * than 128 KiB in several frames, which are answered, and counted as unanswered, as one.
   */
  public int maxFrameBytes() {
    return values.limits.maxFrameBytes;
  }

  /**
   * The size of the largest invocation, with its argument, method name and metadata. A larger one
   * fails with {@link Reasons#CALL_TOO_LARGE} and breaks nothing. Default: 4 MiB less 8 KiB, which
   * just fits a host's default limit on a frame.
   */
  public int maxInvocationBytes() {
    return values.limits.maxInvocationBytes;
  }

  /**
   * The most invocations that may wait to be sent. One more fails with {@link Reasons#BUFFER_FULL}
   * and breaks nothing. Default: 65,536.
   */
  public int maxBufferedInvocations() {
    return values.limits.maxBufferedInvocations;
  }

  /**
   * The most bytes that may wait to be sent. An invocation that would pass this fails with {@link
   * Reasons#BUFFER_FULL} and breaks nothing. Default: 64 MiB.
   */
  public long maxBufferedBytes() {
    return values.limits.maxBufferedBytes;
  }

  /** The largest frame taken from a host. A larger one breaks the stub. Default: 16 MiB. */
  public int maxInboundFrameBytes() {
    return values.limits.maxInboundFrameBytes;
  }

  /**
   * How long to wait for the host's word after a call's deadline has passed. The host tells of it
   * by breaking the stub, and nothing is unknown then. If it says nothing, that one call ends with
   * {@link Reasons#ANSWER_OVERDUE}, and the stub goes on. Default: 1 s.
   *
   * <p>A call that stands behind another one of its stub, which may still take its time, ends at
   * its deadline without this grace: the host can't tell before its turn comes.
   */
  public Duration deadlineGrace() {
    return values.deadlineGrace;
  }

  /**
   * How long it may take from a stub's first call until the host says that the stub is open: for a
   * connection, for room on it, which the other side may limit (many proxies allow 100 streams, and
   * each open stub is one), and for the host. Then the stub is broken with {@link
   * Reasons#OPEN_OVERDUE}. Default: 10 s.
   */
  public Duration openTimeout() {
    return values.openTimeout;
  }

  /**
   * How long a host may take to end a stub's call that has nothing left: the stub is closed and all
   * its calls are answered, or the host has told why it broke. Then the client ends the call, and
   * the stub is broken. Default: 10 s.
   */
  public Duration endTimeout() {
    return values.endTimeout;
  }

  /** How long to wait for the description of a namespace. Default: 10 s. */
  public Duration describeTimeout() {
    return values.describeTimeout;
  }

  /**
   * How long a connection with open stubs may be silent before it is probed; only for {@link
   * DurableObjects#connect}. Default: 30 s. gRPC makes it 10 s at least, which a Seriatim host
   * permits. If a proxy in between answers with {@code too_many_pings}, raise it: many permit only
   * 5 minutes.
   */
  public Duration keepAliveTime() {
    return values.keepAliveTime;
  }

  /**
   * How long a probe may stay unanswered before the connection is given up, which breaks all its
   * stubs; only for {@link DurableObjects#connect}. Default: 10 s.
   */
  public Duration keepAliveTimeout() {
    return values.keepAliveTimeout;
  }

  /**
   * The longest pause between two attempts to connect to a host that is gone; only for {@link
   * DurableObjects#connect}. gRPC's own pauses grow to two minutes. A fifth is added or taken off
   * at random. Default: 500 ms.
   */
  public Duration maxReconnectDelay() {
    return values.maxReconnectDelay;
  }

  /**
   * Over how many calls the stubs are spread, in turn: many stubs then share one call, on which
   * what they have to say travels together. It makes many objects faster by a multiple, and a stub
   * for each call cheap; it takes one stream of the connection, however many stubs there are. One
   * or two are enough for most. Default: 0, a call for each stub.
   *
   * <p>Nothing else changes, but that callbacks without an executor of their own run on {@link
   * Builder#executor} or, if there is none, on threads of this library. A host that doesn't know
   * shared calls is given a call for each stub, without an error.
   */
  public int sharedCalls() {
    return values.sharedCalls;
  }

  /**
   * How long a shared call stays open without a stub on it. Default: 10 s. Zero ends it with its
   * last stub.
   */
  public Duration sharedCallIdleTimeout() {
    return values.sharedCallIdleTimeout;
  }

  /**
   * Whether later stubs are opened right at the host that has their object, where the host that
   * they would go to has said which one that is. It saves the hop over that host. An object's host
   * is known when a stub was opened before on it, or on another whose id begins with the same bits;
   * for a stub that is got by name, the client must know the namespace's unique key for the latter:
   * see {@link DurableObjects#namespace(String, String)}. Default: false.
   *
   * <p>A route is forgotten when a stub that was opened by it is lost, can't be opened, or ends
   * with {@code UNAVAILABLE}; the next one goes the usual way. No call is repeated for that.
   */
  public boolean followRoutes() {
    return values.followRoutes;
  }

  /**
   * How many routes are remembered, each for the objects whose ids begin with the same bits.
   * Default: 1,024.
   */
  public int maxRoutes() {
    return values.maxRoutes;
  }

  /** How much one stub may send and have waiting. */
  CallLimits callLimits() {
    return values.limits;
  }

  @Nullable Function<String, ManagedChannel> routeChannels() {
    return values.routeChannels;
  }

  Supplier<Map<String, String>> invocationMetadata() {
    return values.invocationMetadata;
  }

  @Nullable Executor executor() {
    return values.executor;
  }

  ScheduledExecutorService scheduler() {
    return values.scheduler != null ? values.scheduler : SharedThreads.scheduler();
  }

  /** Where calls are completed that the receiver doesn't complete. */
  Executor callbackExecutor() {
    return values.executor != null ? values.executor : SharedThreads.callbacks();
  }

  /** Makes {@link ClientOptions}. For one thread. */
  public static final class Builder {
    private final OptionValues values;

    private Builder(OptionValues values) {
      this.values = values;
    }

    /** See {@link ClientOptions#maxUnansweredFrames()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxUnansweredFrames(int frames) {
      values.limits.maxUnansweredFrames = CountRange.atLeastOne("maxUnansweredFrames", frames);
      return this;
    }

    /** See {@link ClientOptions#maxFrameInvocations()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxFrameInvocations(int invocations) {
      values.limits.maxFrameInvocations = CountRange.atLeastOne("maxFrameInvocations", invocations);
      return this;
    }

    /** See {@link ClientOptions#maxFrameBytes()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxFrameBytes(int bytes) {
      values.limits.maxFrameBytes = CountRange.atLeastOne("maxFrameBytes", bytes);
      return this;
    }

    /** See {@link ClientOptions#maxInvocationBytes()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxInvocationBytes(int bytes) {
      values.limits.maxInvocationBytes = CountRange.atLeastOne("maxInvocationBytes", bytes);
      return this;
    }

    /** See {@link ClientOptions#maxBufferedInvocations()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxBufferedInvocations(int invocations) {
      values.limits.maxBufferedInvocations =
          CountRange.atLeastOne("maxBufferedInvocations", invocations);
      return this;
    }

    /** See {@link ClientOptions#maxBufferedBytes()}. At least {@code maxInvocationBytes}. */
    @CanIgnoreReturnValue
    public Builder maxBufferedBytes(long bytes) {
      values.limits.maxBufferedBytes = CountRange.atLeastOne("maxBufferedBytes", bytes);
      return this;
    }

    /** See {@link ClientOptions#maxInboundFrameBytes()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxInboundFrameBytes(int bytes) {
      values.limits.maxInboundFrameBytes = CountRange.atLeastOne("maxInboundFrameBytes", bytes);
      return this;
    }

    /** See {@link ClientOptions#deadlineGrace()}. Not negative. */
    @CanIgnoreReturnValue
    public Builder deadlineGrace(Duration grace) {
      values.deadlineGrace = DurationRange.notNegative("deadlineGrace", grace);
      return this;
    }

    /** See {@link ClientOptions#openTimeout()}. More than zero. */
    @CanIgnoreReturnValue
    public Builder openTimeout(Duration timeout) {
      values.openTimeout = DurationRange.positive("openTimeout", timeout);
      return this;
    }

    /** See {@link ClientOptions#endTimeout()}. More than zero. */
    @CanIgnoreReturnValue
    public Builder endTimeout(Duration timeout) {
      values.endTimeout = DurationRange.positive("endTimeout", timeout);
      return this;
    }

    /** See {@link ClientOptions#describeTimeout()}. More than zero. */
    @CanIgnoreReturnValue
    public Builder describeTimeout(Duration timeout) {
      values.describeTimeout = DurationRange.positive("describeTimeout", timeout);
      return this;
    }

    /** See {@link ClientOptions#keepAliveTime()}. More than zero. */
    @CanIgnoreReturnValue
    public Builder keepAliveTime(Duration time) {
      values.keepAliveTime = DurationRange.positive("keepAliveTime", time);
      return this;
    }

    /** See {@link ClientOptions#keepAliveTimeout()}. More than zero. */
    @CanIgnoreReturnValue
    public Builder keepAliveTimeout(Duration timeout) {
      values.keepAliveTimeout = DurationRange.positive("keepAliveTimeout", timeout);
      return this;
    }

    /** See {@link ClientOptions#maxReconnectDelay()}. At least 1 ms. */
    @CanIgnoreReturnValue
    public Builder maxReconnectDelay(Duration delay) {
      values.maxReconnectDelay = DurationRange.atLeastOneMilli("maxReconnectDelay", delay);
      return this;
    }

    /** See {@link ClientOptions#sharedCalls()}. Not negative. */
    @CanIgnoreReturnValue
    public Builder sharedCalls(int calls) {
      values.sharedCalls = CountRange.notNegative("sharedCalls", calls);
      return this;
    }

    /** See {@link ClientOptions#sharedCallIdleTimeout()}. Not negative. */
    @CanIgnoreReturnValue
    public Builder sharedCallIdleTimeout(Duration timeout) {
      values.sharedCallIdleTimeout = DurationRange.notNegative("sharedCallIdleTimeout", timeout);
      return this;
    }

    /** See {@link ClientOptions#followRoutes()}. */
    @CanIgnoreReturnValue
    public Builder followRoutes(boolean follow) {
      values.followRoutes = follow;
      return this;
    }

    /** See {@link ClientOptions#maxRoutes()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxRoutes(int routes) {
      values.maxRoutes = CountRange.atLeastOne("maxRoutes", routes);
      return this;
    }

    /**
     * Makes the channel to the address of a route, with {@link ClientOptions#followRoutes()}, such
     * as {@code "10.0.0.7:7070"}. It is called once for each address, when the first stub is opened
     * there; the channel is the client's, which shuts it down when no route and no stub needs it
     * any more. Default: a channel like the client's own, which only {@link DurableObjects#connect}
     * knows how to make.
     */
    @CanIgnoreReturnValue
    public Builder routeChannels(Function<String, ManagedChannel> channels) {
      values.routeChannels = channels;
      return this;
    }

    /**
     * Gives metadata that goes with every invocation beside the call's own headers: what travels
     * with a thread rather than with one call, such as a trace. Asked inside each caller's own
     * call, on the caller's thread; what it throws, the call throws. Values as in {@code
     * Invocation.metadata}. Default: none.
     */
    @CanIgnoreReturnValue
    public Builder invocationMetadata(Supplier<Map<String, String>> metadata) {
      values.invocationMetadata = metadata;
      return this;
    }

    /**
     * Where stubs receive their outcomes, and so where the listeners of direct calls and the
     * callbacks of asynchronous generated stubs run, unless they bring an executor. Default: the
     * channel's. A direct executor saves a change of threads, but then no callback may block, since
     * it holds up the whole connection.
     */
    @CanIgnoreReturnValue
    public Builder executor(Executor callbackExecutor) {
      values.executor = callbackExecutor;
      return this;
    }

    /**
     * What watches deadlines and ends. Default: one daemon thread for all clients of the process.
     */
    @CanIgnoreReturnValue
    public Builder scheduler(ScheduledExecutorService deadlineScheduler) {
      values.scheduler = deadlineScheduler;
      return this;
    }

    /**
     * The options.
     *
     * @throws IllegalArgumentException if a stub could have more unanswered than a host queues by
     *     its defaults, which are 65,536 invocations and 64 MiB, or if the largest invocation
     *     doesn't fit the buffer
     */
    public ClientOptions build() {
      values.limits.check();
      return new ClientOptions(values);
    }
  }
}
