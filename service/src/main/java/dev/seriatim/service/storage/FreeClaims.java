package dev.seriatim.service.storage;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes every slot that is free. */
final class FreeClaims extends SlotClaims {
  private static final Logger LOGGER = LoggerFactory.getLogger(HostLease.class);

  private final HostLease lease;
  private final SlotTable table;
  private final Ownership ownership;
  private final PostgresStore store;

  /** Nothing is claimed before this, on the ticker; null if anything may be. */
  private @Nullable Long claimFrom;

  /** Slots that are this host's in the store, but not yet here; null if there are none. */
  private @Nullable Claimed claimed;

  private boolean waiting;

  /**
   * Slots that were claimed while other hosts may think that they own them, which can only be if
   * the store went back in time.
   */
  private record Claimed(Map<Integer, Long> epochs, Doubts doubts) {
    long sum() {
      return epochs.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  FreeClaims(HostLease lease, SlotTable table, Ownership ownership, PostgresStore store) {
    this.lease = lease;
    this.table = table;
    this.ownership = ownership;
    this.store = store;
  }

  @Override
  void act(HostTable.View view, long now) throws SQLException {
    settle(view);
    if (view.owned() != known() || view.epochs() != knownEpochs()) {
      lease.dropLost();
      claimed = null;
    }
    if ((view.free() > 0 || view.owned() > known())
        && sharing(view) == null
        && (claimFrom == null || now - claimFrom >= 0)) {
      claimFrom = null;
      claim();
    }
    tell(view);
  }

  /** How many slots are this host's, as far as it knows. */
  private int known() {
    return ownership.owned() + (claimed == null ? 0 : claimed.epochs.size());
  }

  private long knownEpochs() {
    return ownership.epochs() + (claimed == null ? 0 : claimed.sum());
  }

  private static @Nullable String sharing(HostTable.View view) {
    for (HostTable.Peer peer : view.peers()) {
      if (peer.shares()) {
        return peer.other().host();
      }
    }
    return null;
  }

  private void claim() throws SQLException {
    SlotTable.Claim got;
    try {
      got = table.claim(lease.connected());
    } catch (SQLException e) {
      if (!SlotTable.isLocked(e)) {
        throw e;
      }
      // A commit that began under the last owner is still under way.
      lease.connected().rollback();
      return;
    }
    if (got == null) {
      return; // Buried, and the next renewal finds out; or a host of a cluster has come.
    }
    Map<Integer, Long> epochs = new HashMap<>(got.epochs());
    epochs.keySet().removeIf(slot -> ownership.tenure(slot) != null);
    Claimed taken = new Claimed(epochs, new Doubts(got.owners()));
    claimed = taken;
    if (taken.doubts.areOver()) {
      own(taken);
    }
  }

  /** Whoever thought that it owned what was claimed here knows better by now, or is gone. */
  private void settle(HostTable.View view) throws SQLException {
    Claimed waits = claimed;
    if (waits != null) {
      waits.doubts.look(view.peers());
      if (waits.doubts.areOver()) {
        own(waits);
      }
    }
  }

  private void own(Claimed taken) throws SQLException {
    if (lease.own(taken.epochs)) {
      claimed = null;
    }
  }

  private void tell(HostTable.View view) {
    String sharing = sharing(view);
    String owner = view.owner();
    if (ownsAll()) {
      if (waiting) {
        waiting = false;
        LOGGER.info("this host owns all slots of {}", store);
      }
    } else if (sharing != null) {
      if (ownership.owned() == 0) {
        ownership.because("host " + sharing + " is one of a cluster, which this host is not in");
      }
      if (!waiting) {
        waiting = true;
        LOGGER.warn(
            "waiting for the hosts of a cluster that have {}, such as {}, to be gone: this host"
                + " is not in it",
            store,
            sharing);
      }
    } else if (owner != null) {
      if (ownership.owned() == 0) {
        ownership.because("host " + owner + " owns it");
      }
      if (!waiting) {
        waiting = true;
        LOGGER.warn(
            "waiting for host {}, which owns {} slots of {}, to give them up or to be gone",
            owner,
            ObjectKey.SLOTS - view.free() - view.owned(),
            store);
      }
    }
  }

  private boolean ownsAll() {
    return ownership.owned() == ObjectKey.SLOTS;
  }

  @Override
  boolean isWaiting(long now) {
    return !ownsAll();
  }

  @Override
  void work() {}

  @Override
  void failed(Throwable failure) {}

  @Override
  void joined() {}

  @Override
  void reconnected() {}

  @Override
  void lostAll() {
    claimed = null;
  }

  @Override
  void wentBack(@Nullable Long from) {
    claimed = null;
    claimFrom = from;
  }

  @Override
  public void close() {}
}
