package dev.seriatim.cluster;

import dev.seriatim.cluster.SlotKeeper.Keepers;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.HostRow;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The membership of this host in the cluster of its store, the keepers of the slots that it has
 * there, and what it knows of where the others are. Any thread may call it.
 */
final class SlotCluster implements AutoCloseable {
  private final Slots slots;
  private final Keepers keepers;
  private final Membership membership;

  /**
   * @param slots what the store knows of slots and hosts
   * @param host what takes slots here and gives them up; isn't closed with this
   */
  SlotCluster(Slots slots, SlotHost host, MembershipOptions options) {
    this.slots = slots;
    this.keepers =
        new Keepers(
            slots, host, new HandOffs(), new LiveRoutes(), new AtomicReferenceArray<>(Slots.COUNT));
    this.membership = new Membership(options, keepers);
  }

  /**
   * Begins to join, and goes on with that until it is closed. To be called once.
   *
   * @return is completed when this host is up in the cluster for the first time
   */
  CompletionStage<Void> start() {
    slots.listen(new Watch());
    keepers.routes().hosts(slots.hosts());
    return membership.start();
  }

  private final class Watch implements Slots.Listener {
    @Override
    public void lost(Set<Integer> lost) {
      lost.forEach(keepers::lost);
    }

    @Override
    public void hostsChanged(List<HostRow> hosts) {
      keepers.routes().hosts(hosts);
      membership.rowsChanged(hosts);
    }
  }

  /** Whether this host is in the cluster, as far as it can see by itself. */
  boolean isUp() {
    return membership.isUp();
  }

  /** Where the slots are. */
  Routes routes() {
    return keepers.routes();
  }

  /**
   * Hands the slots over, a few at a time, and leaves the cluster. Blocks; the limit is among the
   * options.
   *
   * @return whether all was handed over in time, or there was nobody to hand it to
   */
  boolean leave() throws InterruptedException {
    return membership.leave();
  }

  /** Ends the membership at once, without a word to the others unless it has left. */
  @Override
  public void close() {
    membership.close();
  }
}
