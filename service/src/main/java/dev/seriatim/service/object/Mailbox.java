package dev.seriatim.service.object;

import static java.util.Objects.requireNonNull;

import dev.seriatim.service.session.Session;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * What an object has to run: the stubs that have invocations, its alarm, and what operators want of
 * it. Any thread puts them in; whoever has the object takes them out, and owns the round.
 *
 * <p>A resting object holds nothing for any of it, as there may be many; and taking stubs out needs
 * no memory, so that none can be lost for want of it.
 */
@SuppressWarnings("ReferenceEquality") // Each is one place in a list.
final class Mailbox {
  private static final VarHandle ARRIVING;

  static {
    try {
      ARRIVING = MethodHandles.lookup().findVarHandle(Mailbox.class, "arriving", Waiting.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** A stub that waits, and another one. */
  private static final class Waiting {
    private final Session stub;

    /** Owned by whoever puts it in until it is there, and then by whoever has the object. */
    private @Nullable Waiting next;

    Waiting(Session stub) {
      this.stub = stub;
    }
  }

  /**
   * Stubs that have got something to run, on their way to the round: the last one that came, which
   * leads to the one before. Null if there are none. Written through the handle.
   */
  private volatile @Nullable Waiting arriving;

  /**
   * The last of the stubs that are served, one turn each; it leads to the first one. Null if there
   * are none.
   */
  private @Nullable Waiting last;

  /** What the stub that was taken out last had waited in: it may have to wait again. */
  private @Nullable Waiting spare;

  /** Whether an alarm waits for its turn. Written holding this. */
  private volatile boolean alarmDue;

  /** What operators want, in order; null if that is nothing. Written holding this. */
  private volatile @Nullable ArrayDeque<Order<?>> orders;

  // ---- any thread

  /** A stub has something to run. Each stub is put in only once until it is taken out. */
  void add(Session stub) {
    arrives(new Waiting(stub));
  }

  private void arrives(Waiting one) {
    Waiting before;
    do {
      before = arriving;
      one.next = before;
    } while (!ARRIVING.weakCompareAndSet(this, before, one));
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
    return arriving != null || alarmDue || orders != null;
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
    if (arriving != null) {
      letIn();
    }
    Waiting end = last;
    if (end == null) {
      return null;
    }
    Waiting first = next(end);
    if (first == end) { // It is alone.
      last = null;
    } else {
      end.next = first.next;
    }
    spare = first;
    return first.stub;
  }

  /** Those that have come go into the round, in the order in which they came. */
  private void letIn() {
    Waiting came = (Waiting) ARRIVING.getAndSet(this, null);
    Waiting inOrder = null;
    while (came != null) {
      Waiting before = came.next;
      came.next = inOrder;
      inOrder = came;
      came = before;
    }
    while (inOrder != null) {
      Waiting after = inOrder.next;
      add(inOrder, /* first= */ inOrder.stub.takesOver());
      inOrder = after;
    }
  }

  /** Puts a stub at the end of the round. */
  void addToRound(Session stub) {
    Waiting one = spare;
    spare = null;
    add(one != null && one.stub == stub ? one : new Waiting(stub), /* first= */ false);
  }

  /**
   * @param first whether it is served next: a connection of a session takes over from an older one,
   *     of which nothing more is to be run
   */
  private void add(Waiting one, boolean first) {
    Waiting end = last;
    if (end == null) {
      one.next = one;
      last = one;
      return;
    }
    one.next = end.next;
    end.next = one;
    if (!first) {
      last = one;
    }
  }

  /** One that is in the round always leads to another. */
  private static Waiting next(Waiting one) {
    return requireNonNull(one.next);
  }

  /** If the round was left before its end, what was in it comes in again. */
  void putBackRound() {
    Waiting end = last;
    if (end != null) {
      Waiting one = next(end);
      last = null;
      boolean isEnd;
      do {
        Waiting after = next(one);
        isEnd = one == end;
        arrives(one);
        one = after;
      } while (!isEnd);
    }
  }

  /** The round is over: a resting object needs no room for it. */
  void endRound() {
    spare = null;
  }
}
