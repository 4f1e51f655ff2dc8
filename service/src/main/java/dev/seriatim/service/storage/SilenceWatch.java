package dev.seriatim.service.storage;

import com.google.common.util.concurrent.Uninterruptibles;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.threads.Enduring;
import java.sql.Connection;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a connection on which something takes too long. The thread that waits for the server, or for
 * room in the socket, goes on then at once; a driver's own timeouts are for each of its reads, and
 * for no write.
 *
 * <p>For one connection at a time. Its thread sleeps while nothing is under way, and otherwise
 * looks when something would have been too long, so that what goes well wakes it up once in that
 * time.
 */
final class SilenceWatch implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(SilenceWatch.class);

  private final Thread thread;

  /** What is being used; null if nothing is. */
  @GuardedBy("this")
  private @Nullable Connection used;

  /** Until when, on {@link System#nanoTime}. */
  @GuardedBy("this")
  private long until;

  /** Whether the last use took too long. */
  @GuardedBy("this")
  private boolean ended;

  /** When the thread looks again by itself; null if it doesn't. */
  @GuardedBy("this")
  private @Nullable Long looksAt;

  @GuardedBy("this")
  private boolean closed;

  SilenceWatch(String what) {
    thread = Enduring.thread("seriatim-" + what + "-watch", this::run);
    thread.start();
  }

  /** This connection is used from now on, and is ended if it still is at that time. */
  synchronized void begin(Connection connection, long untilNanos) {
    used = connection;
    until = untilNanos;
    ended = false;
    if (looksAt == null || untilNanos - looksAt < 0) {
      notifyAll();
    }
  }

  /**
   * It isn't used any more.
   *
   * @return whether it took too long, and the connection is ended
   */
  synchronized boolean end() {
    used = null;
    return ended;
  }

  private void run() {
    Connection late;
    while ((late = awaitLate()) != null) {
      Connection aborted = late;
      Enduring.step(() -> abort(aborted));
    }
  }

  /** What takes too long; null if the watch was closed. */
  private synchronized @Nullable Connection awaitLate() {
    while (!closed) {
      long left = until - System.nanoTime();
      if (used != null && left <= 0) {
        Connection late = used;
        used = null;
        ended = true;
        return late;
      }
      try {
        looksAt = used == null ? null : (Long) until;
        wait(used == null ? 0 : left / 1_000_000 + 1);
      } catch (InterruptedException e) {
        LOGGER.warn("a watch was interrupted; it goes on");
      }
    }
    return null;
  }

  /** Closes the socket, and says nothing to the server, which might have to be waited for. */
  static void abort(Connection connection) {
    try {
      connection.abort(Runnable::run);
    } catch (SQLException | RuntimeException e) {
      LOGGER.debug("a connection didn't end well", e);
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    Uninterruptibles.joinUninterruptibly(thread);
  }
}
