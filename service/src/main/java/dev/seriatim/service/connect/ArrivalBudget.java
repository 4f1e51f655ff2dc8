package dev.seriatim.service.connect;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the memory that messages take before they are queued, and shares the room for it among the
 * connections: half of it goes to whoever comes first, and of the other half each connection has an
 * equal part. So no connection, whatever it sends, can take what the others need. Safe for any
 * number of threads.
 */
final class ArrivalBudget {
  private final long limit;
  private final AtomicLong held = new AtomicLong();
  private final AtomicInteger holders = new AtomicInteger();

  /**
   * A budget.
   *
   * @param limit how many bytes there is room for
   */
  ArrivalBudget(long limit) {
    this.limit = limit;
  }

  /** Whether it has come to the part that is shared out. */
  private boolean isShort() {
    return held.get() > limit / 2;
  }

  /** How much is held. */
  long held() {
    return held.get();
  }

  /** That of one connection. */
  Part part() {
    return new Part();
  }

  /** What one connection holds. */
  final class Part {
    private final AtomicLong own = new AtomicLong();

    private Part() {}

    /**
     * More is held, or less. There is nothing to ask before, since the bytes are there already: who
     * finds that it {@link #isOver} lets some of them go.
     */
    void hold(long more) {
      if (more == 0) {
        return;
      }
      held.addAndGet(more);
      long now = own.addAndGet(more);
      if (now == more) {
        holders.incrementAndGet();
      } else if (now == 0) {
        holders.decrementAndGet();
      }
    }

    /** Whether the connection holds more than it may. */
    boolean isOver() {
      return isShort() && own.get() > limit / 2 / Math.max(1, holders.get());
    }

    /** Whether there is little room for anyone. */
    boolean isShort() {
      return ArrivalBudget.this.isShort();
    }

    /** What an error says when the connection may hold no more. */
    String refusal() {
      return "the host may have %,d bytes of frames on their way in; it has %,d, and %,d of them on"
              .formatted(limit, held.get(), own.get())
          + " this connection";
    }
  }
}
