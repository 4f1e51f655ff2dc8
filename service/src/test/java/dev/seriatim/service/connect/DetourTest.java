package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The order of a call's events, wherever each is done. */
final class DetourTest {
  /** One connection alone may hold half of it. */
  private static final long ROOM = 100;

  private final Detour detour = new Detour();
  private final Queue<Runnable> elsewhere = new ArrayDeque<>();
  private final Queue<Runnable> later = new ArrayDeque<>();
  private final List<String> done = new ArrayList<>();
  private final ArrivalBudget.Part budget = new ArrivalBudget(ROOM).part();

  private Detour.Event event(String... parts) {
    return new Detour.Event() {
      private int next;

      @Override
      public Detour.@Nullable Event run() {
        done.add(parts[next++]);
        return next == parts.length ? null : this;
      }
    };
  }

  private void put(Queue<Runnable> executor, Detour.Event event) {
    assertThat(detour.runOn(executor::add, budget, 10, event)).isNull();
  }

  /** Does what an executor was given last; it must have been given one thing. */
  private static void doNext(Queue<Runnable> executor) {
    assertThat(executor).hasSize(1);
    executor.remove().run();
  }

  @Test
  void whatNothingStandsBeforeIsDoneAtOnce() {
    detour.run(later::add, () -> done.add("a"));
    assertThat(done).containsExactly("a");
    assertThat(detour.isEmpty()).isTrue();
  }

  @Test
  void whatIsLeftOfAnEventIsDoneBeforeTheNext() {
    put(later, event("a", "b"));
    put(elsewhere, event("c"));
    detour.run(later::add, () -> done.add("d"));
    assertThat(done).isEmpty();
    doNext(later);
    assertThat(elsewhere).isEmpty();
    doNext(later);
    doNext(elsewhere);
    assertThat(detour.isEmpty()).isFalse();
    doNext(later);
    assertThat(done).containsExactly("a", "b", "c", "d").inOrder();
    assertThat(detour.isEmpty()).isTrue();
    assertThat(elsewhere).isEmpty();
    assertThat(later).isEmpty();
  }

  @Test
  void itsRoomIsTakenUntilAllOfItIsDone() {
    put(later, event("a", "b"));
    for (int i = 1; i < 5; i++) {
      put(later, event("more"));
    }
    assertThat(detour.runOn(later::add, budget, 10, event("too much"))).isNotNull();
    doNext(later);
    assertThat(detour.runOn(later::add, budget, 10, event("too much"))).isNotNull();
    doNext(later);
    put(later, event("fits again"));
    while (!later.isEmpty()) {
      doNext(later);
    }
    assertThat(done).doesNotContain("too much");
    assertThat(done).contains("fits again");
  }

  @Test
  void anEventThatThrowsHoldsUpNoOther() {
    put(
        later,
        () -> {
          throw new IllegalStateException("thrown by a test");
        });
    put(later, event("a"));
    doNext(later);
    doNext(later);
    assertThat(done).containsExactly("a");
    assertThat(detour.isEmpty()).isTrue();
  }

  @Test
  void whatNobodyTakesIsDoneInPlace() {
    Executor closed =
        _ -> {
          throw new RejectedExecutionException("closed by a test");
        };
    assertThat(detour.runOn(closed, budget, 10, event("a", "b"))).isNull();
    assertThat(done).containsExactly("a", "b").inOrder();
  }

  @Test
  void withoutAnExecutorAllIsDoneInPlace() {
    assertThat(detour.runOn(null, null, 10, event("a", "b"))).isNull();
    detour.run(null, () -> done.add("c"));
    assertThat(done).containsExactly("a", "b", "c").inOrder();
  }
}
