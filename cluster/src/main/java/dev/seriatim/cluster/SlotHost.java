package dev.seriatim.cluster;

import java.util.concurrent.CompletionStage;

/**
 * This host, as the keepers of its slots see it. Neither call blocks; any thread may make them.
 *
 * <p>The last call for a slot counts: a take ends what is left of a give of the same slot, and the
 * other way round. The stage of what was ended that way is cancelled.
 */
interface SlotHost {
  /**
   * Takes the slot, however long that lasts: the lease of a dead owner may have to run out, and the
   * store may be away.
   *
   * @return is completed when the slot is this host's
   */
  CompletionStage<Void> take(int slot);

  /**
   * Hands the slot off: all that is under way in it comes to its end, and then any host may take
   * it.
   *
   * @return is completed when it isn't this host's any more
   */
  CompletionStage<Void> give(int slot);
}
