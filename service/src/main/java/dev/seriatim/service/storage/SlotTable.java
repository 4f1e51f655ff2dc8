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

  SlotTable(String host, Duration lease) {
    this.host = host;
    this.leaseMillis = lease.toMillis();
  }

  /**
   * What the tables say.
   *
   * @param owned how many slots have this host's name, and {@code epochs} is the sum of theirs
   * @param free how many slots belong to no host
   * @param owner some other host that owns slots, if there is one
   */
  record View(List<Beats.Other> others, int owned, long epochs, int free, @Nullable String owner) {}

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
            "INSERT INTO hosts (host, beat, slots, lease_millis, lease_until) VALUES (?, ?, 0, ?,"
                + " clock_timestamp() + ? * interval '1 millisecond')"
                + " ON CONFLICT (host) DO UPDATE SET beat = excluded.beat")) {
      insert.setString(1, host);
      insert.setLong(2, beat);
      insert.setLong(3, leaseMillis);
      insert.setLong(4, leaseMillis);
      insert.executeUpdate();
    }
    connection.commit();
  }

  /**
   * Beats.
   *
   * @param beat one that this host has never made before
   * @param slots how many slots this host thinks it owns
   * @return null if this host has no row: it was buried, or has not joined yet
   */
  @Nullable Renewal renew(Connection connection, long beat, int slots) throws SQLException {
    long before;
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE hosts SET beat = ?, slots = ?,"
                + " lease_until = clock_timestamp() + ? * interval '1 millisecond'"
                + " FROM (SELECT host, beat FROM hosts WHERE host = ? FOR UPDATE) AS old"
                + " WHERE hosts.host = old.host RETURNING old.beat")) {
      update.setLong(1, beat);
      update.setInt(2, slots);
      update.setLong(3, leaseMillis);
      update.setString(4, host);
      try (ResultSet results = update.executeQuery()) {
        if (!results.next()) {
          connection.rollback();
          return null;
        }
        before = results.getLong(1);
      }
    }
    long group = -1;
    try (PreparedStatement select =
        connection.prepareStatement("SELECT number FROM commit_groups WHERE host = ?")) {
      select.setString(1, host);
      try (ResultSet results = select.executeQuery()) {
        if (results.next()) {
          group = results.getLong(1);
        }
      }
    }
    View view = view(connection);
    connection.commit();
    return new Renewal(before, group, view);
  }

  /** Only looks. */
  View look(Connection connection) throws SQLException {
    View view = view(connection);
    connection.commit();
    return view;
  }

  private View view(Connection connection) throws SQLException {
    List<Beats.Other> others;
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT host, " + SIGN + ", " + LEASE_MILLIS + ", slots FROM hosts WHERE host <> ?")) {
      others = others(select);
    }
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT count(*) FILTER (WHERE host = ?),"
                + " coalesce(sum(epoch) FILTER (WHERE host = ?), 0),"
                + " count(*) FILTER (WHERE "
                + FREE
                + "), min(host) FILTER (WHERE host <> ? AND NOT "
                + FREE
                + ") FROM slots")) {
      select.setString(1, host);
      select.setString(2, host);
      select.setString(3, host);
      try (ResultSet results = select.executeQuery()) {
        results.next();
        return new View(
            others, results.getInt(1), results.getLong(2), results.getInt(3), results.getString(4));
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
   * Takes every free slot, and locks no other.
   *
   * @return null if this host has no row any more
   */
  @Nullable Claim claim(Connection connection) throws SQLException {
    // This host must not be buried meanwhile. And no other may be in the middle of a renewal: the
    // next one that it makes has to see what is taken here.
    List<Beats.Other> owners;
    boolean joined;
    try (PreparedStatement select =
        connection.prepareStatement("SELECT FROM hosts WHERE host = ? FOR KEY SHARE")) {
      select.setString(1, host);
      try (ResultSet results = select.executeQuery()) {
        joined = results.next();
      }
    }
    if (!joined) {
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

  /** In the order in which commits lock slots, and in which every host takes them. */
  private static List<Integer> lockFree(Connection connection) throws SQLException {
    List<Integer> slots = new ArrayList<>();
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT slot FROM slots WHERE " + FREE + " ORDER BY slot FOR UPDATE");
        ResultSet results = select.executeQuery()) {
      while (results.next()) {
        slots.add(results.getInt(1));
      }
    }
    return slots;
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
        others.add(
            new Beats.Other(
                results.getString(1),
                results.getString(2),
                Duration.ofMillis(results.getLong(3)).toNanos(),
                results.getInt(4)));
      }
    }
    return others;
  }
}
