package dev.seriatim.cluster;

import dev.seriatim.service.storage.Slots;

/**
 * Neighbouring slots, which Pekko places together: a run of them is one of its shards. What it has
 * to write down for each move is then an eighth of what it would be with a shard for each slot, and
 * moves are about as fast as that is.
 */
final class SlotRun {
  /** How many slots a run has. All hosts of a cluster have to agree. */
  static final int SLOTS = 8;

  /** How many runs there are. */
  static final int COUNT = Slots.COUNT / SLOTS;

  private SlotRun() {}

  /** The run that this slot is in. */
  static int of(int slot) {
    return slot / SLOTS;
  }
}
