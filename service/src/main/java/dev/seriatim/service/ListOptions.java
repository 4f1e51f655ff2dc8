package dev.seriatim.service;

import org.jspecify.annotations.Nullable;

/**
 * Which entries {@link DurableObjectStorage#list(ListOptions)} gives, and in which order.
 *
 * <p>Starts from {@link #all()}; each method gives a copy with one thing changed:
 *
 * <pre>{@code
 * storage.list(ListOptions.all().prefix("order/").startAfter(lastSeen).limit(100));
 * }</pre>
 *
 * <p>All bounds hold at the same time. They compare keys by their bytes in UTF-8, and mean the same
 * whether or not the order is reversed: {@code start} is always the low end and {@code end} the
 * high end. Immutable, and so safe for any number of threads.
 */
public final class ListOptions {
  private static final ListOptions ALL =
      new ListOptions("", null, false, null, false, Integer.MAX_VALUE);

  private final String prefix;
  private final @Nullable String start;
  private final boolean startExclusive;
  private final @Nullable String end;
  private final boolean reverse;
  private final int limit;

  private ListOptions(
      String prefix,
      @Nullable String start,
      boolean startExclusive,
      @Nullable String end,
      boolean reverse,
      int limit) {
    this.prefix = prefix;
    this.start = start;
    this.startExclusive = startExclusive;
    this.end = end;
    this.reverse = reverse;
    this.limit = limit;
  }

  /** Every entry, in ascending order of the keys. */
  public static ListOptions all() {
    return ALL;
  }

  /** Only keys that begin with this. */
  public ListOptions prefix(String prefix) {
    return new ListOptions(prefix, start, startExclusive, end, reverse, limit);
  }

  /**
   * Only keys that are this one or greater.
   *
   * @throws IllegalArgumentException if {@link #startAfter} is set already
   */
  public ListOptions start(String key) {
    requireNoStart();
    return new ListOptions(prefix, key, false, end, reverse, limit);
  }

  /**
   * Only keys that are greater than this one.
   *
   * @throws IllegalArgumentException if {@link #start(String)} is set already
   */
  public ListOptions startAfter(String key) {
    requireNoStart();
    return new ListOptions(prefix, key, true, end, reverse, limit);
  }

  /** Only keys that are less than this one. */
  public ListOptions end(String key) {
    return new ListOptions(prefix, start, startExclusive, key, reverse, limit);
  }

  /** In descending order of the keys; a limit then keeps the greatest ones. */
  public ListOptions reverse() {
    return new ListOptions(prefix, start, startExclusive, end, true, limit);
  }

  /**
   * At most this many entries. Without it there is no limit, and the whole result is in memory at
   * once.
   *
   * @throws IllegalArgumentException if it is less than 1
   */
  public ListOptions limit(int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit " + limit + ", expected 1 or more");
    }
    return new ListOptions(prefix, start, startExclusive, end, reverse, limit);
  }

  /** What the keys begin with; empty if they may begin with anything. */
  public String prefix() {
    return prefix;
  }

  /** The low end, or null if there is none. */
  public @Nullable String start() {
    return start;
  }

  /** Whether the low end itself is left out. */
  public boolean isStartExclusive() {
    return startExclusive;
  }

  /** The high end, which is itself left out, or null if there is none. */
  public @Nullable String end() {
    return end;
  }

  /** Whether the order is descending. */
  public boolean isReverse() {
    return reverse;
  }

  /** The most entries to give; {@link Integer#MAX_VALUE} if there is no limit. */
  public int limit() {
    return limit;
  }

  private void requireNoStart() {
    if (start != null) {
      throw new IllegalArgumentException(
          "the low end is set already, expected one of start and startAfter");
    }
  }
}
