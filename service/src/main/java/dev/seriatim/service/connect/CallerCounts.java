package dev.seriatim.service.connect;

import dev.seriatim.service.Caller;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Counts what each caller has of something, and lets it have so much. An anonymous one isn't
 * counted, for nobody can tell it from others. Safe for any number of threads.
 */
final class CallerCounts {
  private final int most;

  /** What those have who have anything. */
  private final ConcurrentMap<Key, Integer> counts = new ConcurrentHashMap<>();

  /** Who a caller is, whatever groups and claims it comes with today. */
  record Key(Caller.Kind kind, String name) {
    static Key of(Caller caller) {
      return new Key(caller.kind(), caller.name());
    }
  }

  /**
   * Counts.
   *
   * @param most how much a caller may have
   */
  CallerCounts(int most) {
    this.most = most;
  }

  /** Whether this caller is counted. */
  static boolean isCounted(Caller caller) {
    return caller.kind() != Caller.Kind.ANONYMOUS;
  }

  /** Counts one more. False if it is one too many, and nothing was counted. */
  boolean begin(Caller caller) {
    return !isCounted(caller) || begin(Key.of(caller));
  }

  private boolean begin(Key key) {
    int before = counts.getOrDefault(key, 0);
    while (before < most) {
      if (before == 0
          ? counts.putIfAbsent(key, 1) == null
          : counts.replace(key, before, before + 1)) {
        return true;
      }
      before = counts.getOrDefault(key, 0);
    }
    return false;
  }

  /** One that was counted has ended. */
  void end(Caller caller) {
    if (isCounted(caller)) {
      end(Key.of(caller));
    }
  }

  /** The same, of the caller with this key. */
  void end(Key key) {
    counts.computeIfPresent(key, (_, count) -> count == 1 ? null : count - 1);
  }

  /** How much a caller may have. */
  int most() {
    return most;
  }
}
