package dev.seriatim.service.object;

import dev.seriatim.service.threads.Enduring;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the turns that spin. They keep the threads to themselves that all virtual threads run on,
 * so that as many of them as there are processors would stop the host; for each of them the JVM
 * gets one {@link Carriers more} until it ends, or waits for something.
 *
 * <p>While objects have turn threads, it starts a virtual thread some forty times a second. If that
 * hasn't run by the next time, it looks for turns that run on the same thread as they did a moment
 * ago. A turn costs nothing for that.
 *
 * <p>Everything here is its thread's own, which is none that virtual threads run on.
 */
final class CarrierWatch implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(CarrierWatch.class);

  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(25);

  /** For so long a turn that is suspected to spin must not have moved. */
  private static final long CONFIRM_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final long INSIST_NANOS = TimeUnit.MICROSECONDS.toNanos(200);
  private static final int MOST_INSISTED = 64;

  /** So many threads ask for one virtual thread each, and the next one for so many of them. */
  private static final int ASKED_ONCE = 16;

  private static final int ASKED_AT_ONCE = 256;

  /** After looks for nothing, so many are left out at most. */
  private static final int MOST_SKIPPED = 40;

  private final Collection<LiveObject> active;
  private final StuckTurns stuck;
  private final Executor threads;
  private final TransportWatch transport;
  private final Thread thread;
  private volatile boolean closing;

  /** Whether the last virtual thread that was started has run. */
  private volatile boolean answered = true;

  /** Turns that may spin, and where they were seen. */
  private final Map<Turn, String> suspects = new HashMap<>();

  /** Turns that spin, and where. */
  private final Map<Turn, String> spinning = new HashMap<>();

  private int skip;
  private int skipNext = 1;

  /**
   * A watch that has still to be started.
   *
   * @param active the objects that have turn threads, or had lately
   * @param threads starts virtual threads
   * @param transport looks at the transport's threads as often
   */
  CarrierWatch(
      Collection<LiveObject> active, StuckTurns stuck, Executor threads, TransportWatch transport) {
    this.transport = transport;
    this.active = active;
    this.stuck = stuck;
    this.threads = threads;
    this.thread = Enduring.thread("seriatim-carriers", this::run);
  }

  void start() {
    thread.start();
  }

  private void run() {
    while (!closing) {
      LockSupport.parkNanos(this, suspects.isEmpty() ? LOOK_NANOS : CONFIRM_NANOS);
      try {
        look();
      } catch (InterruptedException
          | RuntimeException
          | Error e) { // Thrown further, it would end the watch.
        logger.warn("turns that spin can't be looked for", e);
      }
    }
    Carriers.OF_JVM.held(-spinning.size());
  }

  private void look() throws InterruptedException {
    transport.look(active.isEmpty() ? Map.of() : TransportThread.atTurns());
    if (!spinning.isEmpty()) {
      letGoOfThoseThatMoved();
    }
    if (!suspects.isEmpty()) {
      confirm();
    } else if (!answered) {
      if (!spinning.isEmpty()) {
        insist();
      }
      suspect();
    } else if (!active.isEmpty() || !spinning.isEmpty()) {
      skip = 0;
      skipNext = 1;
      answered = false;
      ask();
    }
  }

  private void ask() {
    threads.execute(() -> answered = true);
  }

  /**
   * Has the JVM start the threads that it may have by now. It does that only when a virtual thread
   * comes into a queue that is empty, or full; which queue that is depends on who starts it. So it
   * is tried by one new thread after the other.
   */
  private void insist() throws InterruptedException {
    for (int i = 1; i <= MOST_INSISTED && !answered && Carriers.OF_JVM.areIdle(); i++) {
      int asked = i % ASKED_ONCE == 0 ? ASKED_AT_ONCE : 1;
      Thread.ofPlatform()
          .inheritInheritableThreadLocals(false)
          .start(
              () -> {
                for (int j = 0; j < asked && !answered; j++) {
                  ask();
                }
              })
          .join();
      LockSupport.parkNanos(this, INSIST_NANOS);
    }
  }

  private void letGoOfThoseThatMoved() {
    for (Iterator<Map.Entry<Turn, String>> each = spinning.entrySet().iterator();
        each.hasNext(); ) {
      Map.Entry<Turn, String> entry = each.next();
      if (!isStillThere(entry.getKey(), entry.getValue())) {
        each.remove();
        stuck.spinsNoMore(entry.getKey());
        Carriers.OF_JVM.held(-1);
      }
    }
  }

  /** No virtual thread has come to run for some time: somebody keeps others from it. */
  private void suspect() {
    if (skip > 0) {
      skip--;
      return;
    }
    for (LiveObject object : active) {
      Turn turn = object.turn();
      if (turn != null) {
        suspect(turn);
      }
    }
    stuck.strays().forEach(this::suspect);
    if (suspects.isEmpty()) {
      // There is just much to do. Who looks for nothing takes some of the time that others need.
      skip = skipNext;
      skipNext = Math.min(2 * skipNext, MOST_SKIPPED);
    }
  }

  private void suspect(Turn turn) {
    if (turn.thread().getState() == Thread.State.RUNNABLE && !spinning.containsKey(turn)) {
      String place = Carriers.placeOf(turn.thread());
      if (Carriers.isOne(place)) {
        suspects.put(turn, place);
      }
    }
  }

  private void confirm() throws InterruptedException {
    int found = 0;
    for (Map.Entry<Turn, String> entry : suspects.entrySet()) {
      if (isStillThere(entry.getKey(), entry.getValue())) {
        spinning.put(entry.getKey(), entry.getValue());
        stuck.spins(entry.getKey());
        found++;
      }
    }
    suspects.clear();
    if (found > 0) {
      Carriers.OF_JVM.held(found);
      insist();
    }
  }

  /** Whether a turn neither ended nor moved. */
  private static boolean isStillThere(Turn turn, String place) {
    return turn.isInside() && Carriers.placeOf(turn.thread()).equals(place);
  }

  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
  }
}
