package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the slots that a cluster asks for, and gives them up when it says so. What is asked at the
 * same time is done in one transaction.
 *
 * <p>Another host may think that it owns a slot that is free, though only if the store went back in
 * time; and the store can't do that as long as a session of it lives. So after each new connection
 * nothing is claimed before every host that has a row knows better, or is gone ({@link Doubts});
 * and that costs nothing later.
 */
final class SharedClaims extends SlotClaims {
  private static final Logger LOGGER = LoggerFactory.getLogger(HostLease.class);

  private static final String NOT_CLAIMED = "this host has not claimed it, or has given it up";

  private final HostLease lease;
  private final SlotTable table;
  private final ClusterTable cluster;
  private final Ownership ownership;
  private final Beats beats;
  private final String host;
  private final SlotRequests requests = new SlotRequests();
  private final SlotNews news;

  /** Nothing is claimed before this, on the ticker; null if anything may be. */
  private @Nullable Long claimFrom;

  /** Who may think that it owns what is free; null if that isn't known yet. */
  private @Nullable Doubts doubts;

  /** What other hosts say of themselves, as far as they have said anything. */
  private final Map<String, Said> said = new HashMap<>();

  /** What this host is to say of itself; null for nothing. Written by any thread. */
  private volatile Slots.@Nullable Announcement toSay;

  /** What it has said of itself, as far as is known; null if the store may not have it. */
  private @Nullable Said own;

  private long lastSaid;

  private boolean waiting;

  private record Said(long number, Slots.Announcement says) {}

  SharedClaims(HostLease lease, SlotTable table, Ownership ownership, Beats beats, String host) {
    this.lease = lease;
    this.table = table;
    this.cluster = new ClusterTable(host);
    this.ownership = ownership;
    this.beats = beats;
    this.host = host;
    this.news = new SlotNews(ownership);
    ownership.because(NOT_CLAIMED);
  }

  SlotRequests requests() {
    return requests;
  }

  ClusterTable cluster() {
    return cluster;
  }

  SlotNews news() {
    return news;
  }

  // ---- after each look

  @Override
  void act(HostTable.View view, long now) throws SQLException {
    lookAtDoubt(view);
    if (view.owned() != ownership.owned() || view.epochs() != ownership.epochs()) {
      giveRest(lease.dropLost());
    }
    say();
    tellOfHosts(view, now);
    tell(view);
  }

  private void lookAtDoubt(HostTable.View view) {
    if (doubts == null) {
      doubts = new Doubts(view.others());
    } else {
      doubts.look(view.peers());
    }
  }

  private boolean mayClaim(long now) {
    return doubts != null && doubts.areOver() && (claimFrom == null || now - claimFrom >= 0);
  }

  /**
   * Slots that are this host's in the store, but not here: they were claimed or given, and the
   * answer got lost; or the store went back. Nobody here counts on them.
   */
  private void giveRest(Map<Integer, Long> stored) throws SQLException {
    Set<Integer> rest = new HashSet<>(stored.keySet());
    rest.removeIf(slot -> ownership.tenure(slot) != null);
    if (!rest.isEmpty()) {
      give(rest);
    }
  }

  private void tellOfHosts(HostTable.View view, long now) throws SQLException {
    Set<String> there = new HashSet<>();
    Map<String, Long> changed = new HashMap<>();
    for (HostTable.Peer peer : view.peers()) {
      String other = peer.other().host();
      there.add(other);
      Said known = said.get(other);
      if (peer.said() != (known == null ? 0 : known.number)) {
        changed.put(other, peer.said());
      }
    }
    said.keySet().retainAll(there);
    if (!changed.isEmpty()) {
      cluster
          .announcements(lease.connected(), changed.keySet())
          .forEach(
              (other, says) -> said.put(other, new Said(changed.getOrDefault(other, 0L), says)));
    }
    List<Slots.HostRow> rows = new ArrayList<>();
    rows.add(new Slots.HostRow(host, says(own), ownership.isCertain()));
    for (String other : there) {
      rows.add(new Slots.HostRow(other, says(said.get(other)), beats.isHeard(other, now)));
    }
    rows.sort(Comparator.comparing(Slots.HostRow::host));
    news.hosts(List.copyOf(rows));
  }

  private static Slots.Announcement says(@Nullable Said of) {
    return of == null ? ClusterTable.NOTHING : of.says;
  }

  private void tell(HostTable.View view) {
    String loner = view.loner();
    if (loner != null && !waiting) {
      LOGGER.warn("waiting for host {}, which is in no cluster and owns slots, to be gone", loner);
    }
    waiting = loner != null;
  }

  @Override
  boolean isWaiting(long now) {
    return !mayClaim(now) || waiting || beats.isSomeoneLate(now);
  }

