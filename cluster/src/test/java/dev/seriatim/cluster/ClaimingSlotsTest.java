package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.storage.Slots;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ClaimingSlotsTest {
  private final FakeStore store = new FakeStore();
  private final FakeStore.FakeSlots one = store.join("one");
  private final FakeStore.FakeSlots two = store.join("two");
  private final ClaimingSlots ones = new ClaimingSlots(one);
  private final ClaimingSlots twos = new ClaimingSlots(two);

  @AfterEach
  void close() {
    ones.close();
    twos.close();
    store.close();
  }

  @Test
  void takesAllSlotsInAFewTransactions() {
    await("1,024 takes", all(ones::take));

    assertThat(store.owned().get("one")).hasSize(Slots.COUNT);
    // One thousand would take seconds. How many there are is up to the scheduler.
    assertThat(store.transactions()).isLessThan(200);
  }

  @Test
  void takesWhatTheOwnerGives() {
    await("the first take", ones.take(7));
    CompletionStage<Void> take = twos.take(7);

    await("the give", ones.give(7));

    await("the second take", take);
    assertThat(two.has(7)).isTrue();
  }

  @Test
  void takesWhatADeadHostHad() {
    await("the first take", ones.take(7));
    CompletionStage<Void> take = twos.take(7);

    store.kill("one");
    store.bury("one");

    await("the second take", take);
  }

  @Test
  void goesOnWhenTheStoreIsThereAgain() {
    one.away(true);
    CompletionStage<Void> take = ones.take(7);
    CompletionStage<Void> give = ones.give(8);

    one.away(false);

    await("the take", take);
    await("the give", give);
  }

  @Test
  void cancelsWhatIsSuperseded() {
    await("the first take", twos.take(7));
    CompletionStage<Void> take = ones.take(7);

    await("the give", ones.give(7));

    assertThrows(CancellationException.class, () -> take.toCompletableFuture().join());
    await("the give of the owner", twos.give(7));
    assertThat(store.owned()).isEmpty();
  }

  @Test
  void cancelsWhatIsLeftWhenItIsClosed() {
    await("the first take", twos.take(7));
    CompletionStage<Void> take = ones.take(7);

    ones.close();

    assertThrows(CancellationException.class, () -> take.toCompletableFuture().join());
    assertThrows(CancellationException.class, () -> ones.take(8).toCompletableFuture().join());
  }

  private interface Wish {
    CompletionStage<Void> of(int slot);
  }

  private static CompletionStage<Void> all(Wish wish) {
    return CompletableFuture.allOf(
        IntStream.range(0, Slots.COUNT)
            .mapToObj(slot -> wish.of(slot).toCompletableFuture())
            .toArray(CompletableFuture[]::new));
  }

  private static void await(String what, CompletionStage<Void> stage) {
    try {
      stage.toCompletableFuture().orTimeout(20, SECONDS).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof TimeoutException) {
        throw new AssertionError(what + " never came", e);
      }
      throw e;
    }
  }
}
