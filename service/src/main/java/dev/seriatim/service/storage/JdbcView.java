package dev.seriatim.service.storage;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSortedMap;
import com.google.common.collect.Iterables;
import com.google.errorprone.annotations.FormatMethod;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a database has committed, in one of its transactions. */
final class JdbcView implements StoredView {
  /** How many rows a page looks at, however few of them it is about. */
  static final int MOST_ROWS = 10_000;

  /** How many objects are looked up by one statement. */
  private static final int IDS = 64;

  /** How many values are sized up by one statement, before they are read. */
  private static final int KEYS = 256;

  private static final String SELECT =
      "SELECT id, name, due, retries FROM objects LEFT JOIN alarms USING (object) WHERE ";

  private static final String OBJECTS = SELECT + "objects.namespace = ? AND ";

  /**
   * By their ids, of which two namespaces have none in common. Given the namespace as it is, SQLite
   * would rather go through all names in it than look for 64 ids.
   */
  private static final String OBJECTS_BY_ID = SELECT + "objects.namespace || '' = ? AND id IN (";

  private final JdbcStore store;
  private final ReadTransaction transaction;

  JdbcView(JdbcStore store, ReadTransaction transaction) {
    this.store = store;
    this.transaction = transaction;
  }

  @Override
  public void hold() {
    transaction.hold();
  }

  @Override
  public void close() {
    transaction.close();
  }

  @Override
  public ImmutableList<String> namespaces() {
    try {
      // From one to the next, in whatever order the database likes: each costs a search in an
      // index.
      List<String> found = new ArrayList<>();
      PreparedStatement next =
          transaction.prepare(
              "SELECT namespace FROM objects WHERE namespace > ? ORDER BY namespace LIMIT 1");
      for (String last = ""; last != null; ) {
        next.setString(1, last);
        try (ResultSet results = next.executeQuery()) {
          last = results.next() ? results.getString(1) : null;
        }
        if (last != null) {
          found.add(last);
        }
      }
      return ImmutableList.sortedCopyOf(Keys.ORDER, found);
    } catch (SQLException e) {
      throw notRead(e, "the namespaces");
    }
  }

  @Override
  public ImmutableSortedMap<String, Long> countObjects() {
    try {
      ImmutableSortedMap.Builder<String, Long> counts = ImmutableSortedMap.orderedBy(Keys.ORDER);
      PreparedStatement select =
          transaction.prepare("SELECT namespace, count(*) FROM objects GROUP BY namespace");
      try (ResultSet results = select.executeQuery()) {
        while (results.next()) {
          counts.put(results.getString(1), results.getLong(2));
        }
      }
      return counts.buildOrThrow();
    } catch (SQLException e) {
      throw notRead(e, "how many objects there are");
    }
  }

  // ---- pages of objects

  @Override
  public Page objects(ObjectFilter filter, @Nullable ObjectPlace after, int limit) {
    String only = filter.namespace();
    Rows rows = new Rows(filter, limit);
    try {
      for (String namespace : only == null ? namespaces() : ImmutableList.of(only)) {
        int order = after == null ? 1 : Keys.compare(namespace, after.namespace());
        if (order < 0 || rows.isFull()) {
          continue;
        }
        ObjectPlace from = order == 0 ? after : null;
        if (from == null || from.name() != null) {
          readNamed(rows, namespace, from);
        }
        if (filter.namePrefix().isEmpty() && !rows.isFull()) {
          readNameless(rows, namespace, from == null || from.name() != null ? null : from);
        }
      }
    } catch (SQLException e) {
      throw notRead(e, "the objects");
    }
    return new Page(rows.found.build(), rows.isFull() ? rows.last : null);
  }

  /** The part of a page that has been read. */
  private final class Rows {
    final ObjectFilter filter;
    final int limit;
    final ImmutableList.Builder<StoredObject> found = ImmutableList.builder();
    @Nullable ObjectPlace last;
    private int read;
    private int kept;

