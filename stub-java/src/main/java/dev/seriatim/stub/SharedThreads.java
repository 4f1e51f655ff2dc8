package dev.seriatim.stub;

import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The daemon threads of all clients of the process that don't bring their own. */
final class SharedThreads {
  private static final int IDLE_SECONDS = 10;

  private SharedThreads() {}

  /** One thread, which watches time, and on which nothing may block. */
  static ScheduledExecutorService scheduler() {
    return Scheduler.INSTANCE;
  }

  /** As many threads as are busy, for the callbacks of calls whose time was up. */
  static Executor callbacks() {
    return Callbacks.INSTANCE;
  }

  private static Thread daemon(Runnable task, String name) {
    // It serves all clients of the process, and inherits nothing from the one that came first.
    Thread thread = new Thread(null, task, name, 0, /* inheritInheritableThreadLocals= */ false);
    thread.setDaemon(true);
    return thread;
  }

  private static final class Scheduler {
    static final ScheduledExecutorService INSTANCE = start();

    private static ScheduledExecutorService start() {
      ScheduledThreadPoolExecutor scheduler =
          new ScheduledThreadPoolExecutor(1, task -> daemon(task, "seriatim-stub-scheduler"));
      scheduler.setRemoveOnCancelPolicy(true);
      return scheduler;
    }
  }

  private static final class Callbacks {
    static final Executor INSTANCE =
        new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> daemon(task, "seriatim-stub-callback"));
  }
}
