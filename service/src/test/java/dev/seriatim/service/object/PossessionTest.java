package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

/** Who has an object, driven through what can happen to whoever has it. */
final class PossessionTest {
  /** An object with work, whose threads start as the test says. */
  private static final class Thing implements Possession.Owner {
    final List<String> happened = new ArrayList<>();

    /** What becomes of each thread that is to start: null if it starts. */
    final Queue<Throwable> failures = new ArrayDeque<>();

    int work;
    boolean canDrop = true;

    /** What comes in while the work is dropped. */
    int comesInMeanwhile;

    @Override
    public void startThread(boolean here) {
      Throwable failure = failures.poll();
      if (failure instanceof Error error) {
        happened.add("no thread");
        throw error;
      }
      happened.add(here ? "thread here" : "thread");
    }

    @Override
    public void dropWork(Throwable why) {
      if (!canDrop) {
        happened.add("can't drop");
        throw new OutOfMemoryError("nor for this");
      }
      happened.add("dropped");
      work = comesInMeanwhile;
      comesInMeanwhile = 0;
    }

    @Override
    public boolean hasWork() {
      return work > 0;
    }
  }

  private final Thing thing = new Thing();
  private final Possession possession = new Possession(thing);

  private void noThread(int times) {
    for (int i = 0; i < times; i++) {
      thing.failures.add(new OutOfMemoryError("no thread"));
    }
  }

  @Test
  void onlyOneHasIt() {
    assertThat(possession.take()).isTrue();
    assertThat(possession.take()).isFalse();
    assertThat(possession.isTaken()).isTrue();
    possession.giveBack();
    assertThat(possession.isTaken()).isFalse();
    assertThat(thing.happened).isEmpty();
    assertThat(possession.take()).isTrue();
  }

  @Test
  void whoGivesItBackHandsItOnIfSomethingHasComeIn() {
    assertThat(possession.take()).isTrue();
    thing.work = 1;
    possession.giveBack();
    assertThat(thing.happened).containsExactly("thread");
    assertThat(possession.take()).isFalse();
  }

  @Test
  void whoRestsHasItAgainIfSomethingHasComeIn() {
    assertThat(possession.take()).isTrue();
    assertThat(possession.giveBackAtRest()).isTrue();
    assertThat(possession.take()).isTrue();
    thing.work = 1;
    assertThat(possession.giveBackAtRest()).isFalse();
    assertThat(possession.take()).isFalse();
    assertThat(thing.happened).isEmpty();
  }

  @Test
  void withoutAThreadTheWorkIsDroppedAndItIsGivenBack() {
    assertThat(possession.take()).isTrue();
    thing.work = 2;
    noThread(1);
    possession.handOn(/* here= */ true);
    assertThat(thing.happened).containsExactly("no thread", "dropped").inOrder();
    assertThat(possession.take()).isTrue();
    possession.handOn(/* here= */ true);
    assertThat(thing.happened).containsExactly("no thread", "dropped", "thread here").inOrder();
  }

  @Test
  void whatComesInMeanwhileIsSeenTo() {
    assertThat(possession.take()).isTrue();
    thing.work = 1;
    thing.comesInMeanwhile = 1;
    noThread(2);
    possession.handOn(/* here= */ false);
    assertThat(thing.happened)
        .containsExactly("no thread", "dropped", "no thread", "dropped")
        .inOrder();
    assertThat(possession.isTaken()).isFalse();
  }

  @Test
  void ifNothingCanBeSaidItIsGivenBackAllTheSame() {
    assertThat(possession.take()).isTrue();
    thing.work = 1;
    thing.canDrop = false;
    noThread(1);
    possession.handOn(/* here= */ false);
    assertThat(thing.happened).containsExactly("no thread", "can't drop").inOrder();
    // The evictor takes each object now and then, and gives it back.
    assertThat(possession.take()).isTrue();
    possession.giveBack();
    assertThat(thing.happened).containsExactly("no thread", "can't drop", "thread").inOrder();
  }
}
