package dev.seriatim.service.storage;

import com.google.protobuf.ByteString;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The entries that one group writes. For the committer, and one group. */
final class EntryUpserts {
  private static final int COLUMNS = 3;

  private record Entry(long row, String key, ByteString value) {}

  private final JdbcStore store;
  private final List<Entry> entries = new ArrayList<>();

  EntryUpserts(JdbcStore store) {
    this.store = store;
  }

  /** Adds an entry of the object in this row; no other of the group has the same key there. */
  void add(long row, String key, ByteString value) {
    entries.add(new Entry(row, key, value));
  }

  /** Writes them, as many to a statement as the store is quickest with, and the rest one by one. */
  void write(JdbcWriter writer) throws SQLException {
    int many = store.entriesInStatement();
    int written = 0;
    if (many > 1 && entries.size() >= many) {
      PreparedStatement statement = writer.prepare(sql(many));
      for (; written + many <= entries.size(); written += many) {
        for (int i = 0; i < many; i++) {
          set(statement, i, entries.get(written + i));
        }
        statement.executeUpdate();
      }
    }
    if (written < entries.size()) {
      PreparedStatement statement = writer.prepare(sql(1));
      for (Entry entry : entries.subList(written, entries.size())) {
        set(statement, 0, entry);
        statement.addBatch();
      }
      statement.executeBatch();
    }
  }

  private static String sql(int count) {
    return "INSERT INTO entries (object, key, value) VALUES "
        + String.join(", ", Collections.nCopies(count, "(?, ?, ?)"))
        + " ON CONFLICT (object, key) DO UPDATE SET value = excluded.value";
  }

  private void set(PreparedStatement statement, int place, Entry entry) throws SQLException {
    int before = COLUMNS * place;
    statement.setLong(before + 1, entry.row());
    store.setKey(statement, before + 2, entry.key());
    statement.setBytes(before + 3, entry.value().toByteArray());
  }
}
