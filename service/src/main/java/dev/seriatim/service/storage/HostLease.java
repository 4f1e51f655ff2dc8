package dev.seriatim.service.storage;

import com.google.common.base.Ticker;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes slots for this host and holds the lease on them: beats in the database, looks at the beats
 * of others, buries those that are dead, and claims what is free. {@link Beats} says who is dead,
 * {@link SlotTable} has the transactions.
 *
 * <p>Owned by its one thread, but for what is guarded; before that by the thread that starts it,
 * and in the end by the one that closes it.
 */
final class HostLease implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(HostLease.class.getName());

  /** Why a slot was lost that another host has. */
  static final String TAKEN_OVER = "it has been taken over by another host";

  /** How often a host looks that waits for slots, or for the database. */
  private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

  /** How often it is tried to give the lease up. */
  private static final int TRIES_TO_LEAVE = 3;

  private final PostgresStore store;
  private final PostgresSessions sessions;
  private final SlotTable table;
  private final Ownership ownership;
  private final Ticker ticker;
  private final Duration renewal;
  private final long leaseNanos;
  private final Beats beats;
  private final Thread thread;

  @GuardedBy("this")
  private boolean closed;

  /** Whether there is something to do at once. */
  @GuardedBy("this")
  private boolean poked;

  /** Whether the store went back in time, and nothing has been claimed since. */
  @GuardedBy("this")
  private boolean wentBack;

  private @Nullable Connection connection;

  /** The last beat that was sent. None is ever sent twice, whatever the store has. */
  private long beat;

  /** The last beat that is known to be in the store. */
  private long beatInStore;

  private boolean joined;

  /** When the last beat was sent, on the ticker. */
  private long beatSent;

  /** Nothing is claimed before this, on the ticker; null if anything may be. */
  private @Nullable Long claimFrom;

  /** Slots that are this host's in the store, but not yet here; null if there are none. */
  private @Nullable Claimed claimed;

  private boolean away;
  private boolean waiting;

  /**
   * Slots that were claimed while other hosts may think that they own them, which can only be if
   * the store went back in time. Each of these will know better when it has beaten once more.
   */
  private record Claimed(Map<Integer, Long> epochs, Map<String, String> owners) {
    long sum() {
      return epochs.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  HostLease(
      PostgresStore store,
      PostgresSessions sessions,
      StorageOptions options,
      Ownership ownership,
      String host) {
    this.store = store;
    this.sessions = sessions;
    this.ownership = ownership;
    this.ticker = options.ticker();
    this.renewal = options.leaseRenewal();
    this.leaseNanos = options.lease().toNanos();
    this.table = new SlotTable(host, options.lease());
    this.beats = new Beats(leaseNanos);
    this.thread =
        Thread.ofPlatform()
            .name("seriatim-lease")
            .daemon()
            .inheritInheritableThreadLocals(false)
            .unstarted(this::run);
  }

  /** Takes what is free, and goes on to look after it. Doesn't wait for other hosts. */
  void start() throws SQLException {
    renew();
    renew();
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
    if (joined) {
      leave();
    }
    disconnect();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The connection may have been ended without this host's knowing. */
  private void leave() {
    for (int attempt = 1; ; attempt++) {
      try {
        table.leave(connected());
        return;
      } catch (SQLException e) {
        disconnect();
        if (attempt == TRIES_TO_LEAVE) {
          LOGGER.log(
              System.Logger.Level.WARNING,
              "the lease could not be given up; it runs out by itself: {0}",
              e.getMessage());
          return;
        }
      }
    }
  }

  /**
   * The store went back in time. Slots that are this host's there may have been another's since; so
   * they are not taken before that one knows. Called by any thread.
   */
  void wentBack(String why) {
    synchronized (this) {
      wentBack = true;
      poked = true;
      notifyAll();
      ownership.loseAll(why);
    }
    ownership.changed();
  }

  // ---- the thread

  private void run() {
    while (pause(away || !ownsAll() ? LOOK_AGAIN : untilRenewal())) {
      try {
        if (away || untilRenewal().isZero()) {
          renew();
        } else {
          SlotTable.View view = table.look(connected());
          beats.look(view.others(), ticker.read());
          act(view);
        }
        away = false;
      } catch (SQLException | RuntimeException | Error e) { // It must go on, whatever it is.
        disconnect();
        if (!away) {
          away = true;
          LOGGER.log(
              System.Logger.Level.WARNING, "the lease could not be renewed: {0}", e.toString());
        }
      }
      ownership.lookAtCertainty();
    }
  }

  private Duration untilRenewal() {
    return Duration.ofNanos(Math.max(0, renewal.toNanos() - (ticker.read() - beatSent)));
  }

  private boolean ownsAll() {
    return ownership.owned() == ObjectKey.SLOTS;
  }

  private void renew() throws SQLException {
    Connection open = connected();
    long lastGroup = store.groups().last();
    long sent = ticker.read();
    beatSent = sent;
    beat++;
    SlotTable.Renewal renewed = table.renew(open, beat, ownership.owned());
    if (renewed == null) {
      if (joined) {
        joined = false;
        loseAll(TAKEN_OVER);
        LOGGER.log(
            System.Logger.Level.WARNING,
            "another host has taken over; the objects of this one are reset");
      }
      table.join(open, beat);
      joined = true;
    } else if (renewed.beat() < beatInStore || renewed.group() < lastGroup) {
      String why = JdbcStore.wentBack(renewed.group(), lastGroup);
      wentBack(why);
      LOGGER.log(
          System.Logger.Level.ERROR,
          "{0}: {1}. What was committed lately may be lost; all objects are reset",
          store,
          why);
      table.restartGroups(open, lastGroup);
    }
    beatInStore = beat;
    ownership.certainUntil(sent + certainNanos());
    long now = ticker.read();
    beats.renewed(sent, now);
    if (renewed != null) {
      beats.look(renewed.view().others(), now);
      act(renewed.view());
    }
  }

  /** Does what follows from what the tables say. */
  private void act(SlotTable.View view) throws SQLException {
    long now = ticker.read();
    synchronized (this) {
      if (wentBack) {
        wentBack = false;
        claimed = null;
        // Whoever has owned these slots in the time that the store has forgotten must know first.
        claimFrom = beats.isAlone(now) ? null : (Long) (now + leaseNanos);
        beats.beginAnew(now);
      }
    }
    for (Beats.Other dead : beats.silent(now)) {
      bury(dead);
    }
    settle(view);
    if (view.owned() != known() || view.epochs() != knownEpochs()) {
      dropLost();
    }
    if ((view.free() > 0 || view.owned() > known())
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

  private void bury(Beats.Other dead) throws SQLException {
    if (!table.bury(connected(), dead)) {
      return;
    }
    LOGGER.log(
        System.Logger.Level.WARNING,
        "host {0} was not heard of for {1} ms; its slots can be taken",
        dead.host(),
        Duration.ofNanos(dead.leaseNanos()).toMillis());
    try {
      sessions.endAll(connected(), dead.host());
      connected().commit();
    } catch (SQLException e) {
      // This user may not be allowed to. Then the locks go when the server has noticed by itself.
      LOGGER.log(
          System.Logger.Level.WARNING,
          "the sessions of host {0} could not be ended: {1}",
          dead.host(),
          e.getMessage());
      disconnect();
    }
  }

  /** What the store doesn't say of this host any more is lost. */
  private void dropLost() throws SQLException {
    Map<Integer, Long> epochs = table.owned(connected());
    boolean lost = false;
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      Ownership.Tenure tenure = ownership.tenure(slot);
      if (tenure != null && !Long.valueOf(tenure.epoch).equals(epochs.get(slot))) {
        ownership.lose(tenure, TAKEN_OVER);
        lost = true;
      }
    }
    claimed = null;
    if (lost) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "another host has taken slots of this one; their objects are reset");
      ownership.changed();
    }
  }

  private void claim() throws SQLException {
    SlotTable.Claim got;
    try {
      got = table.claim(connected());
    } catch (SQLException e) {
      if (!"55P03".equals(e.getSQLState())) { // lock not available
        throw e;
      }
      // A commit that began under the last owner is still under way.
      connected().rollback();
      return;
    }
    if (got == null) {
      return; // Buried. The next renewal finds out.
    }
    Map<Integer, Long> epochs = new HashMap<>(got.epochs());
    epochs.keySet().removeIf(slot -> ownership.tenure(slot) != null);
    Map<String, String> owners = new HashMap<>();
    got.owners().forEach(other -> owners.put(other.host(), other.sign()));
    Claimed taken = new Claimed(epochs, owners);
    claimed = taken;
    if (owners.isEmpty()) {
      own(taken);
    }
  }

  /** Whoever thought that it owned what was claimed here knows better by now, or is gone. */
  private void settle(SlotTable.View view) throws SQLException {
    Claimed waits = claimed;
    if (waits != null) {
      Map<String, String> signs = new HashMap<>();
      view.others().forEach(other -> signs.put(other.host(), other.sign()));
      waits
          .owners
          .entrySet()
          .removeIf(owner -> !owner.getValue().equals(signs.get(owner.getKey())));
      if (waits.owners.isEmpty()) {
        own(waits);
      }
    }
  }

  private void own(Claimed taken) throws SQLException {
    store.upgrade();
    synchronized (this) {
      if (wentBack) {
        return;
      }
      taken.epochs.forEach(ownership::own);
    }
    claimed = null;
    ownership.changed();
  }

  private void loseAll(String why) {
    claimed = null;
    ownership.loseAll(why);
    ownership.changed();
  }

  private void tell(SlotTable.View view) {
    String owner = view.owner();
    if (ownsAll()) {
      if (waiting) {
        waiting = false;
        LOGGER.log(System.Logger.Level.INFO, "this host owns all slots of {0}", store);
      }
    } else if (owner != null) {
      if (ownership.owned() == 0) {
        ownership.because("host " + owner + " owns it");
      }
      if (!waiting) {
        waiting = true;
        LOGGER.log(
            System.Logger.Level.WARNING,
            "waiting for host {0}, which owns {1} slots of {2}, to give them up or to be gone",
            owner,
            ObjectKey.SLOTS - view.free() - view.owned(),
            store);
      }
    }
  }

  /** A little less than the lease, in case the clocks don't run at quite the same rate. */
  private long certainNanos() {
    return leaseNanos - leaseNanos / 50;
  }

  private Connection connected() throws SQLException {
    Connection open = connection;
    if (open == null) {
      open = sessions.open(PostgresSessions.Purpose.LEASE);
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

  /** Waits; false if the lease was closed. */
  private synchronized boolean pause(Duration time) {
    long until = System.nanoTime() + time.toNanos();
    long left;
    while (!closed && !poked && (left = until - System.nanoTime()) > 0) {
      try {
        wait(left / 1_000_000 + 1);
      } catch (InterruptedException e) {
        LOGGER.log(System.Logger.Level.WARNING, "the lease thread was interrupted; it goes on");
      }
    }
    poked = false;
    return !closed;
  }
}
