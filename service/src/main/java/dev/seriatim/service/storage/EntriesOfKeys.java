package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads entries of one object by their keys, many at a time. For one thread. */
final class EntriesOfKeys {
  /**
   * For how many keys there are statements: few, since each is kept. The last key stands for those
   * that are missing.
   */
  private static final int FEW = 8;

  private static final int MANY = 128;

  private final JdbcStore store;
  private final JdbcStore.Statements statements;
  private final long row;
  private final Map<String, ByteString> values = new HashMap<>();

  EntriesOfKeys(JdbcStore store, JdbcStore.Statements statements, long row) {
    this.store = store;
    this.statements = statements;
    this.row = row;
  }

  /** The values of those of these keys, at least one, that have one. */
  Map<String, ByteString> read(List<String> keys) throws SQLException {
    for (int from = 0; from < keys.size(); from += MANY) {
      readSome(keys.subList(from, Math.min(keys.size(), from + MANY)));
    }
    return values;
  }

  private void readSome(List<String> keys) throws SQLException {
    int places = keys.size() <= FEW ? FEW : MANY;
    PreparedStatement select = statements.prepare(sql(places));
    select.setLong(1, row);
    for (int place = 0; place < places; place++) {
      store.setKey(select, 2 + place, keys.get(Math.min(place, keys.size() - 1)));
    }
    try (ResultSet results = select.executeQuery()) {
      while (results.next()) {
        values.put(store.key(results, 1), JdbcStore.value(results, 2));
      }
    }
  }

  private static String sql(int places) {
    return "SELECT key, value FROM entries WHERE object = ? AND key IN ("
        + String.join(", ", Collections.nCopies(places, "?"))
        + ")";
  }
}
