package dev.seriatim.service.storage;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Looks, again and again, whether a data directory is still there. A host whose directory was
 * deleted or replaced finds out at its next commit; this one finds it out if there is none.
 */
final class DirectoryWatch implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(DirectoryWatch.class.getName());
  private static final long LOOK_AGAIN_MILLIS = 500;

  private final SqliteStore store;
  private final Thread thread;
  private final CountDownLatch closed = new CountDownLatch(1);

  DirectoryWatch(SqliteStore store) {
    this.store = store;
    this.thread = Thread.ofPlatform().name("seriatim-directory").daemon().unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  @Override
  public void close() {
    closed.countDown();
  }

  private void run() {
    try {
      while (!closed.await(LOOK_AGAIN_MILLIS, TimeUnit.MILLISECONDS)) {
        if (!store.isInPlace() && closed.getCount() > 0) {
          LOGGER.log(
              System.Logger.Level.ERROR,
              "{0} was deleted or replaced while this host used it. Nothing is read or written any"
                  + " more; start the host again",
              store);
          return;
        }
      }
    } catch (InterruptedException e) {
      LOGGER.log(System.Logger.Level.WARNING, "the thread that watches {0} was interrupted", store);
    }
  }
}
