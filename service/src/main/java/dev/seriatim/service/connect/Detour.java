package dev.seriatim.service.connect;

import com.google.common.util.concurrent.MoreExecutors;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What happens to one call while a large frame of it is read by another thread: it waits in line
 * behind that.
 *
 * <p>Only the transport's thread puts something in. Whenever it finds the line {@link #isEmpty
 * empty}, all that stood there has been done, and is seen by it.
 */
final class Detour {
  private final Executor inOrder;
  private final AtomicInteger waiting = new AtomicInteger();

  Detour(Executor readers) {
    inOrder = MoreExecutors.newSequentialExecutor(readers);
  }

  boolean isEmpty() {
    return waiting.get() == 0;
  }

  void add(Runnable event) {
    waiting.incrementAndGet();
    inOrder.execute(
        () -> {
          try {
            event.run();
          } finally {
            waiting.decrementAndGet();
          }
        });
  }
}
