package dev.seriatim.service.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.threads.Enduring;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands in for a thread that doesn't come back from the store, where it can't be called back: one
 * that waits for a disk waits as long as the disk likes. When it has been in the store for too
 * long, this one does again and again, until it is back, what is to be done for those who wait.
 *
 * <p>Whatever belongs to the watched thread is at each moment one thread's: the watched one's, but
 * while it is in the store for too long this one's, which holds this then.
 */
final class HangWatch implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(HangWatch.class);

  /** How often it is looked what there is to do meanwhile. */
  private static final long AGAIN_MILLIS = 20;

  /** What is to be done while the watched thread is away. */
  interface StandIn {
    /**
     * Does what there is to do.
     *
     * @param since when the watched thread went into the store, on {@link System#nanoTime}
     */
    void standIn(long since);

    /** The watched thread is back. Called by it, and only if another one has stood in for it. */
    void isBack();
  }

  private final StandIn standIn;
  private final Thread thread;

  /** Whether the watched thread is in the store. */
  @GuardedBy("this")
  private boolean inside;

  /** Since when, and until when that isn't too long, on {@link System#nanoTime}. */
  @GuardedBy("this")
  private long since;

  @GuardedBy("this")
  private long until;

  /** Whether it has been there for too long. */
  @GuardedBy("this")
  private boolean late;

  /** When the thread looks again by itself; null if it doesn't. */
  @GuardedBy("this")
  private @Nullable Long looksAt;

  @GuardedBy("this")
  private boolean closed;

  HangWatch(String what, StandIn standIn) {
    this.standIn = standIn;
    this.thread = Enduring.thread("seriatim-" + what + "-stand-in", this::run);
  }

  void start() {
    thread.start();
  }

  // ---- the watched thread

  /** It goes into the store now. */
  synchronized void enter(long untilNanos) {
    inside = true;
    late = false;
    since = System.nanoTime();
    until = untilNanos;
    if (looksAt == null || untilNanos - looksAt < 0) {
      notifyAll();
    }
  }

  /**
   * It is back. When this returns, what is its own is its own again.
   *
   * @return whether that took too long, so that another thread has stood in for it
   */
  synchronized boolean leave() {
    inside = false;
    if (!late) {
      return false;
    }
    late = false;
    standIn.isBack();
    return true;
  }

  // ---- the other one

  private synchronized void run() {
    while (!closed) {
      try {
        look();
      } catch (InterruptedException e) {
        LOGGER.warn("a watch was interrupted; it goes on");
      }
    }
  }

  @GuardedBy("this")
  @SuppressWarnings("WaitNotInLoop") // the caller loops
  private void look() throws InterruptedException {
    long left = until - System.nanoTime();
    if (inside && left <= 0) {
      late = true;
      standIn.standIn(since);
      looksAt = null;
      wait(AGAIN_MILLIS);
    } else {
      looksAt = inside ? (Long) until : null;
      wait(inside ? left / 1_000_000 + 1 : 0);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
  }
}
