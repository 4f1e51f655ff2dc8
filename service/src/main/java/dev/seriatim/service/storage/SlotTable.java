package dev.seriatim.service.storage;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The transactions by which hosts take the slots of a PostgreSQL database and give them up: values
 * in, values out. Each of them ends with its method, and waits for a lock no longer than its
 * connection allows.
 *
 * <p>A slot is free if its host has no row in {@link HostTable}. Whoever owns a slot has raised its
 * epoch.
 */
final class SlotTable {
  /** Slots that nobody owns. A host that has left or was buried has no row. */
  private static final String FREE =
      "(host IS NULL OR NOT EXISTS (SELECT FROM hosts WHERE hosts.host = slots.host))";

  private final String host;

  SlotTable(String host) {
    this.host = host;
  }

  /**
   * What a claim has got.
   *
   * @param epochs all slots that have this host's name now, with their epochs
   * @param owners the others that thought they owned slots, when they beat last
   */
  record Claim(Map<Integer, Long> epochs, List<Beats.Other> owners) {}

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
            "SELECT "
                + HostTable.OTHER
                + " FROM hosts WHERE host <> ? AND slots > 0 ORDER BY host FOR SHARE")) {
      select.setString(1, host);
      owners = HostTable.others(select);
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
    if (locked.isEmpty() || !mayClaim(connection)) {
      connection.rollback(); // Nothing was changed: nothing has to come to the disk.
      return Map.of();
    }
    Map<Integer, Long> epochs = new HashMap<>();
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
    connection.commit();
    return epochs;
  }

  /**
   * Whether this host has a row, which nobody takes away until the transaction ends, and no host
   * owns slots that shares none.
   */
  private boolean mayClaim(Connection connection) throws SQLException {
    return keepJoined(connection)
        && !exists(connection, "hosts JOIN slots USING (host) WHERE cluster_address IS NULL");
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
}
