package dev.seriatim.service.session;

import dev.seriatim.service.HostLimits.QueueSize;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Counts what is queued in one place against its limit, and against those of the wider places that
 * it is in: a stub is in its object, an object in its host. Safe for any number of threads, none of
 * which waits for another: each frame is counted nine times.
 */
public final class QueueBudget {
  /** So many of the lower bits of {@link #counted} are for bytes, the others for invocations. */
  private static final int BYTE_BITS = 64 - Long.numberOfLeadingZeros(QueueSize.MOST_BYTES) + 1;

  private static final VarHandle COUNTED;

  static {
    try {
      COUNTED = MethodHandles.lookup().findVarHandle(QueueBudget.class, "counted", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String place;
  private final QueueSize limit;
  private final @Nullable QueueBudget wider;

  /**
   * Invocations and bytes in one number, written through the handle: what doesn't fit isn't counted
   * even for a moment, or others would be refused for it.
   */
  private volatile long counted;

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
    if (!takeBytesHere(more)) {
      return false;
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

  public long invocations() {
    return invocationsOf(counted);
  }

  public long bytes() {
    return bytesOf(counted);
  }

  /** Whether nothing is queued here. */
  public boolean isEmpty() {
    return counted == 0;
  }

  /** What an error says when something doesn't fit. */
  public String refusal() {
    return wider == null ? refusalHere() : refusalHere() + "; " + wider.refusal();
  }

  private int takeHere(int count, long frameBytes) {
    while (true) {
      long now = counted;
      int fit = Math.clamp(limit.invocations() - invocationsOf(now), 0, count);
      if (fit == 0 || frameBytes > limit.bytes() - bytesOf(now)) {
        return 0;
      }
      if (COUNTED.compareAndSet(this, now, now + number(fit, frameBytes))) {
        return fit;
      }
    }
  }

  private boolean takeBytesHere(long more) {
    while (true) {
      long now = counted;
      if (more > limit.bytes() - bytesOf(now)) {
        return false;
      }
      if (COUNTED.compareAndSet(this, now, now + more)) {
        return true;
      }
    }
  }

  private void releaseHere(int count, long frameBytes) {
    long _ = (long) COUNTED.getAndAdd(this, -number(count, frameBytes));
  }

  private String refusalHere() {
    long now = counted;
    return "%s may have %,d invocations and %,d bytes queued; it has %,d and %,d"
        .formatted(place, limit.invocations(), limit.bytes(), invocationsOf(now), bytesOf(now));
  }

  private static long number(int invocations, long bytes) {
    return ((long) invocations << BYTE_BITS) + bytes;
  }

  private static long invocationsOf(long number) {
    return (number - bytesOf(number)) >> BYTE_BITS;
  }

  /** The lower bits, with their sign. */
  private static long bytesOf(long number) {
    int others = Long.SIZE - BYTE_BITS;
    return number << others >> others;
  }
}
