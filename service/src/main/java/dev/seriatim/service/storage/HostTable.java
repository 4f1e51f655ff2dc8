package dev.seriatim.service.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The transactions by which hosts that have one PostgreSQL database live, see each other, and die:
 * values in, values out. Each of them ends with its method, and waits for a lock no longer than its
 * connection allows.
 *
 * <p>A host has a row in {@code hosts} while it lives, and beats there.
 */
final class HostTable {
  /**
   * What changes with each beat. A host of a version before beats shows by the end of its lease
   * that it lives.
   */
  private static final String SIGN = "beat || ' ' || extract(epoch FROM lease_until)";

  /** For hosts of a version that doesn't say it: the default of that version, or more. */
  private static final String LEASE_MILLIS =
      "coalesce(lease_millis, greatest(10000, least(60000,"
          + " 1000 * extract(epoch FROM lease_until - clock_timestamp()))))::bigint";

  /** The columns of what one host sees of another. */
  static final String OTHER = "host, " + SIGN + ", " + LEASE_MILLIS + ", slots";

  private final String host;
  private final long leaseMillis;
  private final boolean shares;

  HostTable(String host, Duration lease, boolean shares) {
    this.host = host;
    this.leaseMillis = lease.toMillis();
    this.shares = shares;
  }

  /**
   * Another host.
   *
   * @param shares whether it takes only what the hosts of its cluster agree on
   * @param said changes with what it says of itself
   * @param beat its last beat
   * @param done the last beat of which it has done what follows from what it found then
   */
  record Peer(Beats.Other other, boolean shares, long said, long beat, long done) {}

  /**
   * What the tables say.
   *
   * @param owned how many slots have this host's name, and {@code epochs} is the sum of theirs
   * @param free how many slots belong to no host
   * @param owner some other host that owns slots, if there is one
   * @param loner some other host that owns slots and shares none, if there is one
   */
  record View(
      List<Peer> peers,
      int owned,
      long epochs,
      int free,
      @Nullable String owner,
      @Nullable String loner) {
    List<Beats.Other> others() {
      return peers.stream().map(Peer::other).toList();
    }
  }

  /**
   * What a renewal found.
   *
   * @param beat this host's beat as it was before
   * @param group the number of this host's last group; -1 if there is none
   */
  record Renewal(long beat, long group, View view) {}

