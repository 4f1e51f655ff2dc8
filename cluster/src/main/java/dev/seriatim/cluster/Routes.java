package dev.seriatim.cluster;

import dev.seriatim.service.storage.Slots.HostRow;
import org.jspecify.annotations.Nullable;

/** Where the slots are. Any thread may call it, and no call blocks. */
interface Routes {
  /** Is told of other routes, by one thread at a time. Must not block. */
  interface Listener {
    /**
     * The slot has another host than before, or is nowhere, or its host's row says other things.
     */
    void changed(int slot);
  }

  /** The host that has this slot, this one or another; null if it isn't known. One array read. */
  @Nullable HostRow host(int slot);

  /**
   * Asks where the slot is, since the route is missing or may be wrong. It stays as it is until
   * then.
   */
  void ask(int slot);

  /**
   * This host has said that it doesn't have the slot. Forgets the route if it still is to that
   * host, and asks.
   */
  void wrong(int slot, HostRow host);

  /** Tells this listener from now on. */
  void listen(Listener listener);
}
