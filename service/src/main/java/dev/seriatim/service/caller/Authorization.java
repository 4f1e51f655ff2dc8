package dev.seriatim.service.caller;

import dev.seriatim.service.Access;
import dev.seriatim.service.Authorizer;
import dev.seriatim.service.Caller;
import dev.seriatim.stub.DurableObjectId;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the {@link Authorizer} what callers may do, and knows the stubs for which the answer counts:
 * when it has changed for the worse, or the caller's credentials have run out or were taken back,
 * they end. Safe for any number of threads.
 */
public final class Authorization {
  private static final Logger logger = LoggerFactory.getLogger(Authorization.class);

  /** Null if whoever is known may do everything. */
  private final @Nullable Authorizer authorizer;

  private final InstantSource clock;
  private final ScheduledExecutorService timer;

  /**
   * Those that are open, if there is an authorizer, or their credentials may be taken back: they
   * are asked for again when something has changed.
   */
  private final Set<Admission> open = ConcurrentHashMap.newKeySet();

  /** How often the authorizer has changed. Written holding this. */
  private volatile int changes;

  /**
   * Asks this authorizer.
   *
   * @param clock by which credentials run out
   * @param timer runs each of its tasks on a thread that may be held up
   */
  public Authorization(
      @Nullable Authorizer authorizer, InstantSource clock, ScheduledExecutorService timer) {
    this.authorizer = authorizer;
    this.clock = clock;
    this.timer = timer;
    if (authorizer != null) {
      authorizer.onChange(this::changed);
    }
  }

  /**
   * A stub is about to be opened, or a call without one. {@link Admission#close} must follow.
   *
   * @param stays hears of it when it may not stay open; null if nobody has to
   */
  public Admission admit(Identity identity, Admission.@Nullable Stays stays) {
    Admission admission = new Admission(this, identity, stays);
    if (stays != null && (authorizer != null || identity.isRevocable())) {
      open.add(admission);
    }
    admission.begin();
    return admission;
  }

  void closed(Admission admission) {
    open.remove(admission);
  }

  private void changed() {
    synchronized (this) {
      changes = changes + 1;
    }
    open.forEach(Admission::askAgain);
  }

  /** Some credentials may not count any more. */
  void credentialsChanged() {
    open.forEach(Admission::lookAtCredentials);
  }

  /** A number that is another one when answers may be others. */
  int changes() {
    return changes;
  }

  Access ask(Caller caller, String namespace, DurableObjectId id) {
    if (authorizer == null) {
      return Access.all();
    }
    try {
      return authorizer.access(caller, namespace, id.name(), id);
    } catch (RuntimeException | Error e) {
      logger.warn("an authorizer threw, and the caller is refused", e);
      return Access.denied();
    }
  }

  /** For how long credentials still count that run out then; 0 if they don't. */
  Duration left(java.time.Instant until) {
    Duration left = Duration.between(clock.instant(), until);
    return left.isPositive() ? left : Duration.ZERO;
  }

  Future<?> after(Duration time, Runnable task) {
    return timer.schedule(task, nanos(time), TimeUnit.NANOSECONDS);
  }

  /** Up to a century, which is as good as for ever. */
  private static long nanos(Duration time) {
    Duration most = Duration.ofDays(36_500);
    return (time.compareTo(most) < 0 ? time : most).toNanos();
  }
}