    Rows(ObjectFilter filter, int limit) {
      this.filter = filter;
      this.limit = limit;
    }

    boolean isFull() {
      return kept >= limit || read >= MOST_ROWS;
    }

    int room() {
      return filter.alarm() ? MOST_ROWS - read : Math.min(limit - kept, MOST_ROWS - read);
    }

    void read(PreparedStatement select, String namespace) throws SQLException {
      try (ResultSet results = select.executeQuery()) {
        while (!isFull() && results.next()) {
          StoredObject object = object(results, namespace);
          read++;
          last = object.place();
          if (!filter.alarm() || object.alarmTime() != null) {
            kept++;
            found.add(object);
          }
        }
      }
    }
  }

  private void readNamed(Rows rows, String namespace, @Nullable ObjectPlace after)
      throws SQLException {
    String prefix = rows.filter.namePrefix();
    String behind = after == null ? null : after.name();
    if (behind != null && Keys.compare(behind, prefix) < 0) {
      behind = null;
    }
    String end = Keys.endOfPrefix(prefix);
    PreparedStatement select =
        transaction.prepare(
            OBJECTS
                + (behind == null ? "name >= ?" : "(name, id) > (?, ?)")
                + (end == null ? "" : " AND name < ?")
                + " ORDER BY name, id LIMIT ?");
    int index = 1;
    select.setString(index++, namespace);
    store.setName(select, index++, behind == null ? prefix : behind);
    if (behind != null && after != null) {
      select.setBytes(index++, after.id().toByteArray());
    }
    if (end != null) {
      store.setName(select, index++, end);
    }
    select.setInt(index, rows.room());
    rows.read(select, namespace);
  }

  private void readNameless(Rows rows, String namespace, @Nullable ObjectPlace after)
      throws SQLException {
    PreparedStatement select =
        transaction.prepare(
            OBJECTS
                + "name IS NULL"
                + (after == null ? "" : " AND id > ?")
                + " ORDER BY name, id LIMIT ?");
    int index = 1;
    select.setString(index++, namespace);
    if (after != null) {
      select.setBytes(index++, after.id().toByteArray());
    }
    select.setInt(index, rows.room());
    rows.read(select, namespace);
  }

  private StoredObject object(ResultSet results, String namespace) throws SQLException {
    ObjectPlace place =
        new ObjectPlace(namespace, store.name(results, 2), JdbcStore.value(results, 1));
    long due = results.getLong(3);
    return new StoredObject(
        place,
        results.wasNull() ? null : StoredObject.Alarm.of(new AlarmTime(due, results.getInt(4))));
  }

  // ---- single objects

  @Override
  public ImmutableMap<ByteString, StoredObject> find(String namespace, Collection<ByteString> ids) {
    ImmutableMap.Builder<ByteString, StoredObject> found = ImmutableMap.builder();
    try {
      for (List<ByteString> some : Iterables.partition(ids, IDS)) {
        // Of the same length each time, but for one alone, so that there are few statements.
        int places = some.size() == 1 ? 1 : IDS;
        PreparedStatement select = transaction.prepare(OBJECTS_BY_ID + questions(places) + ")");
        select.setString(1, namespace);
        for (int i = 0; i < places; i++) {
          select.setBytes(2 + i, some.get(Math.min(i, some.size() - 1)).toByteArray());
        }
        try (ResultSet results = select.executeQuery()) {
          while (results.next()) {
            StoredObject object = object(results, namespace);
            found.put(object.place().id(), object);
          }
        }
      }
    } catch (SQLException e) {
      throw notRead(e, "objects of %s", namespace);
    }
    return found.buildOrThrow();
  }

  private static String questions(int places) {
    return String.join(", ", Collections.nCopies(places, "?"));
  }

