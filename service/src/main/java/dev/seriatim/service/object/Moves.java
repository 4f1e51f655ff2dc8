package dev.seriatim.service.object;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.DurableObjectId;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

/**
 * What becomes of the objects and stubs of a host when slots go to other hosts, or come back from
 * them. It only does what it is told: who decides about slots is elsewhere. Safe for any number of
 * threads.
 */
public final class Moves {
  private final Departures departures = new Departures();
  private final OpenStubs stubs;

  /** The live objects of the host, as they are at the moment. */
  private final Collection<LiveObject> objects;

  Moves(OpenStubs stubs, Collection<LiveObject> objects) {
    this.stubs = stubs;
    this.objects = objects;
  }

  /**
   * The objects of these slots are about to go to another host: every stub on them that no object
   * has opened breaks when the turn that it is in has ended, and so does every one that is opened
   * from now on; and no alarm begins.
   */
  public void leave(Set<Integer> slots) {
    departures.leave(slots);
    stubs.breakOfClients(id -> slots.contains(Slots.of(id)), Departures.cause());
  }

  /** Breaks also the stubs that objects have opened: nothing begins there any more. */
  public void leaveWholly(Set<Integer> slots) {
    departures.left(slots);
    stubs.breakOfObjects(id -> slots.contains(Slots.of(id)), Departures.cause());
  }

  /**
   * In which of these slots something is under way: a stub is open, a turn runs or waits, or a
   * commit is on its way.
   *
   * @param withLocal whether the stubs count that objects have opened
   */
  public Set<Integer> busy(Set<Integer> slots, boolean withLocal) {
    Set<Integer> busy = new HashSet<>();
    stubs.forEachOfClients(stub -> busy.add(Slots.of(stub.objectId())));
    if (withLocal) {
      stubs.forEachOfObjects(stub -> busy.add(Slots.of(stub.objectId())));
    }
    for (LiveObject object : objects) {
      if (object.isAtWork()) {
        busy.add(Slots.of(object.id()));
      }
    }
    busy.retainAll(slots);
    return busy;
  }

  /** Cuts off what runs there. */
  public void cutOff(Set<Integer> slots) {
    cutOff(
        slots,
        BreakCause.of(
            BreakReason.OBJECT_MOVED,
            "the turn outlasted the time in which its object goes to another host"));
  }

  /** Another host has taken these slots: what is here of their objects is of no use any more. */
  public void lost(Set<Integer> slots) {
    BreakCause cause =
        BreakCause.of(BreakReason.OBJECT_RESET, "the object has been taken over by another host");
    stubs.breakOfClients(id -> slots.contains(Slots.of(id)), cause);
    cutOff(slots, cause);
  }

  private void cutOff(Set<Integer> slots, BreakCause cause) {
    for (LiveObject object : objects) {
      if (slots.contains(Slots.of(object.id()))) {
        object.cutOff().running(cause);
      }
    }
  }

  /** These slots are this host's, or may become so, and stay. */
  public void stay(Set<Integer> slots) {
    departures.stay(slots);
  }

  /**
   * Whether a stub may be opened on this object, if its slot is this host's.
   *
   * @param local whether an object opens it
   */
  public boolean letsIn(DurableObjectId id, boolean local) {
    return departures.letsIn(id, local);
  }

  /** Whether the object isn't about to go. */
  boolean stays(DurableObjectId id) {
    return departures.stays(Slots.of(id));
  }
}
