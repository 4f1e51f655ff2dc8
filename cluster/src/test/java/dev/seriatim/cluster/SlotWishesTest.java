package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import dev.seriatim.cluster.SlotWishes.Work;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

final class SlotWishesTest {
  private static final long MILLISECOND = 1_000_000;
  private static final long GATHERED = SlotWishes.GATHER.toNanos();

  private final SlotWishes wishes = new SlotWishes();

  @Test
  void gathersWhatComesTogether() {
    CompletableFuture<Void> first = wishes.take(7, 0);
    var _ = wishes.take(3, MILLISECOND);
    var _ = wishes.give(5, 2 * MILLISECOND);

    assertThat(wishes.nextAt()).isEqualTo(GATHERED);
    assertThat(wishes.next(GATHERED - 1)).isNull();
    Work work = next(GATHERED);
    assertThat(work.claim()).containsExactly(3, 7).inOrder();
    assertThat(work.give()).containsExactly(5);
    assertThat(wishes.nextAt()).isNull();

    done(work, Set.of(5), Set.of(3, 7), GATHERED);
    assertThat(first.isDone()).isTrue();
    assertThat(wishes.nextAt()).isNull();
  }

  @Test
  void triesAgainWhatWasNotGrantedLessAndLessOften() {
    CompletableFuture<Void> take = wishes.take(7, 0);
    var _ = wishes.take(8, 0);
    long now = GATHERED;
    done(next(now), Set.of(), Set.of(8), now);
    for (int expected : new int[] {50, 100, 200, 250, 250}) {
      assertThat(wishes.nextAt()).isEqualTo(now + expected * MILLISECOND);
      assertThat(wishes.next(now + expected * MILLISECOND - 1)).isNull();
      now += expected * MILLISECOND;
      Work work = next(now);
      assertThat(work.claim()).containsExactly(7);
      done(work, Set.of(), Set.of(), now);
    }
    now = requireNonNull(wishes.nextAt());
    done(next(now), Set.of(), Set.of(7), now);
    assertThat(take.isDone()).isTrue();
    assertThat(wishes.nextAt()).isNull();
  }

  @Test
  void doesNotHoldUpWhatIsNewForWhatIsTriedAgain() {
    var _ = wishes.take(7, 0);
    done(next(GATHERED), Set.of(), Set.of(), GATHERED);

    var _ = wishes.take(8, GATHERED);

    assertThat(next(2 * GATHERED).claim()).containsExactly(8);
    assertThat(next(GATHERED + 50 * MILLISECOND).claim()).containsExactly(7, 8);
  }

  @Test
  void stopsTakingWhatIsGiven() {
    CompletableFuture<Void> take = wishes.take(7, 0);
    done(next(GATHERED), Set.of(), Set.of(), GATHERED);

    CompletableFuture<Void> give = wishes.give(7, GATHERED);

    assertThat(take.isCancelled()).isTrue();
    Work work = next(2 * GATHERED);
    assertThat(work.claim()).isEmpty();
    assertThat(work.give()).containsExactly(7);
    done(work, Set.of(7), Set.of(), 2 * GATHERED);
    assertThat(give.isDone()).isTrue();
  }

  @Test
  void givesWhatWasClaimedMeanwhile() {
    var _ = wishes.take(7, 0);
    Work claiming = next(GATHERED);
    CompletableFuture<Void> give = wishes.give(7, GATHERED);

    done(claiming, Set.of(), Set.of(7), GATHERED);

    assertThat(give.isDone()).isFalse();
    assertThat(next(2 * GATHERED).give()).containsExactly(7);
  }

  @Test
  void asksOnceMoreForWhatWasGivenMeanwhile() {
    var _ = wishes.take(7, 0);
    Work claiming = next(GATHERED);
    var _ = wishes.give(7, GATHERED);
    CompletableFuture<Void> take = wishes.take(7, GATHERED);

    done(claiming, Set.of(), Set.of(7), GATHERED);

    assertThat(take.isDone()).isFalse();
    Work again = next(2 * GATHERED);
    assertThat(again.claim()).containsExactly(7);
    done(again, Set.of(), Set.of(7), 2 * GATHERED);
    assertThat(take.isDone()).isTrue();
  }

  @Test
  void cancelsAllInTheEnd() {
    CompletableFuture<Void> take = wishes.take(7, 0);
    CompletableFuture<Void> give = wishes.give(8, 0);

    wishes.cancelAll();

    assertThat(take.isCancelled()).isTrue();
    assertThat(give.isCancelled()).isTrue();
    assertThat(wishes.nextAt()).isNull();
  }

  private Work next(long now) {
    return requireNonNull(wishes.next(now));
  }

  private void done(Work work, Set<Integer> given, Set<Integer> claimed, long now) {
    wishes.done(work, given, claimed, now).forEach(wish -> wish.complete(null));
  }
}
