package dev.seriatim.stub;

import io.grpc.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** A clock that stands still until it is told to advance, and what is scheduled by it. */
final class FakeScheduler extends AbstractExecutorService implements ScheduledExecutorService {
  /** What is due so late is not seen by tests. */
  static final Duration NEVER = Duration.ofDays(1_000);

  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(t -> t.due));
  private long now; // Nanoseconds.

  /** For deadlines of this clock. */
  Deadline.Ticker ticker() {
    return new Deadline.Ticker() {
      @Override
      public long nanoTime() {
        synchronized (FakeScheduler.this) {
          return now;
        }
      }
    };
  }

  /** Moves the clock on, and runs what has become due, in order, on this thread. */
  void advance(long millis) {
    long end;
    synchronized (this) {
      end = now + TimeUnit.MILLISECONDS.toNanos(millis);
    }
    while (true) {
      Task next;
      synchronized (this) {
        next = tasks.peek();
        if (next == null || next.due > end) {
          now = end;
          return;
        }
        tasks.remove();
        now = Math.max(now, next.due);
      }
      next.run();
    }
  }

  /** How long the tasks that wait have to wait, in milliseconds. */
  synchronized List<Long> delaysMillis() {
    List<Long> delays = new ArrayList<>();
    for (Task task : seen()) {
      delays.add(TimeUnit.NANOSECONDS.toMillis(task.due - now));
    }
    delays.sort(null);
    return delays;
  }

  @Override
  public synchronized ScheduledFuture<?> schedule(Runnable command, long delay, TimeUnit unit) {
    Task task = new Task(command, unit.toNanos(delay));
    if (unit.toNanos(delay) < NEVER.toNanos()) {
      tasks.add(task);
    }
    notifyAll();
    return task;
  }

  /** Waits, in bounded time, until something is scheduled. */
  void awaitTask() throws InterruptedException {
    awaitTasks(false, "nothing was ever scheduled");
  }

  /** Waits, in bounded time, until something is scheduled that is due then. */
  synchronized void awaitTaskWithin(long from, long to) throws InterruptedException {
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (delaysMillis().stream().noneMatch(delay -> from <= delay && delay <= to)) {
      long left = TimeUnit.NANOSECONDS.toMillis(patience - System.nanoTime());
      if (left <= 0) {
        throw new AssertionError("nothing was ever scheduled within " + from + " to " + to + " ms");
      }
      wait(left);
    }
  }

  /** Waits, in bounded time, until nothing is scheduled any more. */
  void awaitNoTask() throws InterruptedException {
    awaitTasks(true, "what was scheduled was never cancelled");
  }

  private synchronized void awaitTasks(boolean none, String otherwise) throws InterruptedException {
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (seen().isEmpty() != none) {
      long left = TimeUnit.NANOSECONDS.toMillis(patience - System.nanoTime());
      if (left <= 0) {
        throw new AssertionError(otherwise);
      }
      wait(left);
    }
  }

  /** What waits, but for what a shared call does by the millisecond. Locked. */
  private List<Task> seen() {
    return tasks.stream().filter(task -> !OnLanes.on() || task.delay > TICK_NANOS).toList();
  }

  @Override
  public <V> ScheduledFuture<V> schedule(Callable<V> callable, long delay, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable command, long initialDelay, long period, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable command, long initialDelay, long delay, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void execute(Runnable command) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void shutdown() {}

  @Override
  public List<Runnable> shutdownNow() {
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    return false;
  }

  @Override
  public boolean isTerminated() {
    return false;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return false;
  }

  private final class Task extends FutureTask<Void> implements ScheduledFuture<Void> {
    private final long delay;
    private final long due;

    Task(Runnable command, long delay) {
      super(command, null);
      this.delay = delay;
      this.due = now + delay;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      synchronized (FakeScheduler.this) {
        tasks.remove(this);
        FakeScheduler.this.notifyAll();
      }
      return super.cancel(mayInterruptIfRunning);
    }

    @Override
    public long getDelay(TimeUnit unit) {
      synchronized (FakeScheduler.this) {
        return unit.convert(due - now, TimeUnit.NANOSECONDS);
      }
    }

    @Override
    public int compareTo(Delayed other) {
      return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
    }
  }
}
