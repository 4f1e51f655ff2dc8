package dev.seriatim.service.storage;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * Which of the slots a host takes: all that are free, or what its cluster asks for. Owned by the
 * thread of its {@link HostLease}, if not said otherwise.
 */
abstract class SlotClaims implements AutoCloseable {
  /**
   * Does what follows from what the tables say. A beat has come through on this connection since it
   * was opened.
   */
  abstract void act(HostTable.View view, long now) throws SQLException;

  /** Whether this host has to look at the tables sooner than it beats. */
  abstract boolean isWaiting(long now);

  /** Does what is asked of it. */
  abstract void work() throws SQLException;

  /** Something went wrong; what is asked of it will not be done. */
  abstract void failed(Throwable failure);

  /** This host has a row, which is new. */
  abstract void joined() throws SQLException;

  /** The connection is new, and so may be the server. */
  abstract void reconnected();

  /** The host's row is gone, and what it owned with it. */
  abstract void lostAll();

  /**
   * The store went back in time, and this host owns nothing any more.
   *
   * @param claimFrom when something may be claimed again; null if at once
   */
  abstract void wentBack(@Nullable Long claimFrom);

  /** The thread has ended. */
  @Override
  public abstract void close();
}
