package dev.seriatim.service.object;

import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The host's side of one stub: invocations wait here for their turns, and outcomes for their way
 * out.
 *
 * <p>Three parties meet here, and each owns its part:
 *
 * <ul>
 *   <li>the <em>transport thread</em> of the stub's call puts frames in: {@link #add}, {@link
 *       #halfClose}, {@link #fail}, {@link #cancel}, {@link #onReady}. gRPC calls one at a time.
 *   <li>the object's <em>turn thread</em> takes invocations out and puts outcomes in.
 *   <li>whoever {@link #flush flushes} is the call's one writer, for as long as it does: the flush
 *       counter makes sure that it is one thread at a time, with no lock held while it sends.
 * </ul>
 */
public final class StubQueue {
  private static final Logger logger = Logger.getLogger(StubQueue.class.getName());

  /** A frame goes out when it has this many outcomes, even if more are on their way. */
  private static final int FULL_FRAME_OUTCOMES = 256;

  /**
   * At the end of an inbound frame, a frame goes out when it has this many outcomes, even if
   * another inbound frame waits: the client gets on with its next frame while that one is worked
   * off.
   */
  private static final int SHARED_FRAME_OUTCOMES = 32;

  /** A frame goes out when it has this many bytes of outcomes. */
  private static final int FULL_FRAME_BYTES = 256 << 10;

  private final LiveObject object;
  private final OutcomeSink sink;
  private final ObjectDirectory directory;
  private final QueueBudget budget;
  private final boolean local;

  private final Queue<Inbound> inbound = new ConcurrentLinkedQueue<>();

  // Whether the object's turn thread knows of this stub: it stands in the object's ring, or is on
  // its
  // way there, or is being served.
  private final AtomicBoolean scheduled = new AtomicBoolean();

  private final AtomicInteger flushes = new AtomicInteger();

  // The transport thread's own.
  private long nextSequence = 1;
  private boolean sealed;

  // The turn thread's own: the frame that is being worked off.
  private Inbound.@Nullable Invocations frame;
  private int nextInFrame;
  private long arrivedNanos;

  // Guarded by this.
  private final ArrayDeque<Outgoing> outgoing = new ArrayDeque<>(4);
  private int outgoingBytes;
  private long completed;
  private boolean inTurn;
  private @Nullable BreakCause breakAfterTurn;
  private boolean ended;
  private boolean onPulse;
  private boolean closed;
  private boolean closedByClient;

  // Set by the turn thread when it stops serving a stub whose client doesn't read.
  private volatile boolean paused;

  /** One outcome, or the end of the call, behind the gate of a commit; 0 is always open. */
  private record Outgoing(
      @Nullable Outcome outcome, int bytes, @Nullable Broken broken, Status end, long gate) {}

  StubQueue(LiveObject object, OutcomeSink sink, ObjectDirectory directory, boolean local) {
    this.local = local;
    this.object = object;
    this.sink = sink;
    this.directory = directory;
    this.budget = new QueueBudget("the stub", directory.limits().stubQueue());
  }

  // ---- the transport thread's side

  /**
   * Takes one frame's invocations in.
   *
   * @param bytes the size of the frame
   */
  public void add(List<Invocation> invocations, int bytes) {
    if (sealed) {
      return;
    }
    int valid = 0;
    BreakCause failure = null;
    for (Invocation invocation : invocations) {
      if (invocation.sequence() != nextSequence) {
        failure =
            BreakCause.of(
                    BreakReason.SEQUENCE_VIOLATION,
                    "sequence %s, expected %s"
                        .formatted(
                            Long.toUnsignedString(invocation.sequence()),
                            Long.toUnsignedString(nextSequence)))
                .blaming(invocation.sequence());
        break;
      }
      nextSequence++;
      valid++;
    }
    if (local && closesCycle(invocations)) {
      return;
    }
    if (valid > 0) {
      int fit = takeRoom(valid, bytes);
      if (fit < valid) {
        failure = overloaded(invocations.get(fit).sequence(), valid - fit, bytes);
      }
      if (fit > 0) {
        enqueue(
            new Inbound.Invocations(
                fit == invocations.size() ? invocations : invocations.subList(0, fit),
                bytes,
                directory.nanos()));
      }
    }
    if (failure != null) {
      fail(failure);
    }
  }

  /** Whether the stub is opened by an object of this host. */
  boolean isLocal() {
    return local;
  }

  /**
   * Breaks the stub, if one of these would have this object wait for itself. At once, out of its
   * place: its turn would never come.
   */
  private boolean closesCycle(List<Invocation> invocations) {
    for (Invocation invocation : invocations) {
      String chain = invocation.metadata().getOrDefault(CallChain.METADATA_KEY, "");
      if (!chain.isEmpty() && CallChain.contains(chain, object)) {
        sealed = true;
        breakSoon(
            BreakCause.of(
                    BreakReason.CALL_CYCLE,
                    "%s waits for this call, and would be called by it: %s"
                        .formatted(object, chain))
                .blaming(invocation.sequence()));
        return true;
      }
    }
    return false;
  }

  /** Lets the stub break with this cause when its turn comes. Whatever comes later is discarded. */
  public void fail(BreakCause cause) {
    if (!sealed) {
      sealed = true;
      enqueue(new Inbound.Failure(cause));
    }
  }

  /** The client has nothing more to send: the call ends when everything has been answered. */
  public void halfClose() {
    if (!sealed) {
      sealed = true;
      enqueue(new Inbound.HalfClose());
    }
  }

  /** The client is gone: turns that haven't started never start. */
  public void cancel() {
    sealed = true;
    drop();
  }

  /** Nothing may be sent or begun any more. Any thread may do this. */
  private void drop() {
    synchronized (this) {
      closedByClient = !ended;
      ended = true;
      closed = true;
      outgoing.clear();
      outgoingBytes = 0;
    }
    discardInbound();
    directory.detach(this, object);
  }

  /** The client reads again. May be called without need. */
  public void onReady() {
    flush();
  }

  private int takeRoom(int count, int bytes) {
    int fitStub = budget.take(count, bytes);
    int fitObject = fitStub == 0 ? 0 : object.budget().take(fitStub, bytes);
    int fit = fitObject == 0 ? 0 : directory.budget().take(fitObject, bytes);
    if (fit < fitStub) {
      budget.release(fitStub - fit, fit == 0 ? bytes : 0);
    }
    if (fit < fitObject) {
      object.budget().release(fitObject - fit, fit == 0 ? bytes : 0);
    }
    return fit;
  }

  private void releaseRoom(Inbound.Invocations taken) {
    int count = taken.invocations().size();
    budget.release(count, taken.bytes());
    object.budget().release(count, taken.bytes());
    directory.budget().release(count, taken.bytes());
  }

  private BreakCause overloaded(long sequence, int count, int bytes) {
    return BreakCause.of(
            BreakReason.OVERLOADED,
            "no room for %,d more invocations of a frame of %,d bytes: %s; %s; %s"
                .formatted(
                    count,
                    bytes,
                    budget.refusal(),
                    object.budget().refusal(),
                    directory.budget().refusal()))
        .blaming(sequence);
  }

  private void enqueue(Inbound item) {
    inbound.add(item);
    if (hasEnded()) {
      discardInbound();
    } else if (!scheduled.getAndSet(true)) {
      // An object's own call comes on the thread of its turn, which is busy with that.
      object.ready(this, /* mayRun= */ !local);
    }
  }

  /** Any thread may do this: each item is taken, and its room released, by one of them. */
  private void discardInbound() {
    for (Inbound item = inbound.poll(); item != null; item = inbound.poll()) {
      if (item instanceof Inbound.Invocations invocations) {
        releaseRoom(invocations);
      }
    }
  }

  // ---- the turn thread's side

  /**
   * Takes the next invocation, and with it the duty to {@link #complete} it or {@link #breakTurn}.
   *
   * @return null if there is nothing to run
   */
  @Nullable Invocation takeInvocation() {
    Inbound.Invocations current = frame;
    while (current == null) {
      switch (inbound.poll()) {
        case null -> {
          return null;
        }
        case Inbound.Invocations next -> {
          releaseRoom(next);
          frame = next;
          nextInFrame = 0;
          current = next;
        }
        case Inbound.Failure failure -> {
          end(failure.cause(), object.pendingCommit());
          return null;
        }
        case Inbound.HalfClose end -> {
          synchronized (this) {
            endWith(null, Status.OK, 0);
          }
          flush();
          return null;
        }
      }
    }
    synchronized (this) {
      if (ended) {
        frame = null;
        return null;
      }
      inTurn = true;
    }
    Invocation invocation = current.invocations().get(nextInFrame++);
    arrivedNanos = current.arrivedNanos();
    if (nextInFrame == current.invocations().size()) {
      frame = null;
    }
    return invocation;
  }

  /** When the invocation that was taken last had arrived. */
  long arrivedNanos() {
    return arrivedNanos;
  }

  /** The turn ended well. Its outcome leaves when the commit is durable. */
  void complete(Outcome outcome, long commit) {
    boolean flush;
    boolean pulse = false;
    long gate;
    boolean waits;
    synchronized (this) {
      inTurn = false;
      if (ended) {
        return;
      }
      completed = outcome.sequence();
      int bytes = outcome.size();
      gate = notBeforeTheLast(commit);
      waits = !object.gate().isOpen(gate);
      outgoing.add(new Outgoing(outcome, bytes, null, Status.OK, gate));
      outgoingBytes += bytes;
      if (breakAfterTurn != null) {
        endBroken(breakAfterTurn, gate);
      }
      flush =
          ended
              || outgoing.size() >= FULL_FRAME_OUTCOMES
              || outgoingBytes >= FULL_FRAME_BYTES
              || (frame == null && (inbound.isEmpty() || outgoing.size() >= SHARED_FRAME_OUTCOMES));
      if (!flush && !onPulse) {
        onPulse = true;
        pulse = true;
      }
    }
    if (flush) {
      flush();
    } else if (pulse) {
      directory.pulse().add(this);
    }
    // As it was before the flush: the gate may have opened behind it.
    if (waits) {
      object.gate().await(this, gate);
    }
  }

  /**
   * With the lock held: the gate of what comes behind all that is outgoing. It is never below that
   * of the last, so that the last tells what all of them wait for: storage may know that a commit
   * is durable, and ask for no gate, before the gate has been opened.
   */
  private long notBeforeTheLast(long gate) {
    Outgoing last = outgoing.peekLast();
    return last == null ? gate : Math.max(gate, last.gate());
  }

  /** The turn failed: the stub breaks. */
  void breakTurn(BreakCause cause, long gate) {
    synchronized (this) {
      inTurn = false;
    }
    end(cause, gate);
  }

  /**
   * After a turn: whether the object is to serve this stub again in its round. If not, the stub
   * comes back by itself when it has something to run and its client reads.
   */
  boolean staysScheduled() {
    if (canRun()) {
      return true;
    }
    scheduled.set(false);
    return canRun() && !scheduled.getAndSet(true);
  }

  private boolean canRun() {
    return hasInbound() && !isBackedUp();
  }

  private boolean hasInbound() {
    return frame != null || !inbound.isEmpty();
  }

  private boolean isBackedUp() {
    paused = overUnreadLimit();
    // Looked at once more: the reader may have caught up before it could see that it is waited for.
    return paused && overUnreadLimit();
  }

  private synchronized boolean overUnreadLimit() {
    return !ended && outgoingBytes >= directory.limits().maxUnreadOutcomeBytes() && !sink.isReady();
  }

  // ---- any thread

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
    discardInbound();
  }

  /** Sends what the pulse has found to have waited for long enough. */
  void flushFromPulse() {
    synchronized (this) {
      onPulse = false;
    }
    flush();
  }

  private void end(BreakCause cause, long gate) {
    boolean waits = !object.gate().isOpen(gate);
    synchronized (this) {
      if (ended) {
        return;
      }
      endBroken(cause, gate);
    }
    flush();
    discardInbound();
    if (waits) {
      object.gate().await(this, gate);
    }
  }

  /** With the lock held. */
  private void endBroken(BreakCause cause, long gate) {
    endWith(cause.toBroken(completed), cause.toStatus(), gate);
  }

  /** With the lock held: nothing comes behind this, and it leaves no earlier than what is there. */
  private void endWith(@Nullable Broken broken, Status status, long gate) {
    if (!ended) {
      ended = true;
      outgoing.add(new Outgoing(null, 0, broken, status, notBeforeTheLast(gate)));
    }
  }

  private synchronized boolean hasEnded() {
    return ended;
  }

  /** Whether nothing may be run for this stub any more, though a turn of its had begun. */
  synchronized boolean isBroken() {
    return ended && !closedByClient;
  }

  /** Something has become durable, or is lost: sends what no longer waits. */
  void gateOpened() {
    flush();
  }

  /** Whether something still waits for a commit above this one. */
  synchronized boolean waitsFor(long durable) {
    Outgoing last = outgoing.peekLast();
    return last != null && last.gate() > durable;
  }

  /**
   * A commit has failed. If any turn of this stub is in it or in a later one, the stub breaks
   * behind the last outcome that is not. That is told when the gate next lets this stub flush.
   */
  void commitFailed(long failedCommit, BreakCause cause) {
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
    discardInbound();
  }

  /** Sends whatever may leave. The calling thread is the writer, unless another one is already. */
  private void flush() {
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
      if (!scheduled.getAndSet(true)) {
        object.ready(this, /* mayRun= */ false);
      }
    }
  }

  private boolean sendFrame() {
    List<Outcome> outcomes = List.of();
    Outgoing end = null;
    synchronized (this) {
      Outgoing next = outgoing.peek();
      if (closed || next == null || !object.gate().isOpen(next.gate()) || !sink.isReady()) {
        return false;
      }
      int bytes = 0;
      outcomes = new ArrayList<>(Math.min(outgoing.size(), FULL_FRAME_OUTCOMES));
      while (next != null
          && end == null
          && outcomes.size() < FULL_FRAME_OUTCOMES
          && (bytes == 0 || bytes + next.bytes() <= FULL_FRAME_BYTES)
          && object.gate().isOpen(next.gate())) {
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
        directory.detach(this, object);
      }
    }
    return true;
  }

  /**
   * The call can't be written to, say because an interceptor around the host threw. The thread that
   * found out is the object's, or serves all objects: only this stub may suffer for it.
   */
  private void lose(Throwable thrown) {
    logger.log(Level.WARNING, thrown, () -> "a stub of " + object + " is lost: its call failed");
    boolean open;
    synchronized (this) {
      open = !closed;
    }
    drop();
    if (open) {
      try {
        sink.close(Status.INTERNAL.withDescription("the host could not send: " + thrown));
      } catch (RuntimeException | Error e) {
        logger.log(Level.FINE, e, () -> "the call of a lost stub of " + object + " stays open");
      }
    }
  }
}
