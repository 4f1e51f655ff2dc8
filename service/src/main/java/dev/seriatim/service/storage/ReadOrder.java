package dev.seriatim.service.storage;

import com.google.common.base.Throwables;
import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.service.threads.Enduring;
import java.sql.SQLException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * One read: what is wanted, and what its caller is told of it. Run by one of the {@link
 * ReadThreads}; the caller waits on a thread of its own, and needn't do so until it has been run.
 */
final class ReadOrder<T extends @Nullable Object> implements Runnable {
  private final ReadThreads threads;
  private final JdbcStore.Read<T> read;
  private final CompletableFuture<T> answer = new CompletableFuture<>();

  /** When it was wanted, on the clock of the {@link ReadWatch}. */
  final long askedNanos;

  // Guarded by the watch.

  /** Who runs it; null as long as nobody does. */
  private @Nullable Thread thread;

  /** Since when that one has done nothing at all; null if it wasn't looked at yet. */
  private @Nullable Long quietSince;

  /** The processor time that it had taken by then. */
  private long cpuNanos;

  private boolean hangs;

  ReadOrder(ReadThreads threads, JdbcStore.Read<T> read, long askedNanos) {
    this.threads = threads;
    this.read = read;
    this.askedNanos = askedNanos;
  }

  // ---- the caller

  /** Waits until it has been read, or isn't waited for any more. */
  T await() throws SQLException {
    try {
      return Uninterruptibles.getUninterruptibly(answer);
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNull(e.getCause());
      Throwables.throwIfInstanceOf(cause, SQLException.class);
      Throwables.throwIfUnchecked(cause);
      throw new SQLException(cause);
    }
  }

  // ---- any thread

  /** Tells the caller that it won't be read, unless it was. */
  void fail(SQLException why) {
    boolean _ = answer.completeExceptionally(why);
  }

  // ---- the thread that reads

  @Override
  public void run() {
    if (answer.isDone()) {
      return; // Its caller was told while it waited for the thread.
    }
    try {
      threads.run(this);
    } catch (Throwable thrown) { // Whatever it is, somebody waits.
      Enduring.step(() -> answer.completeExceptionally(thrown));
    }
  }

  /** Reads on these connections, and tells the caller. */
  void run(SqliteReads reads) throws SQLException {
    boolean _ = answer.complete(reads.read(read));
  }

  // ---- the watch

  /** This thread runs it from now on. */
  void begins(Thread running) {
    thread = running;
  }

  /**
   * Looks whether it hangs: it has taken longer than the patience, and then its thread has done
   * nothing at all for some time. One that only has much to read does something.
   *
   * @return when to look again
   */
  long look(long now, long patience, long quiet, ToLongFunction<Thread> cpu) {
    Thread running = thread;
    if (running == null || now - askedNanos < patience) {
      return askedNanos + patience;
    }
    long used = cpu.applyAsLong(running);
    Long since = quietSince;
    if (since == null || used != cpuNanos) {
      cpuNanos = used;
      since = now;
      quietSince = since;
    }
    hangs = now - since >= quiet;
    return since + quiet;
  }

  /** Whether it was found to hang when it was looked at last. */
  boolean hangs() {
    return hangs;
  }
}
