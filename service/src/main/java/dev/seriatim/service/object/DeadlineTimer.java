package dev.seriatim.service.object;

import dev.seriatim.service.threads.Enduring;
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
    while (!isShutdown()) {
      try {
        threads.execute(task);
        return;
      } catch (RuntimeException | Error e) {
        // No memory for a thread, nor for those of the tasks behind it; soon there may be.
        Enduring.pause();
      }
    }
  }
}
