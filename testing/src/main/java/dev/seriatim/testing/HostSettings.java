package dev.seriatim.testing;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import java.time.Instant;
import java.util.function.Consumer;

/**
 * How a host under test is made. Immutable.
 *
 * @param objects adds the namespaces
 * @param more what else is set: limits, who calls, interceptors
 * @param clock what time it is when it starts
 * @param loopback whether it listens on 127.0.0.1, and not in the process
 */
record HostSettings(
    DurableObjectProvider objects,
    Consumer<DurableObjectHost.Builder> more,
    Instant clock,
    boolean loopback) {
  /** What time it is when a host starts, if nobody says so. */
  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  static HostSettings of(DurableObjectProvider objects) {
    return new HostSettings(objects, host -> {}, START, /* loopback= */ false);
  }

  HostSettings clockAt(Instant time) {
    return new HostSettings(objects, more, time, loopback);
  }

  HostSettings onLoopback() {
    return new HostSettings(objects, more, clock, /* loopback= */ true);
  }

  HostSettings with(Consumer<DurableObjectHost.Builder> further) {
    return new HostSettings(objects, more.andThen(further), clock, loopback);
  }
}
