package dev.seriatim.service.object;

import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;

/**
 * Starts a virtual thread for each task. Whoever starts it may serve someone else at the moment: so
 * it inherits no thread-locals, no {@link io.grpc.Context} and no context class loader. Safe for
 * any number of threads.
 */
public final class HostThreads implements Executor {
  private final ThreadFactory factory =
      Thread.ofVirtual().inheritInheritableThreadLocals(false).factory();

  @Override
  public void execute(Runnable task) {
    factory.newThread(task).start();
  }

  /** Makes platform threads of this name, which end with the program and inherit nothing either. */
  public static ThreadFactory daemons(String name) {
    return Thread.ofPlatform().daemon().name(name).inheritInheritableThreadLocals(false).factory();
  }
}
