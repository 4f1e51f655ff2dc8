package dev.seriatim.service.storage;

import dev.seriatim.service.threads.Enduring;
import java.sql.SQLException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Reads a SQLite file on a few threads of its own, so that no caller is in the disk when that
 * hangs: neither a thread of the transport, nor one that virtual threads run on. Callers wait for
 * no longer than the {@link ReadWatch} lets them.
 *
 * <p>A thread that hangs keeps its place among the few until the disk lets go of it; so no number
 * of calls costs more threads than there are. Safe for any number of threads.
 */
final class ReadThreads implements AutoCloseable {
  private static final long IDLE_SECONDS = 60;

  private final SqliteReads reads;
  private final ReadWatch watch;
  private final Faults faults;
  private final ThreadPoolExecutor threads;

  /**
   * Threads that read on these connections.
   *
   * @param most how many reads may run at the same time; more wait
   * @param watch has the same queue
   */
  ReadThreads(SqliteReads reads, int most, ReadWatch watch, Faults faults) {
    this.reads = reads;
    this.watch = watch;
    this.faults = faults;
    this.threads =
        new ThreadPoolExecutor(
            most,
            most,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            watch.waiting(),
            work -> Enduring.thread("seriatim-read", work)) {
          @Override
          protected void terminated() {
            watch.close(); // Not before: what is queued is read, and watched.
          }
        };
    threads.allowCoreThreadTimeOut(true);
  }

  /** From now on it is watched. */
  void start() {
    watch.start();
  }

  /** What waits for a thread. */
  static BlockingQueue<Runnable> queue() {
    return new LinkedBlockingQueue<>();
  }

  /**
   * Reads, and waits for that.
   *
   * @throws SQLException also if it, or what is in front of it, takes longer than the patience
   */
  <T extends @Nullable Object> T read(JdbcStore.Read<T> read) throws SQLException {
    watch.requireAnswers();
    ReadOrder<T> order = new ReadOrder<>(this, read, watch.now());
    try {
      threads.execute(order);
    } catch (RejectedExecutionException e) {
      throw new SQLException("the store is closed", e);
    }
    return order.await();
  }

  /** Called by one of the threads. */
  void run(ReadOrder<?> order) throws SQLException {
    try {
      watch.begins(order);
      faults.read();
      order.run(reads);
    } finally {
      watch.ended(order);
    }
  }

  /** Ends the threads, each when it is back. Doesn't wait. */
  @Override
  public void close() {
    threads.shutdown();
  }
}