  @Override
  public StoredObject.Size size(String namespace, ByteString id) {
    try {
      PreparedStatement select =
          transaction.prepare(
              "SELECT count(*), coalesce(sum(octet_length(key) + octet_length(value)), 0)"
                  + " FROM entries WHERE object = ?");
      select.setLong(1, row(namespace, id));
      try (ResultSet results = select.executeQuery()) {
        results.next();
        return new StoredObject.Size(results.getLong(1), results.getLong(2));
      }
    } catch (SQLException e) {
      throw notRead(e, "the size of object %s", new ObjectKey(namespace, id));
    }
  }

  @Override
  public Entries entries(
      String namespace,
      ByteString id,
      String prefix,
      @Nullable String after,
      int limit,
      long maxBytes) {
    try {
      long row = row(namespace, id);
      ImmutableMap.Builder<String, ByteString> found = ImmutableMap.builder();
      long bytes = 0;
      int count = 0;
      String from = after;
      while (true) {
        Sizes sizes = sizes(row, prefix, from, Math.min(KEYS, limit - count) + 1);
        int fit = sizes.fit(Math.min(KEYS, limit - count), maxBytes - bytes, count == 0);
        if (fit > 0) {
          read(row, prefix, from, fit, found);
          from = sizes.keys.get(fit - 1);
          bytes += sizes.bytes(fit);
          count += fit;
        }
        boolean more = fit < sizes.keys.size();
        if (!more || fit < KEYS || count == limit) {
          return new Entries(found.buildOrThrow(), more);
        }
      }
    } catch (SQLException e) {
      throw notRead(e, "entries of object %s", new ObjectKey(namespace, id));
    }
  }

  /** How much some entries would take. Values are read only when they fit. */
  private static final class Sizes {
    final List<String> keys = new ArrayList<>();
    private final List<Long> bytes = new ArrayList<>();

    int fit(int limit, long room, boolean first) {
      long sum = 0;
      for (int i = 0; i < Math.min(limit, bytes.size()); i++) {
        sum += bytes.get(i);
        if (sum > room && !(first && i == 0)) {
          return i;
        }
      }
      return Math.min(limit, bytes.size());
    }

    long bytes(int count) {
      return bytes.subList(0, count).stream().mapToLong(Long::longValue).sum();
    }
  }

  private Sizes sizes(long row, String prefix, @Nullable String after, int limit)
      throws SQLException {
    Sizes sizes = new Sizes();
    PreparedStatement select =
        select(
            "key, octet_length(key) + octet_length(value)",
            row,
            Range.behind(prefix, after, limit));
    try (ResultSet results = select.executeQuery()) {
      while (results.next()) {
        sizes.keys.add(store.key(results, 1));
        sizes.bytes.add(results.getLong(2));
      }
    }
    return sizes;
  }

  private void read(
      long row,
      String prefix,
      @Nullable String after,
      int limit,
      ImmutableMap.Builder<String, ByteString> into)
      throws SQLException {
    PreparedStatement select = select("key, value", row, Range.behind(prefix, after, limit));
    try (ResultSet results = select.executeQuery()) {
      while (results.next()) {
        into.put(store.key(results, 1), JdbcStore.value(results, 2));
      }
    }
  }

  private PreparedStatement select(String columns, long row, Range range) throws SQLException {
    return store.selectEntries(transaction, columns, row, range, range.limit());
  }

  private long row(String namespace, ByteString id) throws SQLException {
    PreparedStatement select =
        transaction.prepare("SELECT object FROM objects WHERE id = ? AND namespace = ?");
    select.setBytes(1, id.toByteArray());
    select.setString(2, namespace);
    try (ResultSet results = select.executeQuery()) {
      return results.next() ? results.getLong(1) : ObjectRow.NO_ROW;
    }
  }

  @FormatMethod
  private StorageException notRead(SQLException e, String what, Object... about) {
    return store.failed(what.formatted(about) + " could not be read from " + store, e);
  }
}
