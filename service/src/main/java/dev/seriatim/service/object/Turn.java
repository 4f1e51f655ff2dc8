package dev.seriatim.service.object;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The object's code at work, once: for an invocation or for an alarm; or an operator's, on its
 * storage. Turns of one object never overlap.
 *
 * <p>A turn ends once: either its own thread {@link #finish finishes} it, or another one {@link
 * #cut cuts} it off. Whoever wins goes on with the object; after a cut the turn's own thread may
 * touch nothing of the object any more. Its {@link #toString} says what it runs, for errors.
 */
abstract sealed class Turn permits InvocationTurn, AlarmTurn, AdminTurn {
  private static final int RUNNING = 0;
  private static final int FINISHED = 1;
  private static final int CUT_OFF = 2;
  private static final int LEFT = 3;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(Turn.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final long number;
  private final Instance instance;
  private final Thread thread = Thread.currentThread();

  // Written through the handle by finish or cut: who loses sees at once who has won. After a cut,
  // once more by the turn's own thread.
  private volatile int state;

  Turn(long number, Instance instance) {
    this.number = number;
    this.instance = instance;
  }

  /** The how many-th turn of the object it is, as long as that is in memory: 1, 2, 3, … */
  final long number() {
    return number;
  }

  final Instance instance() {
    return instance;
  }

  final Thread thread() {
    return thread;
  }

  /** Ends the turn, on its own thread. False if it has been cut off. */
  final boolean finish() {
    return STATE.compareAndSet(this, RUNNING, FINISHED);
  }

  /** Ends the turn, from outside. False if it has ended. Who has ended it is to interrupt it. */
  final boolean cut() {
    return STATE.compareAndSet(this, RUNNING, CUT_OFF);
  }

  /** The thread of a turn that was cut off has come back from the object's code. */
  final void leave() {
    STATE.setVolatile(this, LEFT);
  }

  /** Wakes the method of a turn that was cut off; also a turn that waits for its reply. */
  final void interrupt() {
    if (Thread.currentThread() != thread) {
      thread.interrupt();
    }
  }

  /** Whether the turn has neither ended nor been cut off. Any thread may ask. */
  final boolean isRunning() {
    return state == RUNNING;
  }

  /** Whether the turn has been cut off. Any thread may ask. */
  public final boolean isCutOff() {
    return state >= CUT_OFF;
  }

  /** Whether its thread may be inside the object's code. Any thread may ask. */
  final boolean isInside() {
    return state == RUNNING || state == CUT_OFF;
  }

  /** Whether it was cut off, and its thread has come back. Any thread may ask. */
  final boolean hasLeft() {
    return state == LEFT;
  }

  /** Who follows it; null if nobody does. */
  @Nullable TurnTrace trace() {
    return null;
  }

  /** The number of the invocation in its stub; 0 if it runs none. */
  long sequence() {
    return 0;
  }

  /** What of its object it runs: the name of a method, or what stands for it. */
  abstract String method();
}
