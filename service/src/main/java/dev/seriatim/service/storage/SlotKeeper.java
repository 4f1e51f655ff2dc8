package dev.seriatim.service.storage;

import com.google.common.base.Ticker;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Takes slots for this host and holds the lease on them, in a PostgreSQL database that several
 * hosts share.
 *
 * <p>A host's lease is a row in {@code hosts} with the time, on the database's clock, when it runs
 * out. This host counts its lease on its own monotonic clock, from before the renewal was sent, and
 * so always thinks that it ends earlier than the others do. Who takes slots first removes the rows
 * of those hosts whose lease has run out, and then raises the epochs of the slots that belong to no
 * host any more, in one transaction.
 */
final class SlotKeeper implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(SlotKeeper.class.getName());

  /** Why a slot was lost that another host has. */
  static final String TAKEN_OVER = "it has been taken over by another host";

  private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

  private final PostgresStore store;
  private final Ownership ownership;
  private final String host;
  private final Ticker ticker;
  private final Duration lease;
  private final Duration renewal;
  private final Duration ownershipWait;
  private final Thread thread;

  @GuardedBy("this")
  private boolean closed;

  @GuardedBy("this")
  private boolean lookNow;

  // Owned by the starting thread, then by the keeper's thread, then by the closing thread.
  private @Nullable Connection connection;
  private boolean told;
  private boolean away;

  SlotKeeper(PostgresStore store, StorageOptions options, Ownership ownership, String host) {
    this.store = store;
    this.ownership = ownership;
    this.host = host;
    this.ticker = options.ticker();
    this.lease = options.lease();
    this.renewal = options.leaseRenewal();
    this.ownershipWait = options.ownershipWait();
    this.thread = Thread.ofPlatform().name("seriatim-lease").daemon().unstarted(this::run);
  }

  /** Takes all slots, and goes on to renew the lease. Waits for the hosts that own some. */
  void start() throws SQLException {
    long begun = System.nanoTime();
    while (true) {
      Others others = take();
      if (others == null) {
        break;
      }
      if (System.nanoTime() - begun > ownershipWait.toNanos()) {
        throw new StorageException(
            store
                + " is in use: host "
                + others.host
                + " owns "
                + others.slots
                + " slots, and has not given them up within "
                + ownershipWait.toSeconds()
                + " s (ownershipWait)");
      }
      pause(LOOK_AGAIN);
    }
    thread.start();
  }

  /** Gives the lease up, so that another host can take the slots at once. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    ownership.loseAll("the host is closed");
    if (connection != null) {
      try {
        update("DELETE FROM hosts WHERE host = ?");
        update("DELETE FROM commit_groups WHERE host = ?");
        connected().commit();
      } catch (SQLException e) {
        LOGGER.log(
            System.Logger.Level.WARNING,
            "the lease could not be given up; it runs out by itself: {0}",
            e.getMessage());
      }
      disconnect();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    while (pause(away ? LOOK_AGAIN : renewal)) {
      try {
        if (!renew() || ownership.owned() < ObjectKey.SLOTS) {
          take();
        }
        away = false;
      } catch (SQLException e) {
        disconnect();
        if (!away) {
          away = true;
          LOGGER.log(
              System.Logger.Level.WARNING, "the lease could not be renewed: {0}", e.getMessage());
        }
      }
    }
  }

  /** Renews the lease; false if another host has taken over. */
  private boolean renew() throws SQLException {
    long before = ticker.read();
    PreparedStatement update =
        connected()
            .prepareStatement(
                "UPDATE hosts SET lease_until = clock_timestamp() + ? * interval '1 millisecond'"
                    + " WHERE host = ?");
    try (update) {
      update.setLong(1, lease.toMillis());
      update.setString(2, host);
      boolean renewed = update.executeUpdate() == 1;
      connected().commit();
      if (renewed) {
        ownership.certainUntil(before + certainNanos());
      } else {
        ownership.loseAll(TAKEN_OVER);
        LOGGER.log(
            System.Logger.Level.WARNING,
            "another host has taken over; the objects of this one are reset");
      }
      return renewed;
    }
  }

  /**
   * Takes every slot that is free, and renews the lease.
   *
   * @return which other host owns some, or null if this host owns all
   */
  private @Nullable Others take() throws SQLException {
    try {
      return tryTake();
    } catch (SQLException e) {
      disconnect();
      throw e;
    }
  }

  private @Nullable Others tryTake() throws SQLException {
    long before = ticker.read();
    Connection open = connected();
    // First, because it waits for a renewal under way and then looks again.
    JdbcStore.execute(open, "DELETE FROM hosts WHERE lease_until <= clock_timestamp()");
    // In a fixed order, because commits lock several slots in that order.
    JdbcStore.execute(open, "SELECT slot FROM slots ORDER BY slot FOR UPDATE");
    try (PreparedStatement insert =
        open.prepareStatement(
            "INSERT INTO hosts (host, lease_until)"
                + " VALUES (?, clock_timestamp() + ? * interval '1 millisecond')"
                + " ON CONFLICT (host) DO UPDATE SET lease_until = excluded.lease_until")) {
      insert.setString(1, host);
      insert.setLong(2, lease.toMillis());
      insert.executeUpdate();
    }
    try (PreparedStatement raise =
        open.prepareStatement(
            "UPDATE slots SET epoch = epoch + 1, host = ?"
                + " WHERE host IS NULL OR host NOT IN (SELECT host FROM hosts)")) {
      raise.setString(1, host);
      raise.executeUpdate();
    }
    long[] epochs = new long[ObjectKey.SLOTS];
    Others others = null;
    try (PreparedStatement select = open.prepareStatement("SELECT slot, epoch, host FROM slots");
        ResultSet results = select.executeQuery()) {
      while (results.next()) {
        String owner = results.getString(3);
        if (owner.equals(host)) {
          epochs[results.getInt(1)] = results.getLong(2);
        } else {
          others = new Others(owner, others == null ? 1 : others.slots + 1);
        }
      }
    }
    open.commit();
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      Ownership.Tenure tenure = ownership.tenure(slot);
      if (tenure != null && tenure.epoch != epochs[slot]) {
        ownership.lose(tenure, TAKEN_OVER);
      }
      if (epochs[slot] != 0 && ownership.tenure(slot) == null) {
        ownership.own(slot, epochs[slot]);
      }
    }
    ownership.certainUntil(before + certainNanos());
    tell(others);
    return others;
  }

  private void tell(@Nullable Others others) {
    if (others != null && !told) {
      told = true;
      LOGGER.log(
          System.Logger.Level.WARNING,
          "waiting for host {0}, which owns {1} slots of {2}, to give them up or to be gone for"
              + " {3} s",
          others.host,
          others.slots,
          store,
          lease.toSeconds());
    } else if (others == null && told) {
      told = false;
      LOGGER.log(System.Logger.Level.INFO, "this host owns all slots of {0}", store);
    }
  }

  /** A little less than the lease, in case the clocks don't run at quite the same rate. */
  private long certainNanos() {
    return lease.toNanos() - lease.toNanos() / 50;
  }

  private Connection connected() throws SQLException {
    Connection open = connection;
    if (open == null) {
      open = store.connect("seriatim-lease-" + host);
      open.setAutoCommit(false);
      connection = open;
    }
    return open;
  }

  private void disconnect() {
    Connection open = connection;
    connection = null;
    if (open != null) {
      JdbcStore.closeQuietly(open);
    }
  }

  private void update(String sql) throws SQLException {
    try (PreparedStatement update = connected().prepareStatement(sql)) {
      update.setString(1, host);
      update.executeUpdate();
    }
  }

  /** Looks soon which slots can be had. */
  synchronized void look() {
    lookNow = true;
    notifyAll();
  }

  /** Waits; false if the keeper was closed. */
  private synchronized boolean pause(Duration time) {
    long until = System.nanoTime() + time.toNanos();
    long left;
    while (!closed && !lookNow && (left = until - System.nanoTime()) > 0) {
      try {
        wait(left / 1_000_000 + 1);
      } catch (InterruptedException e) {
        LOGGER.log(System.Logger.Level.WARNING, "the lease thread was interrupted; it goes on");
      }
    }
    lookNow = false;
    return !closed;
  }

  private record Others(String host, int slots) {}
}
