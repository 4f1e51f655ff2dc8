package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.cluster.TrunkBeats.Next;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TrunkBeatsTest {
  private final TrunkBeats beats = new TrunkBeats(/* askAfter= */ 2, /* giveUpAfter= */ 4);

  private List<Next> next(int times, boolean answers) {
    List<Next> all = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      all.add(beats.next(answers));
    }
    return all;
  }

  @Test
  void nothingIsSentWhileSomethingComes() {
    for (int i = 0; i < 10; i++) {
      beats.heard();
      assertThat(beats.next(true)).isEqualTo(Next.NOTHING);
    }
  }

  @Test
  void whoIsSilentIsGivenUpAfterTheOthersWereAsked() {
    beats.heard();
    assertThat(next(6, true))
        .containsExactly(
            Next.NOTHING, Next.BEAT, Next.BEAT, Next.BEAT_AND_ASK, Next.BEAT, Next.GIVE_UP)
        .inOrder();
  }

  @Test
  void aWordBeginsTheCountAnew() {
    for (int i = 0; i < 10; i++) {
      assertThat(next(4, true)).doesNotContain(Next.GIVE_UP);
      beats.heard();
      assertThat(beats.next(true)).isEqualTo(Next.NOTHING);
    }
  }

  @Test
  void whoDoesNotAnswerBeatsIsNotGivenUpForThat() {
    assertThat(next(100, false)).doesNotContain(Next.GIVE_UP);
    assertThat(beats.next(true)).isEqualTo(Next.GIVE_UP);
  }
}
