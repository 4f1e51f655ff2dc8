package dev.seriatim.service.object;

import dev.seriatim.service.HostLimits.QueueSize;
import java.util.concurrent.atomic.AtomicLong;

/** Counts what is queued in one place against its limit. Safe for any number of threads. */
final class QueueBudget {
  private final String place;
  private final QueueSize limit;
  private final AtomicLong invocations = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();

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
  int take(int count, long frameBytes) {
    // What doesn't fit is not counted, not even for a moment: others would be refused for it.
    long before =
        bytes.getAndUpdate(now -> now + frameBytes > limit.bytes() ? now : now + frameBytes);
    if (before + frameBytes > limit.bytes()) {
      return 0;
    }
    int fit = fit(invocations.getAndUpdate(now -> now + fit(now, count)), count);
    if (fit == 0) {
      release(0, frameBytes);
    }
    return fit;
  }

  private int fit(long now, int count) {
    return Math.clamp(limit.invocations() - now, 0, count);
  }

  void release(int count, long frameBytes) {
    invocations.addAndGet(-count);
    bytes.addAndGet(-frameBytes);
  }

  /** What an error says when something doesn't fit. */
  String refusal() {
    return "%s may have %,d invocations and %,d bytes queued; it has %,d and %,d"
        .formatted(place, limit.invocations(), limit.bytes(), invocations.get(), bytes.get());
  }
}
