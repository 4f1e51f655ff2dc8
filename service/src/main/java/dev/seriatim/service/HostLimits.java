package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;
import static dev.seriatim.service.DurationRange.positive;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Every limit of a host. Immutable. Passing one breaks the stub concerned, never its neighbours;
 * each says below with which reason.
 */
public final class HostLimits {
  private static final long HEAP_BYTES = Runtime.getRuntime().maxMemory();

  private final Duration turnLimit;
  private final int maxFrameBytes;
  private final QueueSize stubQueue;
  private final QueueSize objectQueue;
  private final QueueSize hostQueue;
  private final int maxUnreadOutcomeBytes;
  private final long stubOutcomeBytes;
  private final long objectOutcomeBytes;
  private final long hostOutcomeBytes;
  private final Duration drainLimit;
  private final Duration idleLimit;
  private final int maxInstances;
  private final int maxStubs;
  private final int maxStubsPerCaller;
  private final int maxStrayTurns;
  private final int maxSpinningTurns;
  private final ConnectionLimits connections;
  private final SessionLimits sessions;
  private final TailLimits tails;

  private HostLimits(Builder builder) {
    turnLimit = builder.turnLimit;
    maxFrameBytes = builder.maxFrameBytes;
    stubQueue = builder.stubQueue;
    objectQueue = builder.objectQueue;
    hostQueue = builder.hostQueue;
    maxUnreadOutcomeBytes = builder.maxUnreadOutcomeBytes;
    stubOutcomeBytes = builder.stubOutcomeBytes;
    objectOutcomeBytes = builder.objectOutcomeBytes;
    hostOutcomeBytes = builder.hostOutcomeBytes;
    drainLimit = builder.drainLimit;
    idleLimit = builder.idleLimit;
    maxInstances = builder.maxInstances;
    maxStubs = builder.maxStubs;
    maxStubsPerCaller =
        builder.maxStubsPerCaller == 0 ? Math.max(1, maxStubs / 2) : builder.maxStubsPerCaller;
    maxStrayTurns = builder.maxStrayTurns;
    maxSpinningTurns = builder.maxSpinningTurns;
    sessions = builder.sessions;
    tails = builder.tails;
    connections =
        builder.connections == null
            ? ConnectionLimits.defaults(HEAP_BYTES, maxStubs, maxFrameBytes)
            : builder.connections;
  }

  /** The defaults. */
  public static HostLimits defaults() {
    return builder().build();
  }

  /** A builder that starts from the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * How long a turn may take; default 60 s. A turn over it is cut off, with {@code
   * INVOCATION_TIMED_OUT}, and its instance is discarded.
   */
  public Duration turnLimit() {
    return turnLimit;
  }

  /**
   * The size of one frame from a client, in bytes; default 4 MiB. A frame over it breaks the stub
   * with {@code OVERLOADED}.
   */
  public int maxFrameBytes() {
    return maxFrameBytes;
  }

  /**
   * What one stub may have queued, waiting for its turns; default 65,536 invocations and 64 MiB. A
   * stub over it breaks with {@code OVERLOADED}.
   */
  public QueueSize stubQueue() {
    return stubQueue;
  }

  /**
   * What all stubs of one object may have queued; default 262,144 invocations and 256 MiB. The stub
   * that passes it breaks with {@code OVERLOADED}.
   */
  public QueueSize objectQueue() {
    return objectQueue;
  }

  /**
   * What all stubs of the host may have queued; default 1,048,576 invocations, and a quarter of the
   * largest heap. The stub that passes it breaks with {@code OVERLOADED}.
   */
  public QueueSize hostQueue() {
    return hostQueue;
  }

  /**
   * How many bytes of outcomes of one stub may wait for a client that doesn't read, as they are on
   * the wire; default 256 KiB. Over it, the stub's turns wait until the client reads again; nothing
   * breaks.
   */
  public int maxUnreadOutcomeBytes() {
    return maxUnreadOutcomeBytes;
  }

