package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * The row of an object, and the value of a key. An object that comes to a host asks for both before
 * it does anything else, and others come with it: so they are one question.
 *
 * @param value null if the key has none
 */
record FirstValue(ObjectRow row, @Nullable ByteString value) {
  static FirstValue read(
      JdbcStore store, JdbcStore.Statements statements, ObjectKey object, String key)
      throws SQLException {
    PreparedStatement select =
        statements.prepare(
            "SELECT objects.object, name, entries.object, value FROM objects"
                + " LEFT JOIN entries ON entries.object = objects.object AND key = ?"
                + " WHERE id = ? AND namespace = ?");
    store.setKey(select, 1, key);
    select.setBytes(2, object.id().toByteArray());
    select.setString(3, object.namespace());
    try (ResultSet results = select.executeQuery()) {
      if (!results.next()) {
        return new FirstValue(ObjectRow.NONE, null);
      }
      ObjectRow row = new ObjectRow(results.getLong(1), store.name(results, 2));
      long _ = results.getLong(3);
      return new FirstValue(row, results.wasNull() ? null : JdbcStore.value(results, 4));
    }
  }
}
