package dev.seriatim.service.storage;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The transactions by which hosts share the slots of a PostgreSQL database: values in, values out.
 * Each of them ends with its method, and waits for a lock no longer than its connection allows.
 *
 * <p>A host has a row in {@code hosts} while it lives, and beats there. A slot is free if its host
 * has no row. Whoever owns a slot has raised its epoch.
 */
final class SlotTable {
  /** Slots that nobody owns. A host that has left or was buried has no row. */
  private static final String FREE =
      "(host IS NULL OR NOT EXISTS (SELECT FROM hosts WHERE hosts.host = slots.host))";

  /**
   * What changes with each beat. A host of a version before beats shows by the end of its lease
   * that it lives.
   */
  private static final String SIGN = "beat || ' ' || extract(epoch FROM lease_until)";

  /** For hosts of a version that doesn't say it: the default of that version, or more. */
  private static final String LEASE_MILLIS =
      "coalesce(lease_millis, greatest(10000, least(60000,"
          + " 1000 * extract(epoch FROM lease_until - clock_timestamp()))))::bigint";

  private final String host;
  private final long leaseMillis;
  private final boolean shares;

  SlotTable(String host, Duration lease, boolean shares) {
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

  /**
   * What a claim has got.
   *
   * @param epochs all slots that have this host's name now, with their epochs
   * @param owners the others that thought they owned slots, when they beat last
   */
  record Claim(Map<Integer, Long> epochs, List<Beats.Other> owners) {}

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
            "UPDATE hosts SET beat = ?, done = ?, slots = ?,"
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
        return results.next()
            ? new Renewal(results.getLong(1), results.getLong(2), view(connection))
            : null;
      }
    } finally {
      connection.setAutoCommit(false);
    }
  }

  /** Only looks. */
  View look(Connection connection) throws SQLException {
    connection.setAutoCommit(true);
    try {
      return view(connection);
    } finally {
      connection.setAutoCommit(false);
    }
  }

  private View view(Connection connection) throws SQLException {
    List<Peer> peers = new ArrayList<>();
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT host, "
                + SIGN
                + ", "
                + LEASE_MILLIS
                + ", slots, cluster_address IS NOT NULL, said, beat, coalesce(done, beat)"
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

  /**
   * Takes every free slot, and locks no other. Only for hosts that share none.
   *
   * @return null if this host has no row any more, or there is one that shares slots
   */
  @Nullable Claim claim(Connection connection) throws SQLException {
    // This host must not be buried meanwhile. And no other may be in the middle of a renewal: the
    // next one that it makes has to see what is taken here.
    List<Beats.Other> owners;
    if (!keepJoined(connection) || exists(connection, "hosts WHERE cluster_address IS NOT NULL")) {
      connection.rollback();
      return null;
    }
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT host, "
                + SIGN
                + ", "
                + LEASE_MILLIS
                + ", slots FROM hosts WHERE host <> ? AND slots > 0 ORDER BY host FOR SHARE")) {
      owners = others(select);
    }
    raiseEpochs(connection, lockFree(connection));
    Map<Integer, Long> epochs = epochs(connection);
    connection.commit();
    return new Claim(epochs, owners);
  }

  /** Whether this host has a row. If so, nobody takes it away until the transaction ends. */
  private boolean keepJoined(Connection connection) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("SELECT FROM hosts WHERE host = ? FOR KEY SHARE")) {
      select.setString(1, host);
      try (ResultSet results = select.executeQuery()) {
        return results.next();
      }
    }
  }

  private static boolean exists(Connection connection, String from) throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement("SELECT FROM " + from + " LIMIT 1");
        ResultSet results = select.executeQuery()) {
      return results.next();
    }
  }

  /** In the order in which commits lock slots, and in which every host takes them. */
  private static List<Integer> lockFree(Connection connection) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT slot FROM slots WHERE " + FREE + " ORDER BY slot FOR UPDATE")) {
      return slots(select);
    }
  }

  private static List<Integer> slots(PreparedStatement select) throws SQLException {
    List<Integer> slots = new ArrayList<>();
    try (ResultSet results = select.executeQuery()) {
      while (results.next()) {
        slots.add(results.getInt(1));
      }
    }
    return slots;
  }

  /**
   * Takes those of these slots that are free, or have this host's name. Locks no other; and doesn't
   * wait for a commit of the last owner that is still under way, but leaves its slots.
   *
   * @return the epochs of those that were taken; none if this host has no row any more, or there is
   *     a host that owns slots and shares none
   */
  Map<Integer, Long> claim(Connection connection, Set<Integer> wanted) throws SQLException {
    Map<Integer, Long> epochs = new HashMap<>();
    boolean may =
        keepJoined(connection)
            && !exists(connection, "hosts JOIN slots USING (host) WHERE cluster_address IS NULL");
    if (may) {
      String mayHave = "(host = ? OR " + FREE + ")";
      List<Integer> locked;
      Array array = connection.createArrayOf("integer", wanted.toArray());
      try (PreparedStatement select =
          connection.prepareStatement(
              "SELECT slot FROM slots WHERE slot = ANY (?) AND "
                  + mayHave
                  + " ORDER BY slot FOR UPDATE SKIP LOCKED")) {
        select.setArray(1, array);
        select.setString(2, host);
        locked = slots(select);
      } finally {
        array.free();
      }
      // Looked at again, as in raiseEpochs.
      Array lockedArray = connection.createArrayOf("integer", locked.toArray());
      try (PreparedStatement update =
          connection.prepareStatement(
              "UPDATE slots SET epoch = epoch + 1, host = ? WHERE slot = ANY (?) AND "
                  + mayHave
                  + " RETURNING slot, epoch")) {
        update.setString(1, host);
        update.setArray(2, lockedArray);
        update.setString(3, host);
        try (ResultSet results = update.executeQuery()) {
          while (results.next()) {
            epochs.put(results.getInt(1), results.getLong(2));
          }
        }
      } finally {
        lockedArray.free();
      }
    }
    connection.commit();
    return epochs;
  }

  /**
   * Gives those of these slots up that have this host's name. Waits for commits of this host that
   * are under way in them, as long as the connection allows.
   *
   * @param locked is called when no such commit can be under way any more, and before any other
   *     host can take the slots
   */
  void give(Connection connection, Set<Integer> given, Runnable locked) throws SQLException {
    Array array = connection.createArrayOf("integer", given.toArray());
    try {
      try (PreparedStatement select =
          connection.prepareStatement(
              "SELECT slot FROM slots WHERE slot = ANY (?) AND host = ? ORDER BY slot FOR"
                  + " UPDATE")) {
        select.setArray(1, array);
        select.setString(2, host);
        select.executeQuery().close();
      }
      locked.run();
      try (PreparedStatement update =
          connection.prepareStatement(
              "UPDATE slots SET epoch = epoch + 1, host = NULL"
                  + " WHERE slot = ANY (?) AND host = ?")) {
        update.setArray(1, array);
        update.setString(2, host);
        update.executeUpdate();
      }
      connection.commit();
    } finally {
      array.free();
    }
  }

  /** Whether a lock was not to be had in time. */
  static boolean isLocked(SQLException failure) {
    return "55P03".equals(failure.getSQLState());
  }

  private void raiseEpochs(Connection connection, List<Integer> slots) throws SQLException {
    // Looked at again: while this host waited for the locks, another one may have come and taken
    // them, whose row the statement before could not see.
    Array array = connection.createArrayOf("integer", slots.toArray());
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE slots SET epoch = epoch + 1, host = ? WHERE slot = ANY (?) AND " + FREE)) {
      update.setString(1, host);
      update.setArray(2, array);
      update.executeUpdate();
    } finally {
      array.free();
    }
  }

  /** The slots that have this host's name, with their epochs. */
  Map<Integer, Long> owned(Connection connection) throws SQLException {
    Map<Integer, Long> epochs = epochs(connection);
    connection.commit();
    return epochs;
  }

  private Map<Integer, Long> epochs(Connection connection) throws SQLException {
    Map<Integer, Long> epochs = new HashMap<>();
    try (PreparedStatement select =
        connection.prepareStatement("SELECT slot, epoch FROM slots WHERE host = ?")) {
      select.setString(1, host);
      try (ResultSet results = select.executeQuery()) {
        while (results.next()) {
          epochs.put(results.getInt(1), results.getLong(2));
        }
      }
    }
    return epochs;
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

  private List<Beats.Other> others(PreparedStatement select) throws SQLException {
    select.setString(1, host);
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
