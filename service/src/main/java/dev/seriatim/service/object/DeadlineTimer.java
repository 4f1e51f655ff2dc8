package dev.seriatim.service.object;

import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The one timer of a host. Each of its tasks runs on a thread of its own, since a deadline that
 * passes runs the object's code, which may block. Safe for any number of threads.
 */
final class DeadlineTimer extends ScheduledThreadPoolExecutor {
  /** After this long it is tried again to start a thread for a deadline that has passed. */
  private static final long AGAIN_MILLIS = 100;

  private final Executor threads;

  /**
   * A timer, whose thread starts with the first task.
   *
   * @param threads starts a thread for each task
   */
  DeadlineTimer(Executor threads) {
    super(1, HostThreads.daemons("seriatim-timer"), new ThreadPoolExecutor.DiscardPolicy());
    this.threads = threads;
    setRemoveOnCancelPolicy(true);
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    return super.schedule(() -> start(task), delay, unit);
  }

  private void start(Runnable task) {
    try {
      threads.execute(task);
    } catch (RuntimeException | Error e) { // No memory for a thread; soon there may be.
      var _ = schedule(task, AGAIN_MILLIS, TimeUnit.MILLISECONDS);
    }
  }
}
