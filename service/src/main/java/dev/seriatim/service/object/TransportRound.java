package dev.seriatim.service.object;

import static com.google.common.base.Preconditions.checkNotNull;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The objects that come to have something to run while the transport's thread works at one message.
 * They are served together at its end, one after the other, by one {@link MountedThread}: a thread
 * for each would cost more than a short turn. If it has to wait, it stays with the object that it
 * serves, and another one goes on with the rest.
 *
 * <p>Nobody has these objects meanwhile: whoever comes in between, say with another stub, has the
 * object at once, and serves it. So nobody waits for a message but the one who sent it.
 *
 * <p>There is one for each of the transport's threads. It belongs to that thread, and to the
 * mounted one as long as that hasn't left it.
 */
final class TransportRound {
  /** Serving begins when there are so many, so that the first don't wait for the last. */
  private static final int MOST = 64;

  /** After so many objects the clock is looked at. */
  private static final int TIMED_OBJECTS = 16;

  private static final ThreadLocal<TransportRound> OF_THREAD =
      ThreadLocal.withInitial(TransportRound::new);

  private final ArrayDeque<LiveObject> waiting = new ArrayDeque<>(MOST);

  /** Whose message it is; null while there is none. */
  private @Nullable ObjectHost host;

  /** The calling thread's, if it works at a message; otherwise null. */
  static @Nullable TransportRound current() {
    TransportRound round = OF_THREAD.get();
    return round.host == null ? null : round;
  }

  /**
   * From now on objects wait, on this thread.
   *
   * @return false if they don't, and there is nothing to {@link #end}
   */
  static boolean begin(ObjectHost host) {
    TransportRound round = OF_THREAD.get();
    if (round.host != null || host.threadStarter() == null || Thread.currentThread().isVirtual()) {
      return false;
    }
    round.host = host;
    return true;
  }

  /** Serves those that wait. Does nothing if none has begun on this thread. */
  static void end() {
    TransportRound round = OF_THREAD.get();
    if (round.host == null) {
      return;
    }
    try {
      round.serveAll();
    } finally {
      round.host = null;
    }
  }

  /** This object has something to run, and nobody needs to have it. */
  void add(LiveObject object) {
    waiting.add(object);
    if (waiting.size() >= MOST) {
      serveAll();
    }
  }

  private void serveAll() {
    ObjectHost served = checkNotNull(host);
    MountedThread.Starter starter = checkNotNull(served.threadStarter());
    long untilNanos = served.nanos() + TransportThread.SLICE_NANOS;
    while (!waiting.isEmpty()) {
      int before = waiting.size();
      if (served.nanos() - untilNanos < 0) {
        starter.startHere(thread -> serve(served, thread, untilNanos));
      }
      if (waiting.size() == before) { // It took too long, or no thread could be started here.
        handOnAll();
      }
    }
  }

  /** On the mounted thread. */
  private void serve(ObjectHost served, MountedThread thread, long untilNanos) {
    SharedThread.begin();
    for (int count = 1; !thread.hasLeft(); count++) {
      LiveObject next = waiting.poll();
      if (next == null) {
        return;
      }
      next.serveHere(thread, untilNanos - TransportThread.SLICE_NANOS);
      if (thread.hasLeft()
          || (count % TIMED_OBJECTS == 0 && served.nanos() - untilNanos >= 0)
          || !SharedThread.forget()) {
        return;
      }
    }
  }

  private void handOnAll() {
    for (LiveObject next = waiting.poll(); next != null; next = waiting.poll()) {
      next.serveElsewhere();
    }
  }
}
