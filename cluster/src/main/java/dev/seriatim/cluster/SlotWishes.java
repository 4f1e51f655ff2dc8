package dev.seriatim.cluster;

import com.google.common.collect.ImmutableSet;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Which slots this host wants to have and to get rid of, and when the store is asked for them: what
 * comes within {@link #GATHER} together, and what wasn't granted again, less and less often. It has
 * no thread and no clock. Isn't safe for several threads.
 */
final class SlotWishes {
  /** How long the first wish waits for others. */
  static final Duration GATHER = Duration.ofMillis(2);

  /** How long it takes until what wasn't granted is tried again, and how long that gets. */
  static final Duration FIRST_BACKOFF = Duration.ofMillis(50);

  static final Duration LAST_BACKOFF = Duration.ofMillis(250);

  /** What the store is to be asked for now. */
  record Work(ImmutableSet<Integer> give, ImmutableSet<Integer> claim) {}

  // In order, so that hosts lock slots in the same one.
  private final Map<Integer, CompletableFuture<Void>> takes = new TreeMap<>();
  private final Map<Integer, CompletableFuture<Void>> gives = new TreeMap<>();

  /** Those that the store wasn't asked for yet. */
  private final Set<Integer> fresh = new HashSet<>();

  private long freshAt;

  /** When the others are tried again; null if there are none. */
  private @Nullable Long retryAt;

  private long backoff = FIRST_BACKOFF.toNanos();

  /** A wish to take this slot. What is left of a wish to give it is cancelled. */
  CompletableFuture<Void> take(int slot, long now) {
    return wish(slot, takes, gives, now);
  }

  /** A wish to give this slot. What is left of a wish to take it is cancelled. */
  CompletableFuture<Void> give(int slot, long now) {
    return wish(slot, gives, takes, now);
  }

  private CompletableFuture<Void> wish(
      int slot,
      Map<Integer, CompletableFuture<Void>> wishes,
      Map<Integer, CompletableFuture<Void>> opposite,
      long now) {
    CompletableFuture<Void> superseded = opposite.remove(slot);
    if (superseded != null) {
      superseded.cancel(false);
    }
    if (fresh.isEmpty()) {
      freshAt = now + GATHER.toNanos();
    }
    fresh.add(slot);
    return wishes.computeIfAbsent(slot, any -> new CompletableFuture<>());
  }

  /** When there is work next; null if there is none. */
  @Nullable Long nextAt() {
    if (fresh.isEmpty()) {
      return retryAt;
    }
    return retryAt == null || freshAt - retryAt < 0 ? freshAt : retryAt;
  }

  /**
   * What has to be done now; null if there is nothing. What becomes of it is told to {@link #done}.
   */
  @Nullable Work next(long now) {
    boolean retry = retryAt != null && now - retryAt >= 0;
    if (!retry && (fresh.isEmpty() || now - freshAt < 0)) {
      return null;
    }
    Set<Integer> all = new HashSet<>(fresh);
    if (retry) {
      all.addAll(takes.keySet());
      all.addAll(gives.keySet());
      retryAt = null;
    }
    fresh.clear();
    return new Work(those(gives, all), those(takes, all));
  }

  private static ImmutableSet<Integer> those(
      Map<Integer, CompletableFuture<Void>> wishes, Set<Integer> slots) {
    return wishes.keySet().stream().filter(slots::contains).collect(ImmutableSet.toImmutableSet());
  }

  /**
   * What became of some work, and is tried again if it is still wanted.
   *
   * @return to be completed: they have come true
   */
  List<CompletableFuture<Void>> done(
      Work work, Set<Integer> given, Set<Integer> claimed, long now) {
    List<CompletableFuture<Void>> cameTrue = new ArrayList<>();
    // A slot whose wish was superseded meanwhile is fresh again, as what it is wished to be now.
    grant(gives, given, cameTrue);
    grant(takes, claimed, cameTrue);
    if (!cameTrue.isEmpty()) {
      backoff = FIRST_BACKOFF.toNanos();
    }
    if (isLeft(gives, work.give()) || isLeft(takes, work.claim())) {
      if (retryAt == null) {
        retryAt = now + backoff;
      }
      backoff = Math.min(2 * backoff, LAST_BACKOFF.toNanos());
    }
    return cameTrue;
  }

  private void grant(
      Map<Integer, CompletableFuture<Void>> wishes,
      Set<Integer> slots,
      List<CompletableFuture<Void>> cameTrue) {
    for (int slot : slots) {
      // One that is fresh was wished again meanwhile, after the opposite: the store may say either.
      CompletableFuture<Void> wish = fresh.contains(slot) ? null : wishes.remove(slot);
      if (wish != null) {
        cameTrue.add(wish);
      }
    }
  }

  private static boolean isLeft(Map<Integer, CompletableFuture<Void>> wishes, Set<Integer> slots) {
    return slots.stream().anyMatch(wishes::containsKey);
  }

  /** Cancels all wishes. */
  void cancelAll() {
    takes.values().forEach(wish -> wish.cancel(false));
    gives.values().forEach(wish -> wish.cancel(false));
    takes.clear();
    gives.clear();
    fresh.clear();
    retryAt = null;
  }
}
