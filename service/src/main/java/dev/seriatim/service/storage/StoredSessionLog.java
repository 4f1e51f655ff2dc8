package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The rows of sessions and keys of one object in a database. Guarded by the monitor of the object's
 * log, which isn't held while the database works. Few objects have one.
 */
final class StoredSessionLog implements SessionLog {
  private final StoredLog log;

  /** The life in which rows were read that nobody has asked the gate for; 0 if none were. */
  private int readIn;

  StoredSessionLog(StoredLog log) {
    this.log = log;
  }

  @Override
  public SessionCounts counts() {
    int pendingKeys;
    synchronized (log) {
      log.beginLife();
      PendingWrites pending = log.pending();
      pendingKeys = pending == null ? 0 : pending.keys();
    }
    try {
      SessionCounts durable = log.engine().store().sessions().count(log.key);
      return new SessionCounts(durable.sessions(), durable.keys() + pendingKeys);
    } catch (SQLException e) {
      throw log.engine().notRead(log.key, e);
    }
  }

  @Override
  public List<SessionId> keys(int most) {
    List<SessionId> keys = new ArrayList<>();
    synchronized (log) {
      log.beginLife();
      PendingWrites pending = log.pending();
      if (pending != null) {
        pending.addKeys(keys); // Before the store is asked: meanwhile they may get there.
      }
    }
    try {
      keys.addAll(log.engine().store().sessions().keys(log.key, most));
      return keys;
    } catch (SQLException e) {
      throw log.engine().notRead(log.key, e);
    }
  }

  @Override
  public @Nullable SessionRow read(SessionId session) {
    SessionWrite write;
    synchronized (log) {
      log.beginLife();
      if (readIn == 0) {
        readIn = log.currentLife();
      }
      PendingWrites pending = log.pending();
      write = pending == null ? null : pending.session(session);
    }
    if (write != null) {
      return write.row();
    }
    try {
      return log.engine().store().readSession(log.key, session);
    } catch (SQLException e) {
      throw log.engine().notRead(log.key, e);
    }
  }

  @Override
  public long gate() {
    synchronized (log) {
      int read = readIn;
      readIn = 0;
      log.beginLife();
      if (read != 0 && read != log.currentLife()) {
        throw new StorageException(
            "what was read of sessions of object "
                + log.key
                + " may be lost, with commits that failed");
      }
      long last = log.pendingCommit();
      if (last != 0) {
        return last;
      }
      return log.isCertain() ? 0 : log.submit(null);
    }
  }

  @Override
  public long submit(SessionWrite write) {
    synchronized (log) {
      log.beginLife();
      return log.submit(write);
    }
  }
}
