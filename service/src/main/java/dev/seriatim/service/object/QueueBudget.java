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
    if (bytes.addAndGet(frameBytes) > limit.bytes()) {
      bytes.addAndGet(-frameBytes);
      return 0;
    }
    long over = invocations.addAndGet(count) - limit.invocations();
    if (over <= 0) {
      return count;
    }
    int fit = (int) Math.max(0, count - over);
    release(count - fit, fit == 0 ? frameBytes : 0);
    return fit;
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
