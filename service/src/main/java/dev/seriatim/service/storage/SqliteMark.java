package dev.seriatim.service.storage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;

/**
 * What this host has written into a SQLite file to find out whether another one uses it, too, or
 * somebody has restored an older state of it: its name and the epochs of all slots, and the number
 * of the last group that it committed. In the transaction of whoever asks; stateless.
 */
final class SqliteMark {
  private final String host;

  SqliteMark(String host) {
    this.host = host;
  }

  /** Raises the epochs, and begins to count groups here, in the connection's transaction. */
  void make(Connection connection, long group) throws SQLException {
    JdbcStore.execute(connection, "DELETE FROM commit_groups");
    try (PreparedStatement update =
            connection.prepareStatement("UPDATE slots SET epoch = epoch + 1, host = ?");
        PreparedStatement mark =
            connection.prepareStatement("INSERT INTO commit_groups (host, number) VALUES (?, ?)")) {
      update.setString(1, host);
      update.executeUpdate();
      mark.setString(1, host);
      mark.setLong(2, group);
      mark.executeUpdate();
    }
  }

  /** The epochs of all slots. */
  static long[] epochs(Connection connection) throws SQLException {
    long[] epochs = new long[ObjectKey.SLOTS];
    try (PreparedStatement select = connection.prepareStatement("SELECT slot, epoch FROM slots");
        ResultSet results = select.executeQuery()) {
      while (results.next()) {
        epochs[results.getInt(1)] = results.getLong(2);
      }
    }
    return epochs;
  }

  /** Whether the last group is this one; then it is the next one from now on. */
  boolean advance(JdbcWriter writer, long last, long next) throws SQLException {
    PreparedStatement update =
        writer.prepare("UPDATE commit_groups SET number = ? WHERE host = ? AND number = ?");
    update.setLong(1, next);
    update.setString(2, host);
    update.setLong(3, last);
    return update.executeUpdate() == 1;
  }

  /** The number of the last group; below 0 if there is none of this host. */
  long group(JdbcWriter writer) throws SQLException {
    PreparedStatement select = writer.prepare("SELECT number FROM commit_groups WHERE host = ?");
    select.setString(1, host);
    try (ResultSet results = select.executeQuery()) {
      return results.next() ? results.getLong(1) : -1;
    }
  }

  /** Whether any of these slots has been taken since. */
  static boolean epochsAreRaised(JdbcWriter writer, Map<Integer, Ownership.Tenure> tenures)
      throws SQLException {
    PreparedStatement select = writer.prepare("SELECT epoch FROM slots WHERE slot = ?");
    for (Ownership.Tenure tenure : tenures.values()) {
      select.setInt(1, tenure.slot);
      try (ResultSet results = select.executeQuery()) {
        if (results.next() && results.getLong(1) > tenure.epoch) {
          return true;
        }
      }
    }
    return false;
  }
}
