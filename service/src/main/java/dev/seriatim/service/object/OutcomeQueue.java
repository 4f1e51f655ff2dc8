package dev.seriatim.service.object;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One stub's way out: outcomes wait here until they may leave, and the end of the call behind them.
 *
 * <p>The lock guards what is outgoing, and with it how far the stub has got: where it breaks
 * depends on what has still to leave. Whoever {@link #flush flushes} is the call's one writer, for
 * as long as it does: the flush counter makes sure that it is one thread at a time, with no lock
 * held while it sends.
 */
final class OutcomeQueue implements OutputGate.Waiter {
  private static final Logger logger = Logger.getLogger(OutcomeQueue.class.getName());

  /** A frame goes out when it has this many outcomes, even if more are on their way. */
  static final int FULL_FRAME_OUTCOMES = 256;

  /** A frame goes out when it has this many bytes of outcomes. */
  private static final int FULL_FRAME_BYTES = 256 << 10;

  private final StubQueue stub;
  private final OutcomeSink sink;
  private final OutputGate gate;
  private final Pulse pulse;
  private final int maxUnreadBytes;

  private final AtomicInteger flushes = new AtomicInteger();

  @GuardedBy("this")
  private final ArrayDeque<Outgoing> outgoing = new ArrayDeque<>(4);

  @GuardedBy("this")
  private int outgoingBytes;

  @GuardedBy("this")
  private boolean onPulse;

  /** The number of the last invocation that completed. */
  @GuardedBy("this")
  private long completed;

  @GuardedBy("this")
  private boolean inTurn;

  @GuardedBy("this")
  private @Nullable BreakCause breakAfterTurn;

  /** Whether the last thing is outgoing, or was: nothing may come behind it. */
  @GuardedBy("this")
  private boolean ended;

  /** Whether the last thing has left, or nothing can: nothing may be sent any more. */
  @GuardedBy("this")
  private boolean closed;

  @GuardedBy("this")
  private boolean closedByClient;

  /** Null until an invocation with a timeout has had to wait. */
  @GuardedBy("this")
  private @Nullable TurnDeadline deadline;

  // Set by the turn thread when it stops serving a stub whose client doesn't read.
  private volatile boolean paused;

  /** One outcome, or the end of the call, behind the gate of a commit; 0 is always open. */
  private record Outgoing(
      @Nullable Outcome outcome, int bytes, @Nullable Broken broken, Status end, long gate) {}

  OutcomeQueue(StubQueue stub, OutcomeSink sink, LiveObject object) {
    this.stub = stub;
    this.sink = sink;
    this.gate = object.gate();
    this.pulse = object.directory().pulse();
    this.maxUnreadBytes = object.directory().limits().maxUnreadOutcomeBytes();
  }

  // ---- the turn thread's side

  /** A turn begins for this stub. False if nothing may be run for it any more. */
  synchronized boolean beginTurn() {
    if (deadline != null) {
      deadline.turnBegins();
    }
    inTurn = !ended;
    return inTurn;
  }

  /**
   * The turn ended well. Its outcome leaves when the commit is durable.
   *
   * @param worthAFrame with how many outcomes a frame goes out now
   */
  void complete(Outcome outcome, long commit, int worthAFrame) {
    boolean flush;
    boolean toPulse = false;
    long behind;
    boolean waits;
    synchronized (this) {
      inTurn = false;
      if (ended) {
        return;
      }
      completed = outcome.sequence();
      int bytes = outcome.size();
      behind = notBeforeTheLast(commit);
      waits = !gate.isOpen(behind);
      outgoing.add(new Outgoing(outcome, bytes, null, Status.OK, behind));
      outgoingBytes += bytes;
      if (breakAfterTurn != null) {
        endBroken(breakAfterTurn, behind);
      }
      flush = ended || outgoing.size() >= worthAFrame || outgoingBytes >= FULL_FRAME_BYTES;
      if (!flush && !onPulse) {
        onPulse = true;
        toPulse = true;
      }
    }
    if (flush) {
      flush();
    } else if (toPulse) {
      pulse.add(this);
    }
    // As it was before the flush: the gate may have opened behind it.
    if (waits) {
      gate.await(this, behind);
    }
  }

  /** The turn failed: the stub breaks. */
  void breakTurn(BreakCause cause, long commit) {
    synchronized (this) {
      inTurn = false;
    }
    breakNow(cause, commit);
  }

  /** The stub breaks, which is told when the commit is durable. */
  void breakNow(BreakCause cause, long commit) {
    boolean waits = !gate.isOpen(commit);
    synchronized (this) {
      if (ended) {
        return;
      }
      endBroken(cause, commit);
    }
    flush();
    stub.discardInbound();
    if (waits) {
      gate.await(this, commit);
    }
  }

  /** Everything that the client has sent was answered: the call ends well. */
  void end() {
    synchronized (this) {
      endWith(null, Status.OK, 0);
    }
    flush();
  }

  /**
   * Whether the client doesn't read what it has got already. Then the stub comes back by itself
   * when it does.
   */
  boolean isBackedUp() {
    paused = overUnreadLimit();
    // Looked at once more: the reader may have caught up before it could see that it is waited for.
    return paused && overUnreadLimit();
  }

  private synchronized boolean overUnreadLimit() {
    return !ended && outgoingBytes >= maxUnreadBytes && !sink.isReady();
  }

  // ---- any thread

  /**
   * This invocation of the stub waits for its turn, no longer than until this time on the host's
   * ticker. If it is the next one, and its time runs out, the stub breaks at once, whatever it
   * waits for. If it isn't, nothing is done: who says so when its turn is next is the turn thread.
   */
  synchronized void awaitTurn(Invocation invocation, long untilNanos) {
    if (!ended && !inTurn && invocation.sequence() == completed + 1) {
      if (deadline == null) {
        deadline = new TurnDeadline(this, stub.directory());
      }
      deadline.await(invocation, untilNanos);
    }
  }

  /** The time has come that was set for a turn to begin. On a thread of the timer's. */
  void turnDeadline(long setFor) {
    synchronized (this) {
      Invocation overdue = deadline == null ? null : deadline.overdue(setFor);
      if (overdue == null) {
        return;
      }
      endBroken(Timeout.ranOutBeforeItsTurn(overdue), 0);
    }
    flush();
    stub.discardInbound();
  }

  synchronized boolean hasEnded() {
    return ended;
  }

  /** Whether nothing may be run for this stub any more, though a turn of its had begun. */
  synchronized boolean isBroken() {
    return ended && !closedByClient;
  }

  /**
   * Ends the call well, if the invocation of this number has completed, which is the last one. So a
   * stub that has nothing to run doesn't wait for its object.
   */
  boolean endBehind(long last) {
    synchronized (this) {
      if (inTurn || completed != last) {
        return false;
      }
      endWith(null, Status.OK, 0);
    }
    flush();
    return true;
  }

  /** Breaks the stub, if the invocation of this number has completed. */
  boolean breakBehind(long last, BreakCause cause) {
    synchronized (this) {
      if (inTurn || completed != last) {
        return false;
      }
      endBroken(cause, 0);
    }
    flush();
    return true;
  }

  /** Breaks the stub, after the turn that it is in, if it is in one. */
  void breakSoon(BreakCause cause) {
    synchronized (this) {
      if (ended) {
        return;
      }
      if (inTurn) {
        breakAfterTurn = cause;
        return;
      }
      endBroken(cause, 0);
    }
    flush();
    stub.discardInbound();
  }

  /** Nothing may be sent or begun any more. */
  synchronized void drop() {
    closedByClient = !ended;
    ended = true;
    closed = true;
    outgoing.clear();
    outgoingBytes = 0;
    if (deadline != null) {
      deadline.close();
    }
  }

  /** Sends what the pulse has found to have waited for long enough. */
  void flushFromPulse() {
    synchronized (this) {
      onPulse = false;
    }
    flush();
  }

  @Override
  public synchronized boolean waitsFor(long durable) {
    Outgoing last = outgoing.peekLast();
    return last != null && last.gate() > durable;
  }

  /**
   * A commit has failed. If any turn of this stub is in it or in a later one, the stub breaks
   * behind the last outcome that is not. That is told when the gate next lets this stub flush.
   */
  @Override
  public void commitFailed(long failedCommit, BreakCause cause) {
    synchronized (this) {
      Outgoing last = outgoing.peekLast();
      if (last == null || last.gate() < failedCommit) {
        return;
      }
      while (last != null && last.gate() >= failedCommit) {
        outgoing.removeLast();
        outgoingBytes -= last.bytes();
        if (last.outcome() != null) {
          completed = last.outcome().sequence() - 1;
        }
        last = outgoing.peekLast();
      }
      ended = false;
      endBroken(cause, 0);
    }
    stub.discardInbound();
  }

  @GuardedBy("this")
  private void endBroken(BreakCause cause, long commit) {
    endWith(cause.toBroken(completed), cause.toStatus(), commit);
  }

  /** Nothing comes behind this, and it leaves no earlier than what is there. */
  @GuardedBy("this")
  private void endWith(@Nullable Broken broken, Status status, long commit) {
    if (!ended) {
      ended = true;
      if (deadline != null) {
        deadline.close();
      }
      outgoing.add(new Outgoing(null, 0, broken, status, notBeforeTheLast(commit)));
    }
  }

  /**
   * The gate of what comes behind all that is outgoing. It is never below that of the last, so that
   * the last tells what all of them wait for: storage may know that a commit is durable, and ask
   * for no gate, before the gate has been opened.
   */
  @GuardedBy("this")
  private long notBeforeTheLast(long commit) {
    Outgoing last = outgoing.peekLast();
    return last == null ? commit : Math.max(commit, last.gate());
  }

  // ---- the writer

  /** Sends whatever may leave. The calling thread is the writer, unless another one is already. */
  @Override
  public void flush() {
    if (flushes.getAndIncrement() != 0) {
      return;
    }
    int seen = 1;
    do {
      try {
        while (sendFrame()) {}
      } catch (RuntimeException | Error e) {
        lose(e);
      }
      seen = flushes.addAndGet(-seen);
    } while (seen != 0);
    if (paused && !overUnreadLimit()) {
      paused = false;
      stub.resume();
    }
  }

  private boolean sendFrame() {
    List<Outcome> outcomes = List.of();
    Outgoing end = null;
    synchronized (this) {
      Outgoing next = outgoing.peek();
      if (closed || next == null || !gate.isOpen(next.gate()) || !sink.isReady()) {
        return false;
      }
      int bytes = 0;
      outcomes = new ArrayList<>(Math.min(outgoing.size(), FULL_FRAME_OUTCOMES));
      while (next != null
          && end == null
          && outcomes.size() < FULL_FRAME_OUTCOMES
          && (bytes == 0 || bytes + next.bytes() <= FULL_FRAME_BYTES)
          && gate.isOpen(next.gate())) {
        outgoing.remove();
        bytes += next.bytes();
        if (next.outcome() != null) {
          outcomes.add(next.outcome());
        } else {
          end = next;
        }
        next = outgoing.peek();
      }
      outgoingBytes -= bytes;
      closed = end != null;
    }
    try {
      if (!outcomes.isEmpty() || (end != null && end.broken() != null)) {
        sink.send(outcomes, end == null ? null : end.broken());
      }
    } finally {
      if (end != null) {
        sink.close(end.end());
        stub.detach();
      }
    }
    return true;
  }

  /**
   * The call can't be written to, say because an interceptor around the host threw. The thread that
   * found out is the object's, or serves all objects: only this stub may suffer for it.
   */
  private void lose(Throwable thrown) {
    logger.log(Level.WARNING, thrown, () -> stub + " is lost: its call failed");
    boolean open;
    synchronized (this) {
      open = !closed;
    }
    stub.drop();
    if (open) {
      try {
        sink.close(Status.INTERNAL.withDescription("the host could not send: " + thrown));
      } catch (RuntimeException | Error e) {
        logger.log(Level.FINE, e, () -> "the call of " + stub + ", which is lost, stays open");
      }
    }
  }
}