  // ---- what is asked

  @Override
  void work() throws SQLException {
    while (!requests.isEmpty()) {
      List<SlotRequests.Request> asked = requests.take();
      try {
        int next = 0;
        while (next < asked.size()) {
          next = workFrom(asked, next);
        }
      } catch (SQLException | RuntimeException | Error e) {
        // Those that are answered already don't mind.
        asked.forEach(request -> request.answer().completeExceptionally(e));
        throw e;
      }
    }
  }

  /**
   * Does what stands there, and what follows and is of the same kind.
   *
   * @return where the rest begins
   */
  private int workFrom(List<SlotRequests.Request> asked, int from) throws SQLException {
    int next = from + 1;
    switch (asked.get(from)) {
      case SlotRequests.Act<?> act -> act.act(lease.connected());
      case SlotRequests.Claim first -> {
        List<SlotRequests.Claim> claims = new ArrayList<>(List.of(first));
        while (next < asked.size() && asked.get(next) instanceof SlotRequests.Claim claim) {
          claims.add(claim);
          next++;
        }
        claimAll(claims);
      }
      case SlotRequests.Give first -> {
        List<SlotRequests.Give> gives = new ArrayList<>(List.of(first));
        while (next < asked.size() && asked.get(next) instanceof SlotRequests.Give give) {
          gives.add(give);
          next++;
        }
        giveAll(gives);
      }
    }
    return next;
  }

  private void claimAll(List<SlotRequests.Claim> claims) throws SQLException {
    Set<Integer> wanted = new TreeSet<>();
    claims.forEach(claim -> wanted.addAll(claim.slots()));
    wanted.removeIf(slot -> ownership.tenure(slot) != null);
    if (!wanted.isEmpty() && mayClaim(lease.now())) {
      claim(wanted);
    }
    for (SlotRequests.Claim claim : claims) {
      Set<Integer> has = new TreeSet<>(claim.slots());
      has.removeIf(slot -> ownership.tenure(slot) == null);
      claim.answer().complete(has);
    }
  }

  private void claim(Set<Integer> wanted) throws SQLException {
    Map<Integer, Long> epochs;
    try {
      epochs = table.claim(lease.connected(), wanted);
    } catch (SQLException e) {
      if (!SlotTable.isLocked(e)) {
        throw e;
      }
      lease.connected().rollback(); // Somebody buries this host.
      return;
    }
    if (!epochs.isEmpty()) {
      boolean _ = lease.own(epochs); // If not, it is given up in the store, too.
    }
  }

  /** All together; or each by itself, if they can't be given together. */
  private void giveAll(List<SlotRequests.Give> gives) throws SQLException {
    Set<Integer> given = new TreeSet<>();
    gives.forEach(give -> given.addAll(give.slots()));
    try {
      give(given);
      gives.forEach(give -> give.answer().complete(true));
    } catch (SQLException e) {
      if (!SlotTable.isLocked(e)) {
        throw e;
      }
      lease.connected().rollback();
      if (gives.size() == 1) {
        gives
            .getFirst()
            .answer()
            .completeExceptionally(
                new StorageException(
                    "a commit of this host is under way in some of the slots "
                        + given
                        + ", expected none",
                    e));
        return;
      }
      for (SlotRequests.Give give : gives) {
        giveAll(List.of(give));
      }
    }
  }

  private void give(Set<Integer> slots) throws SQLException {
    table.give(lease.connected(), slots, () -> news.give(slots));
    ownership.because(NOT_CLAIMED);
  }

  /** This is to be said of the host from now on. Any thread. */
  void announce(Slots.Announcement says) {
    toSay = says;
  }

  /** Whether the store has what is to be said of the host. */
  boolean hasSaid() {
    Slots.Announcement says = toSay;
    return says == null || (own != null && own.says.equals(says));
  }

  /** Says what is to be said of the host, unless the store has it. */
  private void say() throws SQLException {
    Slots.Announcement says = toSay;
    if (says != null && !hasSaid()) {
      // Never under a number that somebody may have seen.
      own = null;
      long number = ++lastSaid;
      cluster.announce(lease.connected(), says, number);
      own = new Said(number, says);
    }
  }

  // ---- what happens to the host

  @Override
  void failed(Throwable failure) {
    requests.failAll(failure);
  }

  @Override
  void joined() throws SQLException {
    own = null;
    say();
  }

  @Override
  void reconnected() {
    doubts = null;
  }

  @Override
  void lostAll() {}

  @Override
  void wentBack(@Nullable Long from) {
    claimFrom = from;
    doubts = null;
    own = null;
  }

  @Override
  public void close() {
    requests.close();
  }
}
