package dev.seriatim.service.storage;

import dev.seriatim.service.threads.Enduring;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes the rows of sessions and keys that have expired. Any host may do that, whoever owns the
 * objects, and without the fence: one that has expired can make nobody's answer wrong.
 *
 * <p>A virtual thread, which mostly sleeps.
 */
final class SessionSweeper implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(SessionSweeper.class);

  /** What has rows that expire. */
  interface Rows {
    /**
     * Removes some that have.
     *
     * @return how many; fewer than {@code most} if there are no more
     */
    int sweep(int most) throws SQLException;
  }

  private final Rows rows;
  private final SweepPace pace;
  private final Duration pause;
  private final CountDownLatch closed = new CountDownLatch(1);

  SessionSweeper(Rows rows) {
    this(rows, SweepPace.PAUSE);
  }

  /** One that pauses for this time, for tests. */
  SessionSweeper(Rows rows, Duration pause) {
    this.rows = rows;
    this.pause = pause;
    this.pace = new SweepPace(pause);
  }

  void start() {
    Enduring.virtualThread("seriatim-sweeper", this::run).start();
  }

  /** Begins nothing any more. */
  @Override
  public void close() {
    closed.countDown();
  }

  private void run() {
    try {
      long nanos = pause.toNanos();
      while (!closed.await(nanos, TimeUnit.NANOSECONDS)) {
        nanos = step();
      }
    } catch (InterruptedException e) {
      LOGGER.warn("the thread that removes old sessions was stopped");
    }
  }

  private long step() {
    long began = System.nanoTime();
    int removed = 0;
    try {
      removed = rows.sweep(pace.most());
    } catch (SQLException | RuntimeException | Error e) { // The next time it may go better.
      failed(e);
    }
    return pace.pauseAfter(removed, System.nanoTime() - began);
  }

  /** They take room, and no more than that; whoever needs the store says so if it is away. */
  static void failed(Throwable failure) {
    LOGGER.debug("expired sessions could not be removed", failure);
  }
}
