package dev.seriatim.service.storage;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The hosts that may think that they own what the store says is free, since it may have gone back
 * in time. Each of them knows better when it has beaten once more, in the store as it is now, and
 * has done what follows from what it found then; so it says of each beat which was the last one
 * that it was done with. Owned by the thread of the lease.
 */
final class Doubts {
  /**
   * @param sign what the host's row said at first
   * @param beat the first that it made after that; null if it has made none yet
   */
  private record Doubt(String sign, @Nullable Long beat) {}

  private Map<String, Doubt> doubts = new HashMap<>();

  Doubts(List<Beats.Other> others) {
    others.forEach(other -> doubts.put(other.host(), new Doubt(other.sign(), null)));
  }

  /** These are all the others that there are now. */
  void look(List<HostTable.Peer> peers) {
    Map<String, Doubt> left = new HashMap<>();
    for (HostTable.Peer peer : peers) {
      String host = peer.other().host();
      Doubt doubt = doubts.get(host);
      if (doubt != null && doubt.beat == null && !doubt.sign.equals(peer.other().sign())) {
        doubt = new Doubt(doubt.sign, peer.beat());
      }
      if (doubt != null && (doubt.beat == null || peer.done() < doubt.beat)) {
        left.put(host, doubt);
      }
    }
    doubts = left;
  }

  /** Whether all know better. */
  boolean areOver() {
    return doubts.isEmpty();
  }
}