  /**
   * How much memory the outcomes of one stub may take, whatever they wait for, a commit or their
   * reader; default 4 MiB. Over it, the stub's turns wait until some have left; nothing breaks.
   */
  public long stubOutcomeBytes() {
    return stubOutcomeBytes;
  }

  /**
   * How much memory the outcomes of all stubs of one object may take; default a quarter of {@link
   * #hostOutcomeBytes}. Over three quarters of it, turns of those stubs wait that have outcomes
   * there. A turn whose outcome is large and doesn't fit has no effect, and breaks its stub with
   * {@code OVERLOADED}.
   */
  public long objectOutcomeBytes() {
    return objectOutcomeBytes;
  }

  /**
   * How much memory the outcomes of all stubs of the host may take; default an eighth of the
   * largest heap, but at least 32 MiB. What happens over it is the same.
   */
  public long hostOutcomeBytes() {
    return hostOutcomeBytes;
  }

  /**
   * How long a drain waits for turns to end, alarms among them, and for clients to read their last
   * frames; default 15 s. A turn that runs longer is cut off, with {@code OBJECT_RESET}; an alarm
   * runs again on the next host.
   */
  public Duration drainLimit() {
    return drainLimit;
  }

  /**
   * How long an instance may be idle; default 60 s. Once it is over, the instance is evicted: it
   * has no turn running and no commit pending, its stubs stay open, and the next turn gets a new
   * one.
   */
  public Duration idleLimit() {
    return idleLimit;
  }

  /**
   * How many instances may be live; default one for each 16 KiB of the largest heap, at least 1,024
   * and at most 100,000. Over it, some of those that have been idle for longest are evicted; if
   * none is found to be idle among 4,096, a stub that needs one more breaks with {@code
   * OVERLOADED}.
   */
  public int maxInstances() {
    return maxInstances;
  }

  /**
   * How many stubs may be open; default one for each 16 KiB of the largest heap, and 1,024 at
   * least. One more is refused with {@code OVERLOADED}. A call with a header is a stub; and as many
   * calls of other services, health for one, may be open beside. Stubs of the host's own objects
   * aren't counted.
   */
  public int maxStubs() {
    return maxStubs;
  }

  /**
   * How many stubs one caller who is known may have open, on all of its connections together;
   * default half of {@link #maxStubs}. One more is refused with {@code OVERLOADED}. Where the host
   * doesn't know who calls, that caller has no bound of its own.
   */
  public int maxStubsPerCaller() {
    return maxStubsPerCaller;
  }

  static int maxStubs(long heapBytes) {
    return Math.clamp(heapBytes / (16 << 10), 1024, 1 << 27);
  }

  static int maxInstances(long heapBytes) {
    return Math.clamp(heapBytes / (16 << 10), 1024, 100_000);
  }

  /**
   * How many turns that were cut off may still run, since their methods don't listen to an
   * interrupt; default four for each processor, but at least 16. Their threads can't be stopped.
   * While there are so many, a turn of a method that one of them is in breaks its stub with {@code
   * OVERLOADED}; other methods go on.
   */
  public int maxStrayTurns() {
    return maxStrayTurns;
  }

  /**
   * How many turns may spin: keep a thread of those that all virtual threads run on to themselves,
   * for long, while others wait for it; default four for each processor, but at least 16. The JVM
   * gets one more such thread for each. While there are so many, turns of the methods that they are
   * in wait for one of them to end; other methods go on.
   */
  public int maxSpinningTurns() {
    return maxSpinningTurns;
  }

  /** What clients may do before anything of theirs is queued. */
  public ConnectionLimits connections() {
    return connections;
  }

  /** What is remembered for stubs that can be resumed, and of idempotency keys. */
  public SessionLimits sessions() {
    return sessions;
  }

  /** What is kept for those who follow what happens in the host. */
  public TailLimits tails() {
    return tails;
  }

