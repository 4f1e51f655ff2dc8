package dev.seriatim.service.connect;

import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The events of one call, in order: each is done at once on the transport's thread, unless
 * something that takes long is being done by another thread; then it waits in line behind that.
 *
 * <p>Only the transport's thread puts something in. Whenever it finds the line empty, all that
 * stood there has been done, and is seen by it.
 */
final class Detour {
  /** What goes by another thread. Null until something has. */
  private @Nullable Line line;

  private static final class Line {
    private final Executor inOrder;
    private final AtomicInteger waiting = new AtomicInteger();

    Line(Executor readers) {
      inOrder = MoreExecutors.newSequentialExecutor(readers);
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

  /** Whether all that came before has been done. */
  boolean isEmpty() {
    return line == null || line.waiting.get() == 0;
  }

  /** Does this when all that came before has been done: now, if it has. */
  void run(Runnable event) {
    if (line == null || isEmpty()) {
      event.run();
    } else {
      line.add(event);
    }
  }

  /**
   * Has another thread do this, in order.
   *
   * @param readers null if there is none, and it is to be done in place
   * @param budget counts what it takes meanwhile
   * @param bytes how much that is
   * @return why there is no room for it, or null if it is done
   */
  @Nullable BreakCause runElsewhere(
      @Nullable Executor readers, ArrivalBudget.@Nullable Part budget, int bytes, Runnable event) {
    if (readers == null || budget == null) {
      run(event);
      return null;
    }
    budget.hold(bytes);
    if (budget.isOver()) {
      budget.hold(-bytes);
      return BreakCause.of(
          BreakReason.OVERLOADED,
          "no room for a frame of %,d bytes: %s".formatted(bytes, budget.refusal()));
    }
    if (line == null) {
      line = new Line(readers);
    }
    line.add(
        () -> {
          try {
            event.run();
          } finally {
            budget.hold(-bytes);
          }
        });
    return null;
  }
}
