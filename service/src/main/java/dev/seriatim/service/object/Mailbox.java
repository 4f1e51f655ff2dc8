package dev.seriatim.service.object;

import dev.seriatim.service.session.Session;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * What an object has to run: the stubs that have invocations, its alarm, and what operators want of
 * it. Any thread puts them in; whoever has the object takes them out, and owns the round.
 */
final class Mailbox {
  /** Stubs that have got something to run, on their way to the round. */
  private final Queue<Session> arriving = new ConcurrentLinkedQueue<>();

  /** The stubs that are served, one turn each. Null while the object rests. */
  private @Nullable ArrayDeque<Session> round;

  /** Whether an alarm waits for its turn. Written holding this. */
  private volatile boolean alarmDue;

  /** What operators want, in order; null if that is nothing. Written holding this. */
  private volatile @Nullable ArrayDeque<Order<?>> orders;

  // ---- any thread

  /** A stub has something to run. Each stub is put in only once until it is taken out. */
  void add(Session stub) {
    arriving.add(stub);
  }

  /** The alarm is due. False if it was so already. */
  boolean addAlarm() {
    return !setAlarmDue(true);
  }

  /** An operator wants something. */
  synchronized void add(Order<?> order) {
    ArrayDeque<Order<?>> waiting = orders == null ? new ArrayDeque<>(4) : orders;
    waiting.add(order);
    orders = waiting;
  }

  /** Whether something has come in that may not have been seen by whoever had the object. */
  boolean hasArrivals() {
    return !arriving.isEmpty() || alarmDue || orders != null;
  }

  /**
   * Says whether an alarm waits for its turn.
   *
   * @return what was said before
   */
  private synchronized boolean setAlarmDue(boolean due) {
    boolean before = alarmDue;
    alarmDue = due;
    return before;
  }

  // ---- whoever has the object

  /** Takes the alarm out. False if none is due. */
  boolean takeAlarm() {
    return alarmDue && setAlarmDue(false);
  }

  /** Takes out what an operator wants; null if that is nothing. */
  @Nullable Order<?> takeOrder() {
    return orders == null ? null : pollOrder();
  }

  private synchronized @Nullable Order<?> pollOrder() {
    ArrayDeque<Order<?>> waiting = orders;
    if (waiting == null) {
      return null;
    }
    Order<?> first = waiting.poll();
    if (waiting.isEmpty()) {
      orders = null;
    }
    return first;
  }

  /** Takes out the stub whose turn it is; null if there is none. */
  @Nullable Session takeStub() {
    for (Session stub = arriving.peek(); stub != null; stub = arriving.peek()) {
      // Before it is taken out: there may be no memory for it.
      add(stub, /* first= */ stub.takesOver());
      arriving.remove();
    }
    return round == null ? null : round.poll();
  }

  /** Puts a stub at the end of the round. */
  void addToRound(Session stub) {
    add(stub, /* first= */ false);
  }

  /**
   * @param first whether it is served next: a connection of a session takes over from an older one,
   *     of which nothing more is to be run
   */
  private void add(Session stub, boolean first) {
    if (round == null) {
      round = new ArrayDeque<>(4);
    }
    if (first) {
      round.addFirst(stub);
    } else {
      round.add(stub);
    }
  }

  /** If the round was left before its end, what was in it comes in again. */
  void putBackRound() {
    if (round != null) {
      arriving.addAll(round);
      round = null;
    }
  }

  /** The round is over: a resting object needs no room for it. */
  void endRound() {
    round = null;
  }
}
