package dev.seriatim.testing;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An object that has stored something.
 *
 * @param namespace its namespace
 * @param name its name, if anyone has opened it by that
 * @param id its id, as 64 hexadecimal digits
 */
public record StoredObject(String namespace, Optional<String> name, String id) {
  /** Those in the store in this directory, by namespace and name; those without one last. */
  static List<StoredObject> all(Path directory) {
    List<StoredObject> all = new ArrayList<>();
    try (Connection store =
            DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("seriatim.db"));
        PreparedStatement select =
            store.prepareStatement(
                "SELECT namespace, name, id FROM readable_objects"
                    + " ORDER BY namespace, name IS NULL, name, id");
        ResultSet rows = select.executeQuery()) {
      while (rows.next()) {
        all.add(
            new StoredObject(
                rows.getString(1), Optional.ofNullable(rows.getString(2)), rows.getString(3)));
      }
    } catch (SQLException e) {
      throw new IllegalStateException("the store of the host under test can't be read", e);
    }
    return all;
  }
}
