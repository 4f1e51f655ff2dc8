package dev.seriatim.cluster;

import dev.seriatim.service.storage.Slots;
import org.apache.pekko.actor.setup.Setup;

/** Brings the store's slots to what Pekko makes by itself in an actor system. */
final class SlotsSetup extends Setup {
  private final Slots slots;

  SlotsSetup(Slots slots) {
    this.slots = slots;
  }

  Slots slots() {
    return slots;
  }
}
