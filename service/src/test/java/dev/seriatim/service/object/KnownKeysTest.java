package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.storage.SessionId;
import org.junit.jupiter.api.Test;

/** Which idempotency keys the store may have. */
final class KnownKeysTest {
  private static final int MANY = 20_000;

  private final KnownKeys keys = new KnownKeys();

  private static SessionId key(int number) {
    return SessionId.ofKey("key " + number);
  }

  @Test
  void noneAreThereAtFirstAndTakeNothing() {
    assertThat(keys.mayHave(key(1))).isFalse();
    assertThat(keys.bytes()).isEqualTo(0);
  }

  @Test
  void allThatWereAddedMayBeThereAndFewOthers() {
    for (int i = 0; i < MANY; i++) {
      keys.add(key(i));
      assertThat(keys.mayHave(key(i))).isTrue();
    }
    int others = 0;
    for (int i = 0; i < MANY; i++) {
      assertWithMessage("key %s", i).that(keys.mayHave(key(i))).isTrue();
      others += keys.mayHave(key(MANY + i)) ? 1 : 0;
    }
    assertThat(others).isLessThan(MANY / 20);
  }

  @Test
  void theyTakeSomeBitsEach() {
    for (int i = 0; i < MANY; i++) {
      keys.add(key(i));
    }
    assertThat(keys.bytes()).isAtLeast(MANY);
    assertThat(keys.bytes()).isAtMost(8L * MANY);
  }
}
