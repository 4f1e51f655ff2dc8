package dev.seriatim.service.storage;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.threads.Enduring;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks, again and again: for a directory that another host has, whether that one is gone; and for
 * one that is this host's, whether it is still there. A host whose directory was deleted or
 * replaced finds out at its next commit; this one finds it out if there is none.
 */
final class DirectoryWatch implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(DirectoryWatch.class);
  private static final long LOOK_AGAIN_MILLIS = 250;

  private final SqliteStore store;
  private final Thread thread;
  private final CountDownLatch closed = new CountDownLatch(1);

  DirectoryWatch(SqliteStore store) {
    this.store = store;
    this.thread = Enduring.thread("seriatim-directory", this::run);
  }

  void start() {
    thread.start();
  }

  /** Ends the watch; when this returns, nothing is taken any more. */
  @Override
  public void close() {
    closed.countDown();
    Uninterruptibles.joinUninterruptibly(thread);
  }

  private void run() {
    try {
      if (!store.isTaken()) {
        LOGGER.warn("waiting: {}", store.ownership().reason());
        awaitDirectory();
      }
      watchDirectory();
    } catch (InterruptedException e) {
      LOGGER.warn("the thread that watches {} was interrupted", store);
    }
  }

  private boolean pause() throws InterruptedException {
    return !closed.await(LOOK_AGAIN_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void awaitDirectory() throws InterruptedException {
    boolean failed = false;
    while (pause()) {
      try {
        if (store.tryTake()) {
          LOGGER.info("this host has {} now", store);
          return;
        }
        failed = false;
      } catch (StorageException e) {
        if (!failed) {
          failed = true;
          LOGGER.error("{}; it is tried again and again until it can", e.getMessage());
        }
      }
    }
  }

  private void watchDirectory() throws InterruptedException {
    while (pause()) {
      if (!store.isInPlace()) {
        LOGGER.error(
            "{}. Nothing is read or written any more; start the host again",
            store.ownership().reason());
        return;
      }
    }
  }
}
