package dev.seriatim.service.storage;

import dev.seriatim.service.ListOptions;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/**
 * The keys a list asks for, with the prefix folded into the bounds: {@code from} (in it unless
 * {@code fromExclusive}) up to {@code to} (not in it; null: no end).
 */
record Range(String from, boolean fromExclusive, @Nullable String to, boolean reverse, int limit) {
  static Range of(ListOptions options) {
    Keys.checkBound("prefix", options.prefix());
    Keys.checkBound("start", options.start());
    Keys.checkBound("end", options.end());
    Range range =
        withPrefix(options.prefix(), options.start(), options.isStartExclusive(), options.limit());
    String to = range.to;
    String end = options.end();
    if (end != null && (to == null || Keys.compare(end, to) < 0)) {
      to = end;
    }
    return new Range(range.from, range.fromExclusive, to, options.isReverse(), range.limit);
  }

  /**
   * Of those with this prefix the first ones behind a key.
   *
   * @param after null for the first of all
   */
  static Range behind(String prefix, @Nullable String after, int limit) {
    return withPrefix(prefix, after, /* startExclusive= */ true, limit);
  }

  private static Range withPrefix(
      String prefix, @Nullable String start, boolean startExclusive, int limit) {
    boolean started = start != null && Keys.compare(start, prefix) >= 0;
    return new Range(
        started && start != null ? start : prefix,
        started && startExclusive,
        Keys.endOfPrefix(prefix),
        /* reverse= */ false,
        limit);
  }

  boolean isEmpty() {
    if (to == null) {
      return false;
    }
    return Keys.compare(from, to) >= 0;
  }

  Range withLimit(int other) {
    return new Range(from, fromExclusive, to, reverse, other);
  }

  /** The part of the map that is in this range, in this range's order, without the limit. */
  <V> NavigableMap<String, V> of(NavigableMap<String, V> map) {
    NavigableMap<String, V> part =
        to == null
            ? map.tailMap(from, !fromExclusive)
            : map.subMap(from, !fromExclusive, to, false);
    return reverse ? part.descendingMap() : part;
  }
}
