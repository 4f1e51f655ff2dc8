package dev.seriatim.service.session;

import dev.seriatim.wire.Invocation;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Until when a stub's next invocation may wait for its turn. Made for a stub whose invocations have
 * timeouts.
 *
 * <p>A stub has one timer, and leaves it as it is while it will go off early enough: mostly each
 * deadline is later than the one before. When it goes off for nothing, it is set anew. So the more
 * invocations there are, the less each pays.
 *
 * <p>Guarded by the lock of its {@link OutcomeQueue}.
 */
final class TurnDeadline {
  private final OutcomeQueue outcomes;
  private final SessionHost host;

  /** The invocation that waits; null if none does that has a timeout. */
  private @Nullable Invocation waiting;

  private long deadlineNanos;

  private @Nullable Future<?> timer;
  private long timerNanos;

  TurnDeadline(OutcomeQueue outcomes, SessionHost host) {
    this.outcomes = outcomes;
    this.host = host;
  }

  /** This invocation waits for its turn, and for nothing else. */
  void await(Invocation invocation, long untilNanos) {
    waiting = invocation;
    deadlineNanos = untilNanos;
    setTimer();
  }

  /** Nothing waits any more. */
  void turnBegins() {
    waiting = null;
  }

  /** Nothing will wait ever again. */
  void close() {
    waiting = null;
    if (timer != null) {
      timer.cancel(false);
      timer = null;
    }
  }

  private void setTimer() {
    if (timer != null) {
      if (timerNanos - deadlineNanos <= 0) {
        return;
      }
      timer.cancel(false);
    }
    long at = deadlineNanos;
    timerNanos = at;
    timer =
        host.timer()
            .schedule(() -> outcomes.turnDeadline(at), at - host.nanos(), TimeUnit.NANOSECONDS);
  }

  /**
   * The timer that was set for this time has gone off.
   *
   * @return the invocation whose time has run out, or null if none has
   */
  @Nullable Invocation overdue(long atNanos) {
    if (atNanos == timerNanos) {
      timer = null;
    }
    if (waiting == null || host.nanos() - deadlineNanos >= 0) {
      return waiting;
    }
    setTimer();
    return null;
  }
}
