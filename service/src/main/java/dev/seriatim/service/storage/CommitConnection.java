package dev.seriatim.service.storage;

import dev.seriatim.service.threads.Enduring;
import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What the committer writes through: opened when it is needed, watched while it is used, and
 * dropped when something has failed. The committer's.
 */
final class CommitConnection implements AutoCloseable {
  /**
   * A database that waits for a lock as long as the patience says so by itself; a little later it
   * is clear that it doesn't.
   */
  private static final long SLACK_NANOS = Duration.ofMillis(500).toNanos();

  private final JdbcStore store;

  /** Null if who waits for the store can be called back. */
  private final @Nullable HangWatch watch;

  private @Nullable JdbcWriter writer;

  /** Until when the present use may last. */
  private long until;

  /**
   * @param standIn does what the committer would do if the store let it
   */
  CommitConnection(JdbcStore store, HangWatch.StandIn standIn) {
    this.store = store;
    this.watch = store.mayHang() ? new HangWatch("committer", standIn) : null;
  }

  void start() {
    if (watch != null) {
      watch.start();
    }
  }

  /**
   * The writer, which is used from now on.
   *
   * @param limit until when, as {@link JdbcWriter#use}
   */
  JdbcWriter use(long limit) throws SQLException {
    until = limit + SLACK_NANOS;
    goOn();
    JdbcWriter open = writer;
    if (open == null) {
      open = store.openWriter(limit);
      writer = open;
    } else {
      open.use(limit);
    }
    return open;
  }

  /**
   * Nobody stands in for the committer from here on, until it {@link #goOn goes on}.
   *
   * @throws SQLException if somebody has, so that all that was written is lost
   */
  void requireInTime() throws SQLException {
    if (watch != null && watch.leave()) {
      throw new SQLException("the store did not answer in time, and what was written is lost");
    }
  }

  /** The committer goes on to use it. */
  void goOn() {
    if (watch != null) {
      watch.enter(until);
    }
  }

  /** It isn't used any more, and all went well. */
  void used() {
    if (writer != null) {
      boolean _ = writer.used();
    }
    leave();
  }

  private void leave() {
    if (watch != null) {
      boolean _ = watch.leave();
    }
  }

  /** The writer, if there is one, to be used for what isn't urgent. */
  void betweenGroups(long limit) {
    JdbcWriter open = writer;
    if (open != null) {
      until = limit + SLACK_NANOS;
      goOn();
      try {
        store.betweenGroups(open);
      } finally {
        leave();
      }
    }
  }

  /** Something that was begun then has failed. Says why, as a failure of the store. */
  SQLException abandon(Throwable failure, long began) {
    if (abandon()) {
      long millis = (System.nanoTime() - began) / 1_000_000;
      return new SQLException("it has said nothing for " + millis + " ms", "08006");
    }
    // A batch that fails says what was to be written, and that is the object's own.
    return failure instanceof BatchUpdateException batch && batch.getNextException() != null
        ? batch.getNextException()
        : failure instanceof SQLException e ? e : new SQLException(failure.toString(), failure);
  }

  /** Whether it was used for too long, and was ended. */
  boolean abandon() {
    JdbcWriter open = writer;
    try {
      if (open == null) {
        return false;
      }
      boolean ended = open.used();
      Enduring.step(open::abandon);
      return ended;
    } finally {
      writer = null;
      leave();
    }
  }

  /** Closes it, for another one to be opened when it is needed. */
  void drop() {
    JdbcWriter open = writer;
    writer = null;
    if (open != null) {
      open.close();
    }
  }

  /** Nobody commits any more. */
  @Override
  public void close() {
    drop();
    if (watch != null) {
      watch.close();
    }
  }
}
