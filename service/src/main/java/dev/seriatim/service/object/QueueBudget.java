package dev.seriatim.service.object;

import dev.seriatim.service.HostLimits.QueueSize;

/** Counts what is queued in one place against its limit. Safe for any number of threads. */
final class QueueBudget {
  private final String place;
  private final QueueSize limit;

  // Guarded by this: what doesn't fit isn't counted even for a moment, or others would be refused
  // for it.
  private long invocations;
  private long bytes;

  /**
   * @param place what the limit is for, as an error says it: "the stub"
   */
  QueueBudget(String place, QueueSize limit) {
    this.place = place;
    this.limit = limit;
  }

  /**
   * Takes room for as many of a frame's invocations as the limit allows: all or some of them if the
   * bytes fit, none otherwise.
   *
   * @return how many fit; the bytes are taken if any do
   */
  synchronized int take(int count, long frameBytes) {
    int fit = Math.clamp(limit.invocations() - invocations, 0, count);
    if (fit == 0 || bytes + frameBytes > limit.bytes()) {
      return 0;
    }
    invocations += fit;
    bytes += frameBytes;
    return fit;
  }

  synchronized void release(int count, long frameBytes) {
    invocations -= count;
    bytes -= frameBytes;
  }

  /** What an error says when something doesn't fit. */
  synchronized String refusal() {
    return "%s may have %,d invocations and %,d bytes queued; it has %,d and %,d"
        .formatted(place, limit.invocations(), limit.bytes(), invocations, bytes);
  }
}
