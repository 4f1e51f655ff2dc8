package dev.seriatim.service.session;

import dev.seriatim.service.HostLimits.QueueSize;
import org.jspecify.annotations.Nullable;

/**
 * Counts what is queued in one place against its limit, and against those of the wider places that
 * it is in: a stub is in its object, an object in its host. Safe for any number of threads.
 */
public final class QueueBudget {
  private final String place;
  private final QueueSize limit;
  private final @Nullable QueueBudget wider;

  // Guarded by this: what doesn't fit isn't counted even for a moment, or others would be refused
  // for it.
  private long invocations;
  private long bytes;

  /**
   * The budget of the widest place.
   *
   * @param place what the limit is for, as an error says it: "the host"
   */
  public QueueBudget(String place, QueueSize limit) {
    this(place, limit, null);
  }

  /** The budget of a place within a wider one. */
  public QueueBudget(String place, QueueSize limit, @Nullable QueueBudget wider) {
    this.place = place;
    this.limit = limit;
    this.wider = wider;
  }

  /**
   * Takes room for as many of a frame's invocations as every limit allows: all or some of them if
   * the bytes fit, none otherwise.
   *
   * @return how many fit; the bytes are taken if any do
   */
  public int take(int count, long frameBytes) {
    int here = takeHere(count, frameBytes);
    if (here == 0 || wider == null) {
      return here;
    }
    int fit = wider.take(here, frameBytes);
    if (fit < here) {
      releaseHere(here - fit, fit == 0 ? frameBytes : 0);
    }
    return fit;
  }

  /** Takes room for something else than a frame, such as what one becomes when it is read. */
  public boolean takeBytes(long more) {
    synchronized (this) {
      if (bytes + more > limit.bytes()) {
        return false;
      }
      bytes += more;
    }
    if (wider == null || wider.takeBytes(more)) {
      return true;
    }
    releaseHere(0, more);
    return false;
  }

  /** Gives room back that was taken. */
  public void release(int count, long frameBytes) {
    releaseHere(count, frameBytes);
    if (wider != null) {
      wider.release(count, frameBytes);
    }
  }

  public synchronized long invocations() {
    return invocations;
  }

  public synchronized long bytes() {
    return bytes;
  }

  /** Whether nothing is queued here. */
  public synchronized boolean isEmpty() {
    return invocations == 0 && bytes == 0;
  }

  /** What an error says when something doesn't fit. */
  public String refusal() {
    return wider == null ? refusalHere() : refusalHere() + "; " + wider.refusal();
  }

  private synchronized int takeHere(int count, long frameBytes) {
    int fit = Math.clamp(limit.invocations() - invocations, 0, count);
    if (fit == 0 || bytes + frameBytes > limit.bytes()) {
      return 0;
    }
    invocations += fit;
    bytes += frameBytes;
    return fit;
  }

  private synchronized void releaseHere(int count, long frameBytes) {
    invocations -= count;
    bytes -= frameBytes;
  }

  private synchronized String refusalHere() {
    return "%s may have %,d invocations and %,d bytes queued; it has %,d and %,d"
        .formatted(place, limit.invocations(), limit.bytes(), invocations, bytes);
  }
}
