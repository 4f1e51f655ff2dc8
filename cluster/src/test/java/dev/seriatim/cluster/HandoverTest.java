package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What is done with slots before they go to another host, and when. */
final class HandoverTest {
  private static final long LIMIT = Duration.ofSeconds(2).toNanos();

  private final Busy objects = new Busy();
  private final Handover handover = new Handover(objects, Duration.ofSeconds(2));

  /** The objects of a host: busy as the test says. */
  private static final class Busy implements Handover.Objects {
    private final List<String> told = new ArrayList<>();
    private final Set<Integer> clients = new HashSet<>();
    private final Set<Integer> locals = new HashSet<>();

    @Override
    public void leave(Set<Integer> slots) {
      told.add("leave " + new TreeSet<>(slots));
    }

    @Override
    public void leaveWholly(Set<Integer> slots) {
      told.add("leave wholly " + new TreeSet<>(slots));
    }

    @Override
    public Set<Integer> busy(Set<Integer> slots, boolean withObjectsStubs) {
      Set<Integer> busy = new HashSet<>(clients);
      if (withObjectsStubs) {
        busy.addAll(locals);
      }
      busy.retainAll(slots);
      return busy;
    }

    @Override
    public void cutOff(Set<Integer> slots) {
      told.add("cut off " + new TreeSet<>(slots));
    }

    @Override
    public void stay(Set<Integer> slots) {
      told.add("stay " + new TreeSet<>(slots));
    }
  }

  @Test
  void aSlotWithNothingUnderWayIsAtRestAtOnce() {
    handover.begin(Set.of(7, 8), 0);
    assertThat(handover.look(0)).containsExactly(7, 8);
    assertThat(objects.told).containsExactly("leave [7, 8]", "leave wholly [7, 8]").inOrder();
    assertThat(handover.isIdle()).isTrue();
  }

  @Test
  void itWaitsForItsClientsAndThenForItsObjects() {
    objects.clients.add(7);
    objects.locals.add(7);
    handover.begin(Set.of(7), 0);
    assertThat(handover.look(1)).isEmpty();
    assertThat(objects.told).containsExactly("leave [7]");
    objects.clients.clear();
    assertThat(handover.look(2)).isEmpty();
    assertThat(objects.told).containsExactly("leave [7]", "leave wholly [7]").inOrder();
    objects.locals.clear();
    assertThat(handover.look(3)).containsExactly(7);
  }

  @Test
  void oneSlotDoesNotWaitForAnother() {
    objects.clients.add(7);
    handover.begin(Set.of(7, 8), 0);
    assertThat(handover.look(1)).containsExactly(8);
    assertThat(handover.isIdle()).isFalse();
  }

  @Test
  void whatTakesTooLongIsCutOffOnce() {
    objects.clients.add(7);
    handover.begin(Set.of(7), 0);
    assertThat(handover.look(LIMIT - 1)).isEmpty();
    assertThat(objects.told).containsExactly("leave [7]");
    assertThat(handover.look(LIMIT)).isEmpty();
    assertThat(handover.look(LIMIT + 1)).isEmpty();
    assertThat(objects.told)
        .containsExactly("leave [7]", "leave wholly [7]", "cut off [7]")
        .inOrder();
    objects.clients.clear();
    assertThat(handover.look(LIMIT + 2)).containsExactly(7);
  }

  @Test
  void aSlotThatStaysAfterAllIsForgotten() {
    objects.clients.add(7);
    handover.begin(Set.of(7), 0);
    handover.callOff(7);
    assertThat(handover.look(LIMIT)).isEmpty();
    assertThat(objects.told).containsExactly("leave [7]", "stay [7]").inOrder();
    handover.begin(Set.of(7), LIMIT);
    assertThat(handover.look(LIMIT + 1)).isEmpty();
    assertThat(objects.told).containsExactly("leave [7]", "stay [7]", "leave [7]").inOrder();
  }
}
