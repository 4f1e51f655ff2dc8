package dev.seriatim.service.connect;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The events of one call, in order: each is done at once on the transport's thread, unless
 * something that takes long is being done elsewhere, or later; then it waits in line behind that.
 *
 * <p>Only the transport's thread puts something in. Whenever it finds the line empty, all that
 * stood there has been done, and is seen by it.
 */
final class Detour {
  private static final Logger logger = LoggerFactory.getLogger(Detour.class);

  /** Something to be done. */
  interface Event {
    /**
     * Does it, or a part.
     *
     * @return what is left of it, which is done next, but not at once; null if it is done
     */
    @Nullable Event run();
  }

  /** What goes by a detour. Null until something has. */
  private @Nullable Line line;

  private static final class Line {
    private record Task(Executor executor, Event event) {}

    private final Queue<Task> tasks = new ConcurrentLinkedQueue<>();

    /**
     * Those that aren't done. Whoever makes it one, or finds another behind what is done, starts.
     */
    private final AtomicInteger waiting = new AtomicInteger();

    void add(Executor executor, Event event) {
      tasks.add(new Task(executor, event));
      if (waiting.getAndIncrement() == 0) {
        start(tasks.remove());
      }
    }

    private void start(Task task) {
      try {
        task.executor().execute(() -> run(task));
      } catch (RejectedExecutionException e) { // The host closes, and its threads have ended.
        logger.debug("an event of a call is done in place", e);
        run(task);
      }
    }

    private void run(Task task) {
      Event left = null;
      try {
        left = task.event().run();
      } catch (RuntimeException | Error e) { // The others behind it must be done.
        logger.error("an event of a call threw", e);
      }
      if (left != null) {
        start(new Task(task.executor(), left));
      } else if (waiting.decrementAndGet() > 0) {
        start(tasks.remove());
      }
    }
  }

  /** Whether all that came before has been done. */
  boolean isEmpty() {
    return line == null || line.waiting.get() == 0;
  }

  /**
   * Does this when all that came before has been done: now, if it has.
   *
   * @param executor does it otherwise; null if there is none, and nothing ever goes by a detour
   */
  void run(@Nullable Executor executor, Runnable event) {
    Line before = line;
    if (executor == null || before == null || isEmpty()) {
      event.run();
    } else {
      before.add(
          executor,
          () -> {
            event.run();
            return null;
          });
    }
  }

  /**
   * Has an executor do this, in order.
   *
   * @param executor null if there is none, and it is to be done in place
   * @param budget counts what it takes meanwhile
   * @param bytes how much that is
   * @return why there is no room for it, or null if it is done
   */
  @Nullable BreakCause runOn(
      @Nullable Executor executor, ArrivalBudget.@Nullable Part budget, int bytes, Event event) {
    if (executor == null || budget == null) {
      for (Event left = event; left != null; left = left.run()) {}
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
      line = new Line();
    }
    line.add(executor, counted(budget, bytes, event));
    return null;
  }

  private static Event counted(ArrivalBudget.Part budget, int bytes, Event event) {
    return () -> {
      Event left = null;
      try {
        left = event.run();
      } finally {
        if (left == null) {
          budget.hold(-bytes);
        }
      }
      return left == null ? null : counted(budget, bytes, left);
    };
  }
}
