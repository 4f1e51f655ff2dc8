package dev.seriatim.service.object;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.DurableObjectId;
import java.util.Set;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** Which slots are about to go to another host. Safe for any number of threads. */
final class Departures {
  private static final int STAYS = 0;

  /** Only what other objects' turns wait for begins there. */
  private static final int LEAVES = 1;

  /** Nothing begins there. */
  private static final int LEFT = 2;

  private final AtomicIntegerArray slots = new AtomicIntegerArray(Slots.COUNT);

  void leave(Set<Integer> leaving) {
    leaving.forEach(slot -> slots.set(slot, LEAVES));
  }

  void left(Set<Integer> gone) {
    gone.forEach(slot -> slots.set(slot, LEFT));
  }

  void stay(Set<Integer> staying) {
    staying.forEach(slot -> slots.set(slot, STAYS));
  }

  boolean stays(int slot) {
    return slots.get(slot) == STAYS;
  }

  /**
   * Whether a stub may be open on this object.
   *
   * @param local whether an object has opened it
   */
  boolean letsIn(DurableObjectId id, boolean local) {
    int state = slots.get(Slots.of(id));
    return state == STAYS || (local && state == LEAVES);
  }

  /** Why stubs end whose object goes to another host. Their edges go on with them there. */
  static BreakCause cause() {
    return BreakCause.of(BreakReason.OBJECT_MOVED, "the object goes to another host");
  }
}