  /** Makes this host's row, if there is none. */
  void join(Connection connection, long beat) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO hosts (host, beat, slots, lease_millis, lease_until, cluster_address)"
                + " VALUES (?, ?, 0, ?, clock_timestamp() + ? * interval '1 millisecond', ?)"
                + " ON CONFLICT (host) DO UPDATE SET beat = excluded.beat")) {
      insert.setString(1, host);
      insert.setLong(2, beat);
      insert.setLong(3, leaseMillis);
      insert.setLong(4, leaseMillis);
      insert.setString(5, shares ? "" : null);
      insert.executeUpdate();
    }
    connection.commit();
  }

  /**
   * Beats.
   *
   * @param beat one that this host has never made before
   * @param done the last beat of which this host has done what follows
   * @param slots how many slots this host thinks it owns
   * @return null if this host has no row: it was buried, or has not joined yet
   */
  @Nullable Renewal renew(Connection connection, long beat, long done, int slots)
      throws SQLException {
    // Each statement by itself: the fewer there are the better, and no lock outlasts one.
    connection.setAutoCommit(true);
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE hosts SET beat = greatest(hosts.beat, ?), done = ?, slots = ?,"
                + " lease_until = clock_timestamp() + ? * interval '1 millisecond'"
                + " FROM (SELECT host, beat FROM hosts WHERE host = ? FOR UPDATE) AS old"
                + " WHERE hosts.host = old.host RETURNING old.beat, coalesce((SELECT number"
                + " FROM commit_groups WHERE commit_groups.host = old.host), -1)")) {
      update.setLong(1, beat);
      update.setLong(2, done);
      update.setInt(3, slots);
      update.setLong(4, leaseMillis);
      update.setString(5, host);
      try (ResultSet results = update.executeQuery()) {
        Renewal renewal =
            results.next()
                ? new Renewal(results.getLong(1), results.getLong(2), view(connection))
                : null;
        connection.setAutoCommit(false);
        return renewal;
      }
    }
  }

  /** Only looks. */
  View look(Connection connection) throws SQLException {
    connection.setAutoCommit(true);
    View view = view(connection);
    connection.setAutoCommit(false);
    return view;
  }

  private View view(Connection connection) throws SQLException {
    List<Peer> peers = new ArrayList<>();
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT "
                + OTHER
                + ", cluster_address IS NOT NULL, said, beat, coalesce(done, beat)"
                + " FROM hosts WHERE host <> ?")) {
      select.setString(1, host);
      try (ResultSet results = select.executeQuery()) {
        while (results.next()) {
          peers.add(
              new Peer(
                  other(results),
                  results.getBoolean(5),
                  results.getLong(6),
                  results.getLong(7),
                  results.getLong(8)));
        }
      }
    }
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT count(*) FILTER (WHERE slots.host = ?),"
                + " coalesce(sum(epoch) FILTER (WHERE slots.host = ?), 0),"
                + " count(*) FILTER (WHERE hosts.host IS NULL),"
                + " min(hosts.host) FILTER (WHERE hosts.host <> ?),"
                + " min(hosts.host) FILTER (WHERE hosts.host <> ? AND cluster_address IS NULL)"
                + " FROM slots LEFT JOIN hosts ON hosts.host = slots.host")) {
      for (int index = 1; index <= 4; index++) {
        select.setString(index, host);
      }
      try (ResultSet results = select.executeQuery()) {
        results.next();
        return new View(
            peers,
            results.getInt(1),
            results.getLong(2),
            results.getInt(3),
            results.getString(4),
            results.getString(5));
      }
    }
  }

  /**
   * Takes away another host's row, if it has made no beat since.
   *
   * @return whether it had made none
   */
  boolean bury(Connection connection, Beats.Other other) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM hosts WHERE host = ? AND " + SIGN + " = ?")) {
      delete.setString(1, other.host());
      delete.setString(2, other.sign());
      boolean buried = delete.executeUpdate() == 1;
      connection.commit();
      return buried;
    }
  }

  /** Records this as the number of this host's last group, unless a later one is there. */
  void restartGroups(Connection connection, long number) throws SQLException {
    try (PreparedStatement mark =
        connection.prepareStatement(
            "INSERT INTO commit_groups (host, number) VALUES (?, ?) ON CONFLICT (host) DO UPDATE"
                + " SET number = greatest(commit_groups.number, excluded.number), at = now()")) {
      mark.setString(1, host);
      mark.setLong(2, number);
      mark.executeUpdate();
    }
    connection.commit();
  }

  /** Gives everything up: the slots are free at once. */
  void leave(Connection connection) throws SQLException {
    for (String table : List.of("hosts", "commit_groups")) {
      try (PreparedStatement delete =
          connection.prepareStatement("DELETE FROM " + table + " WHERE host = ?")) {
        delete.setString(1, host);
        delete.executeUpdate();
      }
    }
    connection.commit();
  }

  /** What this finds, whose columns are {@link #OTHER}. */
  static List<Beats.Other> others(PreparedStatement select) throws SQLException {
    List<Beats.Other> others = new ArrayList<>();
    try (ResultSet results = select.executeQuery()) {
      while (results.next()) {
        others.add(other(results));
      }
    }
    return others;
  }

  private static Beats.Other other(ResultSet results) throws SQLException {
    return new Beats.Other(
        results.getString(1),
        results.getString(2),
        Duration.ofMillis(results.getLong(3)).toNanos(),
        results.getInt(4));
  }
}
