package dev.seriatim.service.connect;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import java.util.concurrent.atomic.AtomicInteger;

/** Counts calls that are open, and lets in so many. Safe for any number of threads. */
public final class OpenCalls {
  private final int limit;
  private final AtomicInteger open = new AtomicInteger();

  /**
   * Counts calls.
   *
   * @param limit how many are let in at a time
   */
  public OpenCalls(int limit) {
    this.limit = limit;
  }

  /** Counts one more. False if there are too many, and nothing was counted. */
  boolean begin() {
    if (open.incrementAndGet() <= limit) {
      return true;
    }
    open.decrementAndGet();
    return false;
  }

  /** One that was counted has ended. */
  void end() {
    open.decrementAndGet();
  }

  /** How many are open. */
  public int open() {
    return open.get();
  }

  /** How many may be open. */
  public int limit() {
    return limit;
  }

  /** Why one more isn't let in. */
  BreakCause refusal() {
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "the host may have %,d stubs open at a time, and has them".formatted(limit));
  }
}
