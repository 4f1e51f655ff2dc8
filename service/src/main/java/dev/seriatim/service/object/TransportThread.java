package dev.seriatim.service.object;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.TimeUnit;

/**
 * A thread of the transport on which turns begin, for who watches that it comes back to its own
 * affairs. Turns pay for it with two writes to memory.
 */
final class TransportThread {
  /** For how long turns may run on such a thread at a time: it has other stubs to read. */
  static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final Set<TransportThread> ALL =
      Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

  private static final ThreadLocal<TransportThread> CURRENT =
      ThreadLocal.withInitial(TransportThread::new);

  private static final VarHandle NUMBER;

  static {
    try {
      NUMBER = MethodHandles.lookup().findVarHandle(TransportThread.class, "number", int.class);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("a field of its own", e);
    }
  }

  private final Thread thread = Thread.currentThread();

  /**
   * Counts up when turns begin, and when the thread has them behind it: while it hasn't, it is odd.
   * Written by the thread; others read it to see whether it is still at the same ones.
   */
  private int number;

  private TransportThread() {
    ALL.add(this);
  }

  /** The calling platform thread. */
  static TransportThread current() {
    return CURRENT.get();
  }

  /** Turns begin here, or those that began have ended or gone on elsewhere. On this thread. */
  void countUp() {
    NUMBER.setRelease(this, number + 1);
  }

  /** The threads that are at turns, and at which: the number isn't used again soon. */
  static Map<Thread, Integer> atTurns() {
    Map<Thread, Integer> numbers = new HashMap<>();
    synchronized (ALL) {
      for (TransportThread each : ALL) {
        int number = (int) NUMBER.getAcquire(each);
        if (number % 2 != 0) {
          numbers.put(each.thread, number);
        }
      }
    }
    return numbers;
  }
}
