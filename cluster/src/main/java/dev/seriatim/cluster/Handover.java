package dev.seriatim.cluster;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Brings slots to rest before they go to another host. Decides what comes next, and has no thread
 * and no clock: whoever drives it says what time it is, and does what it says.
 *
 * <p>A slot first lets its stubs go, each behind the turn that it is in; only what other objects'
 * running turns wait for may begin there. When that is done, nothing begins there any more. When
 * that is over too, the slot is at rest. What takes longer than the limit is cut off.
 *
 * <p>For one thread.
 */
final class Handover {
  /** What is done with the objects of this host. */
  interface Objects {
    /** Stubs on these slots' objects end, but for those that objects have opened. */
    void leave(Set<Integer> slots);

    /** All stubs end, and nothing begins there any more. */
    void leaveWholly(Set<Integer> slots);

    /** In which of these slots something is under way. */
    Set<Integer> busy(Set<Integer> slots, boolean withObjectsStubs);

    /** Cuts off what runs there. */
    void cutOff(Set<Integer> slots);

    /** These slots stay after all. */
    void stay(Set<Integer> slots);
  }

  private final Objects objects;
  private final long limitNanos;

  /** Those that are leaving, and since when. */
  private final Map<Integer, Long> leaving = new HashMap<>();

  private final Set<Integer> wholly = new HashSet<>();
  private final Set<Integer> cutOff = new HashSet<>();

  /**
   * Nothing leaves yet.
   *
   * @param limit how long a turn may go on
   */
  Handover(Objects objects, Duration limit) {
    this.objects = objects;
    this.limitNanos = limit.toNanos();
  }

  /** Whether anything has to be looked at. */
  boolean isIdle() {
    return leaving.isEmpty();
  }

  /** These slots are to come to rest. */
  void begin(Set<Integer> slots, long now) {
    Set<Integer> added = new HashSet<>(slots);
    added.removeAll(leaving.keySet());
    added.forEach(slot -> leaving.put(slot, now));
    if (!added.isEmpty()) {
      objects.leave(added);
    }
  }

  /** This slot stays, wherever it had got. */
  void callOff(int slot) {
    leaving.remove(slot);
    wholly.remove(slot);
    cutOff.remove(slot);
    objects.stay(Set.of(slot));
  }

  /** Looks how far they are. Returns those that are at rest by now. */
  Set<Integer> look(long now) {
    Set<Integer> first = new HashSet<>(leaving.keySet());
    first.removeAll(wholly);
    if (!first.isEmpty()) {
      Set<Integer> quiet = new HashSet<>(first);
      quiet.removeAll(objects.busy(first, /* withObjectsStubs= */ false));
      first.stream().filter(slot -> isLate(slot, now)).forEach(quiet::add);
      if (!quiet.isEmpty()) {
        wholly.addAll(quiet);
        objects.leaveWholly(quiet);
      }
    }
    Set<Integer> rest = new HashSet<>(wholly);
    if (!rest.isEmpty()) {
      rest.removeAll(objects.busy(wholly, /* withObjectsStubs= */ true));
      wholly.removeAll(rest);
      leaving.keySet().removeAll(rest);
      cutOff.removeAll(rest);
    }
    Set<Integer> late = new HashSet<>();
    for (int slot : leaving.keySet()) {
      if (isLate(slot, now) && cutOff.add(slot)) {
        late.add(slot);
      }
    }
    if (!late.isEmpty()) {
      objects.cutOff(late);
    }
    return rest;
  }

  private boolean isLate(int slot, long now) {
    Long since = leaving.get(slot);
    return since != null && now - since >= limitNanos;
  }
}
