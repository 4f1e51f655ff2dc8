package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.threads.Enduring;
import java.lang.management.ManagementFactory;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the reads that hang, and tells those who wait. What a {@link HangWatch} is for the
 * committer, but that whoever is told goes on by itself, and the one that hangs can be left alone.
 *
 * <p>While one hangs the disk counts as hanging: who waits for a thread, and who comes, is told so
 * at once, and takes no thread. Nobody tries it anew; that it is back is known when the one that
 * hangs goes on.
 *
 * <p>Its thread sleeps while nothing is read, and otherwise looks when something would have taken
 * too long. A read pays for it with two short locks, on the thread that reads.
 */
final class ReadWatch implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(ReadWatch.class);

  /** How long a thread that reads for too long may do nothing. */
  static final long QUIET_NANOS = Duration.ofMillis(500).toNanos();

  /** How often it is looked whether one that hangs goes on. */
  private static final long AGAIN_NANOS = Duration.ofMillis(20).toNanos();

  private final String what;
  private final long patience;
  private final BlockingQueue<Runnable> waiting;
  private final Consumer<Boolean> told;
  private final LongSupplier clock;
  private final ToLongFunction<Thread> cpuNanos;
  private final Thread thread;

  /** What is being read, by as many threads. */
  @GuardedBy("this")
  private final List<ReadOrder<?>> running = new ArrayList<>();

  /** Since when what hangs was wanted; null if nothing does. Written holding this. */
  private volatile @Nullable Long hangsSince;

  /** When the thread looks again by itself; null if it doesn't. */
  @GuardedBy("this")
  private @Nullable Long looksAt;

  @GuardedBy("this")
  private boolean closed;

  /**
   * A watch, still to be started.
   *
   * @param what is read, for the log
   * @param patience how long a read may take, and wait before that
   * @param told whether reads hang, whenever that changes; must not block
   */
  ReadWatch(String what, Duration patience, Consumer<Boolean> told) {
    this(what, patience, told, System::nanoTime, ReadWatch::cpuNanos);
  }

  /** -1 if this JVM doesn't know: then what takes too long hangs. */
  private static long cpuNanos(Thread reading) {
    try {
      return ManagementFactory.getThreadMXBean().getThreadCpuTime(reading.threadId());
    } catch (UnsupportedOperationException e) {
      return -1;
    }
  }

  /** The same, on this clock, and with what threads have taken of the processor. */
  ReadWatch(
      String what,
      Duration patience,
      Consumer<Boolean> told,
      LongSupplier clock,
      ToLongFunction<Thread> cpuNanos) {
    this.what = what;
    this.patience = patience.toNanos();
    this.waiting = ReadThreads.queue();
    this.told = told;
    this.clock = clock;
    this.cpuNanos = cpuNanos;
    this.thread = Enduring.thread("seriatim-read-watch", this::run);
  }

  void start() {
    thread.start();
  }

  /** What waits for a thread, in order. */
  BlockingQueue<Runnable> waiting() {
    return waiting;
  }

  // ---- who wants to read

  long now() {
    return clock.getAsLong();
  }

  /**
   * Requires that the disk doesn't hang, as far as that is known.
   *
   * @throws SQLException if it does
   */
  void requireAnswers() throws SQLException {
    Long since = hangsSince;
    if (since != null) {
      throw hanging(now() - since);
    }
  }

  private static SQLException hanging(long nanos) {
    return new SQLException(
        "the store has not answered for " + nanos / 1_000_000 + " ms: does the disk hang?",
        "08006");
  }

  // ---- the threads that read

  /** The calling thread runs it from now on. */
  synchronized void begins(ReadOrder<?> order) {
    order.begins(Thread.currentThread());
    running.add(order);
    if (looksAt == null) {
      notifyAll(); // Otherwise the thread looks before anything can be too late that comes now.
    }
  }

  synchronized void ended(ReadOrder<?> order) {
    boolean _ = running.remove(order);
    if (order.hangs()) {
      find(now());
    }
  }

  // ---- the watch

  private synchronized void run() {
    while (!closed) {
      try {
        rest(look());
      } catch (InterruptedException e) {
        LOGGER.warn("a watch was interrupted; it goes on");
      }
    }
  }

  @GuardedBy("this")
  @SuppressWarnings("WaitNotInLoop") // the caller loops
  private void rest(@Nullable Long until) throws InterruptedException {
    looksAt = until;
    wait(until == null ? 0 : Math.max(0, until - now()) / 1_000_000 + 1);
  }

  /**
   * Looks at what is read, and tells whom there is something to tell.
   *
   * @return when to look again; null if there is nothing to look at
   */
  synchronized @Nullable Long look() {
    long now = now();
    Long next = null;
    for (ReadOrder<?> order : running) {
      next = earlier(next, order.look(now, patience, QUIET_NANOS, cpuNanos));
    }
    find(now);
    Long since = hangsSince;
    if (since == null) {
      return earlier(next, failLate(now));
    }
    for (ReadOrder<?> order : running) {
      if (order.hangs()) {
        order.fail(hanging(now - order.askedNanos));
      }
    }
    for (Runnable each; (each = waiting.poll()) != null; ) {
      ((ReadOrder<?>) each).fail(hanging(now - since));
    }
    return now + AGAIN_NANOS;
  }

  /** Finds out whether anything hangs, and says so if that is news. */
  @GuardedBy("this")
  private void find(long now) {
    Long before = hangsSince;
    Long since = null;
    int many = 0;
    for (ReadOrder<?> order : running) {
      if (order.hangs()) {
        since = earlier(since, order.askedNanos);
        many++;
      }
    }
    hangsSince = since;
    if (since != null && before == null) {
      LOGGER.warn(
          "{} does not answer: {} reads hang, the first for {} ms; until it does, reads fail",
          what,
          many,
          (now - since) / 1_000_000);
      told.accept(true);
    } else if (since == null && before != null) {
      LOGGER.info("{} answers again, after {} ms", what, (now - before) / 1_000_000);
      told.accept(false);
    }
  }

  /**
   * Fails what has waited for a thread for too long, behind others that don't hang.
   *
   * @return when the next one will have; null if none waits
   */
  @GuardedBy("this")
  private @Nullable Long failLate(long now) {
    while (waiting.peek() instanceof ReadOrder<?> order) {
      if (now - order.askedNanos < patience) {
        return order.askedNanos + patience;
      }
      if (waiting.remove(order)) {
        order.fail(
            new SQLException(
                "what is being read has taken longer than " + patience / 1_000_000 + " ms"));
      }
    }
    return null;
  }

  private static @Nullable Long earlier(@Nullable Long one, @Nullable Long other) {
    if (one == null || other == null) {
      return one == null ? other : one;
    }
    return one - other <= 0 ? one : other;
  }

  /** Nothing is read any more. */
  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
  }
}
