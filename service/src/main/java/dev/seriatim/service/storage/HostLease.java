package dev.seriatim.service.storage;

import com.google.common.base.Ticker;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.threads.Enduring;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds the lease of this host on its slots: beats in the database, looks at the beats of others,
 * buries those that are dead, and drops what was lost. {@link Beats} says who is dead, {@link
 * SlotClaims} what is taken of that which is free, {@link HostTable} and {@link SlotTable} have the
 * transactions.
 *
 * <p>Owned by its one thread, but for what is guarded; before that by the thread that starts it,
 * and in the end by the one that closes it.
 */
final class HostLease implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(HostLease.class);

  /** Why a slot was lost that another host has. */
  static final String TAKEN_OVER = "it has been taken over by another host";

  /** How often a host looks that waits for slots, or for the database. */
  private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

  /** How often it is tried to give the lease up. */
  private static final int TRIES_TO_LEAVE = 3;

  /** How often it is tried to make the first beats. */
  static final int TRIES_TO_START = 3;

  /** After a try that took so long, another one isn't worth while: nobody is there to answer. */
  private static final long SILENCE_NANOS = Duration.ofSeconds(1).toNanos();

  private final PostgresStore store;
  private final PostgresSessions sessions;
  private final HostTable hosts;
  private final SlotTable slots;
  private final Ownership ownership;
  private final Ticker ticker;
  private final Duration renewal;
  private final long leaseNanos;
  private final Beats beats;
  private final SlotClaims claims;
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

  /** The last beat that was sent, 0 for none. None is ever sent twice, whatever the store has. */
  private long beat;

  /** The last beat that is known to be in the store. */
  private long beatInStore;

  /** The last beat of which everything that followed from what the tables said then is done. */
  private long beatDone;

  /** Whether this host has a row, as far as it has been told. */
  private boolean joined;

  /** When the last beat was sent, on the ticker. */
  private long beatSent;

  /** Whether no beat has been made yet through the connection that there is. */
  private boolean unproven = true;

  private boolean away;

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
    this.hosts = new HostTable(host, options.lease(), options.sharedSlots());
    this.slots = new SlotTable(host);
    this.beats = new Beats(leaseNanos);
    this.claims =
        options.sharedSlots()
            ? new SharedClaims(this, slots, ownership, beats, host)
            : new FreeClaims(this, slots, ownership, store);
    this.thread = Enduring.thread("seriatim-lease", this::run);
  }

  /** Takes what it may, and goes on to look after it. Doesn't wait for other hosts. */
  void start() throws SQLException {
    for (int attempt = 1; ; attempt++) {
      try {
        renew(); // It joins.
        renew(); // And looks what there is to take.
        break;
      } catch (SQLException e) {
        disconnect();
        if (attempt == TRIES_TO_START) {
          throw e;
        }
        LOGGER.warn("the lease could not be had, and is tried again: {}", e.toString());
      }
    }
    thread.start();
  }

  /**
   * What the hosts of a cluster ask.
   *
   * @throws IllegalStateException if this host takes what is free by itself
   */
  SharedClaims shared() {
    if (claims instanceof SharedClaims shared) {
      return shared;
    }
    throw new IllegalStateException(
        "this host takes every slot that is free by itself, expected one that was opened with"
            + " StorageOptions.withSharedSlots()");
  }

  /** There is something to do at once. Any thread. */
  synchronized void poke() {
    poked = true;
    notifyAll();
  }

  /** Whether this is the thread of the lease, which must not wait for itself. */
  boolean isCurrentThread() {
    return Thread.currentThread() == thread;
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
    claims.close();
    ownership.loseAll("the host is closed");
    if (beat > 0) {
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
      long began = System.nanoTime();
      try {
        hosts.leave(connected());
        return;
      } catch (SQLException e) {
        disconnect();
        if (attempt == TRIES_TO_LEAVE || System.nanoTime() - began > SILENCE_NANOS) {
          LOGGER.warn("the lease could not be given up; it runs out by itself: {}", e.getMessage());
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
    while (pause(away || claims.isWaiting(ticker.read()) ? LOOK_AGAIN : untilRenewal())) {
      try {
        if (away || unproven || untilRenewal().isZero()) {
          renew();
        } else if (wentBack() || claims.isWaiting(ticker.read())) {
          look();
        }
        claims.work();
        away = false;
      } catch (SQLException | RuntimeException | Error e) { // It must go on, whatever it is.
        disconnect();
        claims.failed(e);
        if (!away) {
          away = true;
          LOGGER.warn("the lease could not be renewed: {}", e.toString());
        }
      }
      ownership.lookAtCertainty();
    }
  }

  /** What the lease goes by. */
  long now() {
    return ticker.read();
  }

  /** Looks at the tables without a beat, and does what follows. */
  void look() throws SQLException {
    boolean _ = act(lookAtTables());
  }

  private HostTable.View lookAtTables() throws SQLException {
    HostTable.View view = hosts.look(connected());
    beats.look(view.others(), ticker.read());
    return view;
  }

  private synchronized boolean wentBack() {
    return wentBack;
  }

  private Duration untilRenewal() {
    return Duration.ofNanos(Math.max(0, renewal.toNanos() - (ticker.read() - beatSent)));
  }

  private void renew() throws SQLException {
    Connection open = connected();
    long lastGroup = store.groups().last();
    long sent = ticker.read();
    beatSent = sent;
    beat++;
    HostTable.Renewal renewed = hosts.renew(open, beat, beatDone, ownership.owned());
    if (renewed == null) {
      if (joined) {
        joined = false;
        loseAll(TAKEN_OVER);
        LOGGER.warn("another host has taken over; the objects of this one are reset");
      }
      hosts.join(open, beat);
      joined();
    } else {
      if (!joined) {
        joined(); // The answer that said so got lost.
      }
      if (renewed.beat() < beatInStore || renewed.group() < lastGroup) {
        String why = JdbcStore.wentBack(renewed.group(), lastGroup);
        wentBack(why);
        LOGGER.error(
            "{}: {}. What was committed lately may be lost; all objects are reset", store, why);
        hosts.restartGroups(open, lastGroup);
      }
    }
    beatInStore = beat;
    unproven = false;
    ownership.certainUntil(sent + certainNanos());
    long now = ticker.read();
    beats.renewed(sent, now);
    if (renewed != null) {
      beats.look(renewed.view().others(), now);
      if (act(renewed.view())) {
        beatDone = beat;
      }
    }
  }

  private void joined() throws SQLException {
    joined = true;
    claims.joined();
  }

  /**
   * Does what follows from what the tables say.
   *
   * @return whether it has; not if the connection got lost
   */
  private boolean act(HostTable.View view) throws SQLException {
    long now = ticker.read();
    synchronized (this) {
      if (wentBack) {
        wentBack = false;
        // Whoever has owned these slots in the time that the store has forgotten must know first.
        claims.wentBack(beats.isAlone(now) ? null : (Long) (now + leaseNanos));
        beats.beginAnew(now);
      }
    }
    boolean buried = false;
    for (Beats.Other dead : beats.silent(now)) {
      buried |= bury(dead);
    }
    if (!unproven) {
      claims.act(buried ? lookAtTables() : view, now);
    }
    return !unproven;
  }

  private boolean bury(Beats.Other dead) throws SQLException {
    if (!hosts.bury(connected(), dead)) {
      return false;
    }
    LOGGER.warn(
        "host {} was not heard of for {} ms; its slots can be taken",
        dead.host(),
        Duration.ofNanos(dead.leaseNanos()).toMillis());
    try {
      sessions.endAll(connected(), dead.host());
      connected().commit();
    } catch (SQLException e) {
      // This user may not be allowed to. Then the locks go when the server has noticed by itself.
      LOGGER.warn("the sessions of host {} could not be ended: {}", dead.host(), e.getMessage());
      disconnect();
    }
    return true;
  }

  /**
   * What the store doesn't say of this host any more is lost.
   *
   * @return what it says of this host, with the epochs
   */
  Map<Integer, Long> dropLost() throws SQLException {
    Map<Integer, Long> epochs = slots.owned(connected());
    boolean lost = false;
    for (int slot = 0; slot < ObjectKey.SLOTS; slot++) {
      Ownership.Tenure tenure = ownership.tenure(slot);
      if (tenure != null && !Long.valueOf(tenure.epoch).equals(epochs.get(slot))) {
        ownership.lose(tenure, TAKEN_OVER);
        lost = true;
      }
    }
    if (lost) {
      LOGGER.warn("another host has taken slots of this one; their objects are reset");
      ownership.changed();
    }
    return epochs;
  }

  /**
   * These are this host's from now on, since it has taken them in the store.
   *
   * @return whether they are; not if the store went back since
   */
  boolean own(Map<Integer, Long> epochs) throws SQLException {
    store.upgrade();
    synchronized (this) {
      if (wentBack) {
        return false;
      }
      epochs.forEach(ownership::own);
    }
    ownership.changed();
    return true;
  }

  private void loseAll(String why) {
    claims.lostAll();
    ownership.loseAll(why);
    ownership.changed();
  }

  /** A little less than the lease, in case the clocks don't run at quite the same rate. */
  private long certainNanos() {
    return leaseNanos - leaseNanos / 50;
  }

  /** The connection, which is opened if there is none. */
  Connection connected() throws SQLException {
    Connection open = connection;
    if (open == null) {
      open = sessions.open(PostgresSessions.Purpose.LEASE);
      connection = open;
      unproven = true;
      claims.reconnected();
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
        LOGGER.warn("the lease thread was interrupted; it goes on");
      }
    }
    poked = false;
    return !closed;
  }
}
