package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.service.TailLimits;
import java.time.Duration;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * One who follows what happens, and what waits for him. The threads on which it happens hand over
 * what he wants to see, and never wait for him: what there is no room for is left out, and counted.
 * One thread takes.
 */
public final class Tailer {
  private final TailFilter filter;
  private final TailLimits limits;

  @GuardedBy("this")
  private final ArrayDeque<Kept> kept = new ArrayDeque<>();

  @GuardedBy("this")
  private long bytes;

  /** Since the last event that had room. */
  @GuardedBy("this")
  private long leftOut;

  @GuardedBy("this")
  private boolean ended;

  /** Whether the one who takes waits, so that he has to be woken. */
  @GuardedBy("this")
  private boolean waiting;

  Tailer(TailFilter filter, TailLimits limits) {
    this.filter = filter;
    this.limits = limits;
  }

  private record Kept(Taken taken, long bytes) {}

  /**
   * What is taken.
   *
   * @param event null if there is none behind those that were left out
   * @param leftOut how many were left out before it, since the one before that
   */
  public record Taken(@Nullable TailEvent event, long leftOut) {}

  TailFilter filter() {
    return filter;
  }

  /** Keeps this event, if there is room. */
  synchronized void offer(TailEvent event) {
    if (ended) {
      return;
    }
    long size = event.bytes();
    if (kept.size() >= limits.maxEvents() || bytes + size > limits.maxBytes()) {
      leftOut++;
      return;
    }
    kept.add(new Kept(new Taken(event, leftOut), size));
    bytes += size;
    leftOut = 0;
    if (waiting) {
      notifyAll();
    }
  }

  /** Nothing more comes; what has come may still be taken. */
  public synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** Whether nothing more comes, and all that has come is taken. */
  public synchronized boolean isOver() {
    return ended && kept.isEmpty() && leftOut == 0;
  }

  /**
   * Takes the next event; waits for it, but no longer than this. Null if none came, or it ended.
   */
  public synchronized @Nullable Taken take(Duration atMost) throws InterruptedException {
    long end = System.nanoTime() + atMost.toNanos();
    long left;
    waiting = true;
    try {
      while (kept.isEmpty() && !ended && (left = end - System.nanoTime()) > 0) {
        wait(left / 1_000_000 + 1);
      }
    } finally {
      waiting = false;
    }
    Kept next = kept.poll();
    if (next != null) {
      bytes -= next.bytes();
      return next.taken();
    }
    if (ended && leftOut > 0) {
      Taken last = new Taken(/* event= */ null, leftOut);
      leftOut = 0;
      return last;
    }
    return null;
  }
}
