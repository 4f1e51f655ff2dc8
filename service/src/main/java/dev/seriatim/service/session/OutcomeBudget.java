package dev.seriatim.service.session;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Counts the memory of the outcomes that wait in one place to be read by their clients, against its
 * limit and that of the wider place: an object is in its host. Safe for any number of threads.
 *
 * <p>Most stubs have nothing to count here as a rule: a stub says what it has only when that is
 * {@link #matters so much} away from what it said before.
 */
public final class OutcomeBudget {
  /** How much a stub may have beyond what it has said. */
  private static final int UNCOUNTED_BYTES = 4 << 10;

  private static final VarHandle BYTES;

  static {
    try {
      BYTES = MethodHandles.lookup().findVarHandle(OutcomeBudget.class, "bytes", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String place;
  private final long limit;
  private final @Nullable OutcomeBudget wider;

  /** Written through the handle. */
  private volatile long bytes;

  /**
   * A budget of its own, or within a wider one.
   *
   * @param place what the limit is for, as an error says it: "the host"
   */
  public OutcomeBudget(String place, long limit, @Nullable OutcomeBudget wider) {
    this.place = place;
    this.limit = limit;
    this.wider = wider;
  }

  /** Whether this change of what a stub has is worth to be counted. */
  static boolean matters(long change) {
    return change > UNCOUNTED_BYTES || change < -UNCOUNTED_BYTES;
  }

  /** Whether room for an outcome has to be taken before it is there. Others always fit. */
  static boolean mustReserve(long bytes) {
    return bytes > UNCOUNTED_BYTES;
  }

  /**
   * Whether those who have something here are to get no more before it is read: the last quarter is
   * for those who have nothing.
   */
  boolean isFull() {
    return bytes >= limit - limit / 4 || (wider != null && wider.isFull());
  }

  /** Counts so much more, or, if it is below zero, less. */
  void add(long change) {
    long _ = (long) BYTES.getAndAdd(this, change);
    if (wider != null) {
      wider.add(change);
    }
  }

  /** Counts so much more if it fits. What is alone always does. */
  boolean tryAdd(long more) {
    long before;
    do {
      before = bytes;
      if (before > 0 && before + more > limit) {
        return false;
      }
    } while (!BYTES.compareAndSet(this, before, before + more));
    if (wider == null || wider.tryAdd(more)) {
      return true;
    }
    long _ = (long) BYTES.getAndAdd(this, -more);
    return false;
  }

  public long bytes() {
    return bytes;
  }

  /** What an error says when something doesn't fit. */
  String refusal() {
    String here =
        "%s may have %,d bytes of unread outcomes; it has %,d".formatted(place, limit, bytes);
    return wider == null ? here : here + "; " + wider.refusal();
  }
}