  /**
   * How much may queue.
   *
   * @param invocations how many invocations, at least 1, at most {@link #MOST_INVOCATIONS}
   * @param bytes how much memory frames and their invocations may take, at least 1, at most {@link
   *     #MOST_BYTES}
   */
  public record QueueSize(long invocations, long bytes) {
    /** 16,777,215: the highest limit that there can be. */
    public static final long MOST_INVOCATIONS = (1L << 24) - 1;

    /** One byte less than 256 GiB: the highest limit that there can be. */
    public static final long MOST_BYTES = (1L << 38) - 1;

    /** Checks that both are what a limit can be. */
    public QueueSize {
      checkArgument(
          invocations > 0 && invocations <= MOST_INVOCATIONS,
          "invocations: %s, expected 1 to %s",
          invocations,
          MOST_INVOCATIONS);
      checkArgument(
          bytes > 0 && bytes <= MOST_BYTES, "bytes: %s, expected 1 to %s", bytes, MOST_BYTES);
    }
  }

  /** Builds limits. Not safe for several threads. */
  public static final class Builder {
    private static final long MIB = 1 << 20;

    private Duration turnLimit = Duration.ofSeconds(60);
    private int maxFrameBytes = (int) (4 * MIB);
    private QueueSize stubQueue = new QueueSize(1 << 16, 64 * MIB);
    private QueueSize objectQueue = new QueueSize(1 << 18, 256 * MIB);
    private QueueSize hostQueue =
        new QueueSize(
            1 << 20,
            Math.clamp(Runtime.getRuntime().maxMemory() / 4, 64 * MIB, QueueSize.MOST_BYTES));
    private int maxUnreadOutcomeBytes = 256 << 10;
    private long stubOutcomeBytes = 4 * MIB;
    private long hostOutcomeBytes = Math.max(32 * MIB, Runtime.getRuntime().maxMemory() / 8);
    private long objectOutcomeBytes = hostOutcomeBytes / 4;
    private Duration drainLimit = Duration.ofSeconds(15);
    private Duration idleLimit = Duration.ofSeconds(60);
    private int maxInstances = HostLimits.maxInstances(HEAP_BYTES);
    private int maxStubs = HostLimits.maxStubs(HEAP_BYTES);

    /** Zero for half of all. */
    private int maxStubsPerCaller;

    private int maxStrayTurns = Math.max(16, 4 * Runtime.getRuntime().availableProcessors());
    private int maxSpinningTurns = maxStrayTurns;
    private @Nullable ConnectionLimits connections;
    private SessionLimits sessions = SessionLimits.defaults();
    private TailLimits tails = TailLimits.defaults();

    private Builder() {}

    /** Sets {@link HostLimits#turnLimit}. */
    @CanIgnoreReturnValue
    public Builder turnLimit(Duration limit) {
      turnLimit = positive("turnLimit", limit);
      return this;
    }

    /** Sets {@link HostLimits#maxFrameBytes}; 1 KiB to 256 MiB. */
    @CanIgnoreReturnValue
    public Builder maxFrameBytes(int bytes) {
      checkArgument(
          bytes >= 1024 && bytes <= 256 * MIB,
          "maxFrameBytes: %s, expected 1024 to 268435456",
          bytes);
      maxFrameBytes = bytes;
      return this;
    }

    /** Sets {@link HostLimits#stubQueue}. */
    @CanIgnoreReturnValue
    public Builder stubQueue(QueueSize size) {
      stubQueue = size;
      return this;
    }

    /** Sets {@link HostLimits#objectQueue}. */
    @CanIgnoreReturnValue
    public Builder objectQueue(QueueSize size) {
      objectQueue = size;
      return this;
    }

    /** Sets {@link HostLimits#hostQueue}. */
    @CanIgnoreReturnValue
    public Builder hostQueue(QueueSize size) {
      hostQueue = size;
      return this;
    }

