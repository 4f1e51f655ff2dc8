package dev.seriatim.stub;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.common.util.concurrent.SettableFuture;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.Context;
import io.grpc.Deadline;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Calls one object through a stub that is got anew when it breaks, and makes a call again where
 * that is safe.
 *
 * <pre>{@code
 * Retry retry = Retry.on(() -> namespace.getByName("foo")).build();
 * ListenableFuture<CounterValue> value =
 *     retry.call(stub -> CounterGrpc.newFutureStub(stub.channel()).increment(request));
 * }</pre>
 *
 * <p>A call is made again only if its {@link FailureCause} is retryable or overloaded, and only if
 * it had no effect: {@link Fate#NOT_EXECUTED}. One whose fate is {@link Fate#UNKNOWN} is made again
 * only through {@link #callIdempotent}. The pause before an attempt grows, and is longer where
 * there was too much to do. By default this goes on for a minute, which outlasts the restart of a
 * host; then, or when its own deadline comes first, the call fails as its last attempt did.
 *
 * <p><b>Order.</b> A call that is made again is made later, so calls that were made after it may be
 * executed before it. Where order counts, either wait for each call before making the next, or use
 * a {@link DurableObjectStub} by itself: when it breaks, make the calls that were {@link
 * Fate#NOT_EXECUTED} again, in their order, on a new stub. Without failures the order is that of
 * the calls.
 *
 * <p>Safe for any number of threads; no method blocks. Later attempts start on the scheduler's
 * thread, in the gRPC {@code Context} of the first, so what makes the calls must not block either:
 * a future stub, not a blocking one.
 */
public final class Retry implements AutoCloseable {
  /** Makes one call on the stub that it is given, and returns that call's future. */
  @FunctionalInterface
  public interface Call<R> {
    /** Makes the call. Run once for each attempt. */
    ListenableFuture<R> on(DurableObjectStub stub);
  }

  private final Supplier<DurableObjectStub> stubs;
  private final int maxAttempts;
  private final Duration giveUpAfter;
  private final Duration initialBackoff;
  private final Duration overloadedBackoff;
  private final Duration maxBackoff;
  private final @Nullable ScheduledExecutorService scheduler;
  private final DoubleSupplier random;
  private final Deadline.Ticker ticker;

  private final Object lock = new Object();

  @GuardedBy("lock")
  private @Nullable DurableObjectStub current;

  @GuardedBy("lock")
  private boolean closed;

  private Retry(Builder builder) {
    stubs = builder.stubs;
    maxAttempts = builder.maxAttempts;
    giveUpAfter = builder.giveUpAfter;
    initialBackoff = builder.initialBackoff;
    overloadedBackoff = builder.overloadedBackoff;
    maxBackoff = builder.maxBackoff;
    scheduler = builder.scheduler;
    random = builder.random;
    ticker = builder.ticker;
  }

  /**
   * Starts with the defaults.
   *
   * @param stubs gives a new stub on the object each time
   */
  public static Builder on(Supplier<DurableObjectStub> stubs) {
    return new Builder(stubs);
  }

  /** Makes a call, and makes it again if it had no effect and trying again may help. */
  public <R> ListenableFuture<R> call(Call<R> call) {
    return start(call, false);
  }

  /**
   * Makes a call that may well be executed twice, and makes it again also if it is unknown whether
   * it was executed.
   */
  public <R> ListenableFuture<R> callIdempotent(Call<R> call) {
    return start(call, true);
  }

  /** Closes the stub: calls made so far are finished, later ones fail, none is made again. */
  @Override
  public void close() {
    DurableObjectStub last;
    synchronized (lock) {
      closed = true;
      last = current;
    }
    if (last != null) {
      last.close();
    }
  }

  private <R> ListenableFuture<R> start(Call<R> call, boolean idempotent) {
    Attempts<R> attempts = new Attempts<>(call, idempotent);
    attempts.result.addListener(attempts::cancelWithResult, MoreExecutors.directExecutor());
    attempts.next();
    return attempts.result;
  }

  /** The stub in use; a new one if there is none, or if it is broken. */
  private DurableObjectStub stub() {
    synchronized (lock) {
      if (current == null || (current.isBroken() && !closed)) {
        current = stubs.get();
        if (closed) {
          current.close();
        }
      }
      return current;
    }
  }

  private boolean isClosed() {
    synchronized (lock) {
      return closed;
    }
  }

  private static boolean isSafe(CallFailure failure, boolean idempotent) {
    return switch (failure.fate()) {
      case NOT_EXECUTED -> true;
      case UNKNOWN -> idempotent;
      case COMPLETED -> false;
    };
  }

  /** A random part of the backoff, and more if there was too much to do. */
  private long pauseNanos(CallFailure failure, int failedAttempts) {
    double backoff =
        Math.min(
            (double) initialBackoff.toNanos() * Math.pow(2, failedAttempts - 1),
            (double) maxBackoff.toNanos());
    long longer = failure.overloaded() ? overloadedBackoff.toNanos() : 0;
    return Math.max(1, (long) (backoff * random.getAsDouble()) + longer);
  }

  /** One call and its attempts, of which one is under way at a time. */
  private final class Attempts<R> implements FutureCallback<R> {
    private final Call<R> call;
    private final boolean idempotent;
    private final SettableFuture<R> result = SettableFuture.create();
    private final Context context = Context.current();
    private volatile int made;
    private volatile @Nullable Deadline givesUp; // Set by the first failure.
    private volatile @Nullable ListenableFuture<R> underWay;

    Attempts(Call<R> call, boolean idempotent) {
      this.call = call;
      this.idempotent = idempotent;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // One attempt follows the other.
    void next() {
      if (result.isDone()) {
        return; // Cancelled while it waited.
      }
      made++;
      ListenableFuture<R> attempt;
      try {
        attempt = call.on(stub());
      } catch (RuntimeException e) {
        attempt = Futures.immediateFailedFuture(e);
      }
      underWay = attempt;
      cancelWithResult();
      Futures.addCallback(attempt, this, MoreExecutors.directExecutor());
    }

    void cancelWithResult() {
      ListenableFuture<R> attempt = underWay;
      if (result.isCancelled() && attempt != null) {
        attempt.cancel(true);
      }
    }

    @Override
    public void onSuccess(R value) {
      result.set(value);
    }

    @Override
    public void onFailure(Throwable thrown) {
      CallFailure failure = CallFailure.of(thrown).orElse(null);
      if (failure == null || !mayHelp(failure) || isClosed()) {
        result.setException(thrown);
        return;
      }
      long pause = pauseNanos(failure, made);
      if (timeLeft(failure) < pause) {
        result.setException(thrown);
        return;
      }
      ScheduledExecutorService timer = scheduler != null ? scheduler : SharedThreads.scheduler();
      try {
        ScheduledFuture<?> unused =
            timer.schedule(context.wrap(this::next), pause, TimeUnit.NANOSECONDS);
      } catch (RejectedExecutionException e) {
        thrown.addSuppressed(e);
        result.setException(thrown);
      }
    }

    private boolean mayHelp(CallFailure failure) {
      return (failure.retryable() || failure.overloaded())
          && isSafe(failure, idempotent)
          && made < maxAttempts;
    }

    /** In nanoseconds; of the time for all attempts, and of the call's own. */
    private long timeLeft(CallFailure failure) {
      Deadline last = givesUp;
      if (last == null) {
        last = Deadline.after(giveUpAfter.toNanos(), TimeUnit.NANOSECONDS, ticker);
        givesUp = last;
      }
      Deadline own = Deadlines.earlier(failure.deadline(), context.getDeadline());
      long left = last.timeRemaining(TimeUnit.NANOSECONDS);
      return own == null ? left : Math.min(left, own.timeRemaining(TimeUnit.NANOSECONDS));
    }
  }

  /** Makes a {@link Retry}. For one thread. */
  public static final class Builder {
    private final Supplier<DurableObjectStub> stubs;
    private int maxAttempts = Integer.MAX_VALUE;
    private Duration giveUpAfter = Duration.ofSeconds(60);
    private Duration initialBackoff = Duration.ofMillis(50);
    private Duration overloadedBackoff = Duration.ofSeconds(1);
    private Duration maxBackoff = Duration.ofSeconds(1);
    private @Nullable ScheduledExecutorService scheduler;
    private DoubleSupplier random = () -> ThreadLocalRandom.current().nextDouble();
    private Deadline.Ticker ticker = Deadline.getSystemTicker();

    private Builder(Supplier<DurableObjectStub> stubs) {
      this.stubs = stubs;
    }

    /**
     * How often a call is made at most, the first time included. At least 1. Default: as often as
     * there is time for.
     */
    @CanIgnoreReturnValue
    public Builder maxAttempts(int attempts) {
      maxAttempts = CountRange.atLeastOne("maxAttempts", attempts);
      return this;
    }

    /**
     * How long after its first failure a call is still made again. An attempt whose pause would end
     * later, or behind the call's own deadline, isn't made. Not negative. Default: 60 s, which
     * outlasts the restart of a host.
     */
    @CanIgnoreReturnValue
    public Builder giveUpAfter(Duration time) {
      giveUpAfter = DurationRange.notNegative("giveUpAfter", time);
      return this;
    }

    /**
     * The longest pause before the second attempt; it doubles with each attempt, up to {@link
     * #maxBackoff}. The pause is a random part of it, so that clients that failed together don't
     * come back together. At least 1 ms. Default: 50 ms.
     */
    @CanIgnoreReturnValue
    public Builder initialBackoff(Duration backoff) {
      initialBackoff = DurationRange.atLeastOneMilli("initialBackoff", backoff);
      return this;
    }

    /**
     * How much longer the pause is after a failure that is {@link FailureCause#overloaded()}. At
     * least 1 ms. Default: 1 s.
     */
    @CanIgnoreReturnValue
    public Builder overloadedBackoff(Duration backoff) {
      overloadedBackoff = DurationRange.atLeastOneMilli("overloadedBackoff", backoff);
      return this;
    }

    /** The longest that {@link #initialBackoff} grows to. At least 1 ms. Default: 1 s. */
    @CanIgnoreReturnValue
    public Builder maxBackoff(Duration backoff) {
      maxBackoff = DurationRange.atLeastOneMilli("maxBackoff", backoff);
      return this;
    }

    /** What starts later attempts. Default: one daemon thread for all of the process. */
    @CanIgnoreReturnValue
    public Builder scheduler(ScheduledExecutorService attemptScheduler) {
      scheduler = attemptScheduler;
      return this;
    }

    /** What tells the time, for tests. */
    @CanIgnoreReturnValue
    Builder ticker(Deadline.Ticker clock) {
      ticker = clock;
      return this;
    }

    /** The source of the jitter: numbers from 0 to 1. Default: a new random number each time. */
    @CanIgnoreReturnValue
    public Builder random(DoubleSupplier jitter) {
      random = jitter;
      return this;
    }

    /** The retry. */
    public Retry build() {
      return new Retry(this);
    }
  }
}
