package dev.seriatim.cluster;

import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.Announcement;

/** Decides which host has which slot, together with its like on the other hosts. */
interface Placer extends AutoCloseable {
  /** Where the slots are. May be asked before {@link #start}. */
  Routes routes();

  /**
   * Takes part from now on. Doesn't block.
   *
   * @param announcement what others are to know of this host, but for where it is a member
   */
  void start(Announcement announcement);

  /**
   * Hands over what this host has, and leaves.
   *
   * @throws InterruptedException if the calling thread is interrupted
   */
  void leave() throws InterruptedException;

  /** Whether this host is a member. */
  boolean isUp();

  @Override
  void close();

  /** Makes the one of a host. */
  interface Factory {
    /**
     * Makes it.
     *
     * @param slots the store's
     * @param host takes and gives this host's slots
     */
    Placer make(Slots slots, SlotHost host);
  }
}
