package dev.seriatim.service.storage;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;

/**
 * Removes expired rows of sessions from a SQLite file. Only one connection can write to it, and
 * that is the committer's; so the committer does it between two groups, in steps. The committer's,
 * but for {@link #isDue}.
 */
final class SqliteSweep {
  private final SqliteStore store;
  private final SweepPace pace = new SweepPace();

  /** Whether there may be something to remove. Set by any thread, and taken back here. */
  private volatile boolean due;

  /** The next step isn't before that, on {@link System#nanoTime}. */
  private long from = System.nanoTime();

  SqliteSweep(SqliteStore store) {
    this.store = store;
  }

  /** There may be something to remove. Any thread. */
  void isDue() {
    due = true;
  }

  void betweenGroups(JdbcWriter writer) {
    if (due) {
      long began = System.nanoTime();
      if (began - from >= 0) {
        step(writer, began);
      }
    }
  }

  private void step(JdbcWriter writer, long began) {
    int most = pace.most();
    due = false;
    int removed = 0;
    try {
      removed = remove(writer, most);
    } catch (SQLException e) {
      SessionSweeper.failed(e);
      rollback(writer);
    }
    long ended = System.nanoTime();
    if (removed >= most) {
      due = true;
      from = ended + pace.pauseAfter(removed, ended - began);
    } else {
      long _ = pace.pauseAfter(removed, ended - began);
    }
  }

  private int remove(JdbcWriter writer, int most) throws SQLException {
    PreparedStatement delete =
        writer.prepare(
            "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE expires < "
                + store.minute()
                + " ORDER BY expires LIMIT ?)");
    store.setMinute(delete, 1, Duration.ZERO);
    delete.setInt(2, most);
    int removed = delete.executeUpdate();
    writer.commit();
    return removed;
  }

  private static void rollback(JdbcWriter writer) {
    try {
      writer.rollback();
    } catch (SQLException e) {
      SessionSweeper.failed(e); // The next group finds out what is wrong.
    }
  }
}
