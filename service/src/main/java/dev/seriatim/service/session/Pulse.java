package dev.seriatim.service.session;

import dev.seriatim.service.threads.Enduring;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Sends outcomes that wait behind a turn which takes long.
 *
 * <p>A stub gathers outcomes as long as its next turn is about to start, since that one will mostly
 * end at once and share the frame. When it doesn't, the outcomes must not wait for it: a stub that
 * goes on with outcomes in hand leaves itself here, and about a millisecond later this thread
 * flushes it. The thread sleeps while no stub does.
 */
public final class Pulse implements AutoCloseable {
  private static final long BEAT_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final Queue<OutcomeQueue> waiting = new ConcurrentLinkedQueue<>();
  private final Thread thread;
  private volatile boolean asleep;
  private volatile boolean closing;

  /** A pulse of its own thread. */
  public Pulse() {
    thread = Enduring.thread("seriatim-pulse", this::beat);
    thread.start();
  }

  void add(OutcomeQueue outcomes) {
    waiting.add(outcomes);
    if (asleep) {
      asleep = false;
      LockSupport.unpark(thread);
    }
  }

  private void beat() {
    while (!closing) {
      if (waiting.isEmpty()) {
        asleep = true;
        if (waiting.isEmpty() && !closing) {
          LockSupport.park(this);
        }
        asleep = false;
      }
      LockSupport.parkNanos(this, BEAT_NANOS);
      // Only those that were here before: a stub that comes back meanwhile waits for its own beat.
      for (int i = waiting.size(); i > 0; i--) {
        OutcomeQueue outcomes = waiting.poll();
        if (outcomes != null) {
          flush(outcomes);
        }
      }
    }
  }

  private static void flush(OutcomeQueue outcomes) {
    try {
      outcomes.flushFromPulse();
    } catch (RuntimeException | Error e) { // Thrown further, it would end the pulse for every stub.
      Enduring.log("what sends outcomes that have waited", e);
    }
  }

  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
  }
}
