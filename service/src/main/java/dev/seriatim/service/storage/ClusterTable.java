package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The transactions by which the hosts of a cluster tell each other who they are, and decide who
 * goes on: values in, values out. Each of them ends with its method.
 */
final class ClusterTable {
  private static final String ACTIVE = "active";
  private static final String LEAVING = "leaving";

  /** What a host says that has said nothing. */
  static final Slots.Announcement NOTHING =
      new Slots.Announcement("", "", "", List.of(), /* leaving= */ false, ByteString.EMPTY);

  private final String host;

  ClusterTable(String host) {
    this.host = host;
  }

  /**
   * Says this in the row of this host, if it has one.
   *
   * @param said a number that this host has said nothing under before
   */
  void announce(Connection connection, Slots.Announcement says, long said) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE hosts SET address = ?, cluster_address = ?, version = ?, namespaces = ?,"
                + " state = ?, token = ?, said = ? WHERE host = ?")) {
      update.setString(1, says.address());
      update.setString(2, says.clusterAddress());
      update.setString(3, says.version());
      update.setBytes(4, encode(says.namespaces()));
      update.setString(5, says.leaving() ? LEAVING : ACTIVE);
      update.setBytes(6, says.token().toByteArray());
      update.setLong(7, said);
      update.setString(8, host);
      update.executeUpdate();
    }
    connection.commit();
  }

  /** What these hosts say of themselves, as far as they have a row. */
  Map<String, Slots.Announcement> announcements(Connection connection, Collection<String> hosts)
      throws SQLException {
    Map<String, Slots.Announcement> found = new HashMap<>();
    Array array = connection.createArrayOf("text", hosts.toArray());
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT host, address, cluster_address, version, namespaces, state, token FROM hosts"
                + " WHERE host = ANY (?)")) {
      select.setArray(1, array);
      try (ResultSet results = select.executeQuery()) {
        while (results.next()) {
          found.put(
              results.getString(1),
              new Slots.Announcement(
                  text(results, 2),
                  text(results, 3),
                  text(results, 4),
                  decode(results.getBytes(5)),
                  LEAVING.equals(results.getString(6)),
                  JdbcStore.value(results, 7)));
        }
      }
    } finally {
      array.free();
    }
    connection.commit();
    return found;
  }

  /** As {@link Slots#acquireLease}. */
  boolean acquire(Connection connection, String name, Duration time) throws SQLException {
    boolean acquired;
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO leases (name, host, until) SELECT ?, host,"
                + " clock_timestamp() + ? * interval '1 millisecond' FROM hosts WHERE host = ?"
                + " ON CONFLICT (name) DO UPDATE SET host = excluded.host, until = excluded.until"
                + " WHERE leases.host = excluded.host OR leases.until < clock_timestamp()"
                + " OR NOT EXISTS (SELECT FROM hosts WHERE hosts.host = leases.host)")) {
      insert.setString(1, name);
      insert.setLong(2, time.toMillis());
      insert.setString(3, host);
      acquired = insert.executeUpdate() == 1;
    }
    connection.commit();
    return acquired;
  }

  /** As {@link Slots#releaseLease}. */
  void release(Connection connection, String name) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM leases WHERE name = ? AND host = ?")) {
      delete.setString(1, name);
      delete.setString(2, host);
      delete.executeUpdate();
    }
    connection.commit();
  }

  private static String text(ResultSet results, int index) throws SQLException {
    String text = results.getString(index);
    return text == null ? "" : text;
  }

  /** One after the other, each behind its length. */
  private static byte[] encode(List<ByteString> namespaces) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      for (ByteString namespace : namespaces) {
        out.writeBytesNoTag(namespace);
      }
      out.flush();
    } catch (IOException e) {
      throw new IllegalStateException("bytes in memory can't be written", e);
    }
    return bytes.toByteArray();
  }

  private static List<ByteString> decode(byte @Nullable [] bytes) throws SQLException {
    List<ByteString> namespaces = new ArrayList<>();
    if (bytes != null) {
      CodedInputStream in = CodedInputStream.newInstance(bytes);
      try {
        while (!in.isAtEnd()) {
          namespaces.add(in.readBytes());
        }
      } catch (IOException e) {
        throw new SQLException("what a host says of its namespaces can't be read", e);
      }
    }
    return List.copyOf(namespaces);
  }
}