    /** Sets {@link HostLimits#maxUnreadOutcomeBytes}; at least 1. */
    @CanIgnoreReturnValue
    public Builder maxUnreadOutcomeBytes(int bytes) {
      checkArgument(bytes > 0, "maxUnreadOutcomeBytes: %s, expected at least 1", bytes);
      maxUnreadOutcomeBytes = bytes;
      return this;
    }

    /** Sets {@link HostLimits#stubOutcomeBytes}; at least 1. */
    @CanIgnoreReturnValue
    public Builder stubOutcomeBytes(long bytes) {
      checkArgument(bytes > 0, "stubOutcomeBytes: %s, expected at least 1", bytes);
      stubOutcomeBytes = bytes;
      return this;
    }

    /** Sets {@link HostLimits#objectOutcomeBytes}; at least 1. */
    @CanIgnoreReturnValue
    public Builder objectOutcomeBytes(long bytes) {
      checkArgument(bytes > 0, "objectOutcomeBytes: %s, expected at least 1", bytes);
      objectOutcomeBytes = bytes;
      return this;
    }

    /** Sets {@link HostLimits#hostOutcomeBytes}; at least 1. */
    @CanIgnoreReturnValue
    public Builder hostOutcomeBytes(long bytes) {
      checkArgument(bytes > 0, "hostOutcomeBytes: %s, expected at least 1", bytes);
      hostOutcomeBytes = bytes;
      return this;
    }

    /** Sets {@link HostLimits#drainLimit}. */
    @CanIgnoreReturnValue
    public Builder drainLimit(Duration limit) {
      drainLimit = positive("drainLimit", limit);
      return this;
    }

    /** Sets {@link HostLimits#idleLimit}. */
    @CanIgnoreReturnValue
    public Builder idleLimit(Duration limit) {
      idleLimit = positive("idleLimit", limit);
      return this;
    }

    /** Sets {@link HostLimits#maxInstances}; at least 1. */
    @CanIgnoreReturnValue
    public Builder maxInstances(int instances) {
      checkArgument(instances > 0, "maxInstances: %s, expected at least 1", instances);
      maxInstances = instances;
      return this;
    }

    /** Sets {@link HostLimits#maxStubs}; at least 1. */
    @CanIgnoreReturnValue
    public Builder maxStubs(int stubs) {
      checkArgument(stubs > 0, "maxStubs: %s, expected at least 1", stubs);
      maxStubs = stubs;
      return this;
    }

    /** Sets {@link HostLimits#maxStubsPerCaller}; at least 1. */
    @CanIgnoreReturnValue
    public Builder maxStubsPerCaller(int stubs) {
      checkArgument(stubs > 0, "maxStubsPerCaller: %s, expected at least 1", stubs);
      maxStubsPerCaller = stubs;
      return this;
    }

    /** Sets {@link HostLimits#maxStrayTurns}; at least 1. */
    @CanIgnoreReturnValue
    public Builder maxStrayTurns(int turns) {
      checkArgument(turns > 0, "maxStrayTurns: %s, expected at least 1", turns);
      maxStrayTurns = turns;
      return this;
    }

    /** Sets {@link HostLimits#maxSpinningTurns}; at least 1. */
    @CanIgnoreReturnValue
    public Builder maxSpinningTurns(int turns) {
      checkArgument(turns > 0, "maxSpinningTurns: %s, expected at least 1", turns);
      maxSpinningTurns = turns;
      return this;
    }

    /** Sets {@link HostLimits#connections}. */
    @CanIgnoreReturnValue
    public Builder connections(ConnectionLimits limits) {
      connections = limits;
      return this;
    }

    /** Sets {@link HostLimits#sessions}. */
    @CanIgnoreReturnValue
    public Builder sessions(SessionLimits limits) {
      sessions = limits;
      return this;
    }

    /** Sets {@link HostLimits#tails}. */
    @CanIgnoreReturnValue
    public Builder tails(TailLimits limits) {
      tails = limits;
      return this;
    }

    /** The limits as set. */
    public HostLimits build() {
      return new HostLimits(this);
    }
  }
}
