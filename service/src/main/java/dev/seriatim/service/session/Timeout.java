package dev.seriatim.service.session;

import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import dev.seriatim.wire.Invocation;
import java.util.concurrent.TimeUnit;

/** How long an invocation may take, from its arrival to the end of its turn. */
public final class Timeout {
  /** Nearly a century: with more, sums of times on a ticker could overflow. */
  private static final long MAX_SECONDS = TimeUnit.DAYS.toSeconds(365 * 100);

  private Timeout() {}

  /**
   * The timeout in nanoseconds; 0 if it is below zero.
   *
   * @throws IllegalArgumentException if it isn't a valid duration
   */
  public static long nanos(Duration timeout) {
    Durations.checkValid(timeout);
    long seconds = Math.min(timeout.getSeconds(), MAX_SECONDS);
    return TimeUnit.SECONDS.toNanos(Math.max(0, seconds))
        + (timeout.getSeconds() < 0 ? 0 : Math.max(0, timeout.getNanos()));
  }

  /** The timeout of this invocation, for an error. */
  public static String describe(Invocation invocation) {
    Duration timeout = invocation.timeout();
    return timeout == null ? "none" : Durations.toString(timeout);
  }

  /** Why a stub breaks whose invocation waited for its turn until its time ran out. */
  public static BreakCause ranOutBeforeItsTurn(Invocation invocation) {
    return BreakCause.of(
            BreakReason.INVOCATION_TIMED_OUT,
            "invocation %d of %s had a timeout of %s, which ran out before its turn"
                .formatted(invocation.sequence(), invocation.method(), describe(invocation)))
        .blaming(invocation.sequence());
  }
}
