package dev.seriatim.stub;

import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;

/** The one daemon thread that watches the deadlines of all clients that bring no scheduler. */
final class SharedScheduler {
  private SharedScheduler() {}

  static ScheduledExecutorService get() {
    return Holder.SCHEDULER;
  }

  private static final class Holder {
    static final ScheduledExecutorService SCHEDULER = start();

    private static ScheduledExecutorService start() {
      ScheduledThreadPoolExecutor scheduler =
          new ScheduledThreadPoolExecutor(
              1,
              task -> {
                Thread thread = new Thread(task, "seriatim-stub-scheduler");
                thread.setDaemon(true);
                return thread;
              });
      scheduler.setRemoveOnCancelPolicy(true);
      return scheduler;
    }
  }
}
