package dev.seriatim.cluster;

import static java.util.Objects.requireNonNull;

import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.Announcement;
import org.jspecify.annotations.Nullable;

/** Has Pekko say which host has which slot. */
final class PekkoPlacer implements Placer {
  private final SlotCluster cluster;

  /** Null until it starts. */
  private volatile @Nullable Announcement announcement;

  PekkoPlacer(Slots slots, SlotHost host, JoinOptions options) {
    cluster =
        new SlotCluster(
            slots,
            host,
            new MembershipOptions(
                options.clusterHost(),
                options.clusterPort(),
                options.weight(),
                () -> requireNonNull(announcement),
                options.leaveLimit(),
                MembershipOptions.REBALANCE_INTERVAL,
                options.membershipTls()));
  }

  @Override
  public Routes routes() {
    return cluster.routes();
  }

  @Override
  public void start(Announcement said) {
    announcement = said;
    var _ = cluster.start();
  }

  @Override
  public void leave() throws InterruptedException {
    boolean _ = cluster.leave();
  }

  @Override
  public boolean isUp() {
    return cluster.isUp();
  }

  @Override
  public void close() {
    cluster.close();
  }
}
