package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.errorprone.annotations.CheckReturnValue;

/**
 * The limits of what a host keeps for those who follow what happens in it, by {@code Tail} of its
 * admin service. Immutable; each {@code with} method gives a changed copy.
 *
 * @param maxTailers how many may follow at a time; default 16. One more is refused with {@code
 *     OVERLOADED}
 * @param maxEvents how many events may wait for one who reads slowly; default 4,096. What is more
 *     is left out, and counted
 * @param maxBytes how much memory these may take; default 4 MiB. The same holds
 */
@CheckReturnValue
public record TailLimits(int maxTailers, int maxEvents, long maxBytes) {
  private static final TailLimits DEFAULTS = new TailLimits(16, 4_096, 4 << 20);

  /** Checks each. */
  public TailLimits {
    positive("maxTailers", maxTailers);
    positive("maxEvents", maxEvents);
    positive("maxBytes", maxBytes);
  }

  private static void positive(String name, long value) {
    checkArgument(value > 0, "%s: %s, expected at least 1", name, value);
  }

  /** The defaults. */
  public static TailLimits defaults() {
    return DEFAULTS;
  }

  /** With this many {@link #maxTailers}. */
  public TailLimits withMaxTailers(int tailers) {
    return new TailLimits(tailers, maxEvents, maxBytes);
  }

  /** With this many {@link #maxEvents}. */
  public TailLimits withMaxEvents(int events) {
    return new TailLimits(maxTailers, events, maxBytes);
  }

  /** With this many {@link #maxBytes}. */
  public TailLimits withMaxBytes(long bytes) {
    return new TailLimits(maxTailers, maxEvents, bytes);
  }
}
