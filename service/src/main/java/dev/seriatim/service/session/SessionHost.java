package dev.seriatim.service.session;

import dev.seriatim.service.HostLimits;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;

/**
 * What the sessions of a host use of it.
 *
 * @param limits the host's limits
 * @param ticker the host's clock, in nanoseconds
 * @param timer runs each of its tasks on a thread that may be held up
 * @param sessionMemory counts what is remembered of sessions
 * @param pulse flushes outcomes that have waited for long enough to leave with others
 */
public record SessionHost(
    HostLimits limits,
    LongSupplier ticker,
    ScheduledExecutorService timer,
    SessionMemory sessionMemory,
    Pulse pulse) {
  /** The host's clock, in nanoseconds. */
  public long nanos() {
    return ticker.getAsLong();
  }
}
