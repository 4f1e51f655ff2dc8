package dev.seriatim.service.session;

import com.google.protobuf.Duration;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * What the host knows of one stub: invocations wait here for their turns, and then, in its {@link
 * OutcomeQueue}, outcomes for their way out. What carries it is its {@link Attachment}.
 *
 * <p>Two parties meet here, and each owns its part:
 *
 * <ul>
 *   <li>the <em>attachment's thread</em> puts in what its client sends: {@link #add}, {@link
 *       #halfClose}, {@link #fail}, {@link #cancel}, {@link #onReady}. One call at a time.
 *   <li>the object's <em>turn thread</em> takes invocations out, and says how their turns ended.
 * </ul>
 */
public final class Session implements SessionInput {
  /**
   * At the end of an inbound frame, a frame goes out when it has this many outcomes, even if
   * another inbound frame waits: the client gets on with its next frame while that one is worked
   * off.
   */
  private static final int SHARED_FRAME_OUTCOMES = 32;

  /** What an invocation takes in memory beside its part of the frame. */
  public static final long INVOCATION_BYTES = 96;

  private final SessionObject object;
  private final SessionHost host;
  private final QueueBudget budget;
  private final boolean local;

  /** Whether turns may begin on the thread on which the client's frames come. */
  private final boolean onTransport;

  /**
   * What opens a connection of a session whose record isn't attached yet; null for what is. Written
   * by the turn thread, behind {@link #nextSequence}, which is the attachment thread's from then
   * on.
   */
  private volatile @Nullable SessionOpen unclaimed;

  private final Queue<Inbound> inbound = new ConcurrentLinkedQueue<>();
  private final OutcomeQueue outcomes;

  // Whether the object's turn thread knows of this stub: it stands in the object's mailbox, or is
  // being served.
  private final AtomicBoolean scheduled = new AtomicBoolean();

  // The attachment thread's own.
  private long nextSequence;
  private boolean sealed;

  // The turn thread's own: the frame that is being worked off, until its last turn has ended.
  private Inbound.@Nullable Invocations frame;
  private int nextInFrame;
  private long arrivedNanos;

  /**
   * The session of a stub that has just been opened.
   *
   * @param local whether it is an object that opened it, of this host or of its cluster
   * @param open what makes it a connection of a session that can be resumed; null if it is none
   */
  public Session(
      SessionObject object,
      SessionHost host,
      Attachment attachment,
      boolean local,
      @Nullable SessionOpen open) {
    this.local = local;
    // An object's own call comes on the thread of its turn, which is busy with that.
    this.onTransport = !local && attachment.isOnTransport();
    this.object = object;
    this.host = host;
    this.budget = new QueueBudget("the stub", host.limits().stubQueue(), object.budget());
    this.nextSequence = attachment.completedThrough() + 1;
    this.outcomes = new OutcomeQueue(this, attachment, object.gate());
    this.unclaimed = open;
    if (open != null) {
      inbound.add(new Inbound.Claim(open));
    }
  }

  /** Lets the record be found, if there is to be one. Before anything comes in. */
  public void begin() {
    if (unclaimed != null) {
      schedule(onTransport);
    }
  }

  SessionObject object() {
    return object;
  }

  SessionHost host() {
    return host;
  }

  /** Which object it is open on. */
  public DurableObjectId objectId() {
    return object.id();
  }

  /** Whether the stub is opened by an object of this host, or of its cluster. */
  public boolean isLocal() {
    return local;
  }

  // ---- the attachment's side

  @Override
  public void add(List<Invocation> invocations, int bytes) {
    if (sealed) {
      return;
    }
    SessionOpen open = unclaimed;
    BreakCause early = open == null ? null : SessionOpen.early(open.connection(), invocations);
    if (early != null) {
      fail(early);
      return;
    }
    int valid = 0;
    BreakCause failure = null;
    for (Invocation invocation : invocations) {
      if (invocation.sequence() != nextSequence) {
        failure = outOfSequence(invocation);
        break;
      }
      nextSequence++;
      valid++;
    }
    BreakCause refusal = local ? object.refusal(invocations) : null;
    if (refusal != null) {
      sealed = true;
      breakSoon(refusal);
      return;
    }
    if (valid > 0) {
      long room = bytes + INVOCATION_BYTES * valid;
      int fit = budget.take(valid, room);
      if (fit < valid) {
        failure = overloaded(invocations.get(fit).sequence(), valid - fit, bytes);
      }
      if (fit > 0) {
        Inbound.Invocations taken =
            new Inbound.Invocations(
                fit == invocations.size() ? invocations : invocations.subList(0, fit),
                room,
                host.nanos());
        enqueue(taken);
        awaitTurn(taken, 0);
      }
    }
    if (failure != null) {
      fail(failure);
    }
  }

  @Override
  public void acknowledge(long through) {
    SessionRecord record = outcomes.record();
    if (record == null || sealed) {
      return;
    }
    BreakCause violation = record.acknowledge(through);
    if (violation != null) {
      fail(violation);
    } else {
      outcomes.acknowledged();
    }
  }

  private BreakCause outOfSequence(Invocation invocation) {
    return BreakCause.of(
            BreakReason.SEQUENCE_VIOLATION,
            "sequence %s, expected %s"
                .formatted(
                    Long.toUnsignedString(invocation.sequence()),
                    Long.toUnsignedString(nextSequence)))
        .blaming(invocation.sequence());
  }

  private BreakCause overloaded(long sequence, int count, int bytes) {
    return BreakCause.of(
            BreakReason.OVERLOADED,
            "no room for %,d more invocations of a frame of %,d bytes: %s"
                .formatted(count, bytes, budget.refusal()))
        .blaming(sequence);
  }

  @Override
  public void fail(BreakCause cause) {
    if (!sealed) {
      sealed = true;
      if (unclaimed != null || !outcomes.breakBehind(nextSequence - 1, cause)) {
        enqueue(new Inbound.Failure(cause));
      }
    }
  }

  @Override
  public void halfClose() {
    if (!sealed) {
      sealed = true;
      // The end of a session is for the turn thread: the store may have to forget it.
      if (isResumable() || !outcomes.endBehind(nextSequence - 1)) {
        enqueue(new Inbound.HalfClose());
      }
    }
  }

  @Override
  public void cancel() {
    sealed = true;
    drop();
  }

  @Override
  public void onDelivered() {
    outcomes.onDelivered();
  }

  @Override
  public void onReady() {
    outcomes.flush();
  }

  /** If this invocation has a timeout, it needn't wait for longer. */
  private void awaitTurn(Inbound.Invocations of, int index) {
    Invocation invocation = of.invocations().get(index);
    Duration timeout = invocation.timeout();
    if (timeout == null) {
      return;
    }
    long nanos;
    try {
      nanos = Timeout.nanos(timeout);
    } catch (IllegalArgumentException e) {
      return; // It breaks the stub when its turn comes.
    }
    outcomes.awaitTurn(invocation, of.arrivedNanos() + nanos);
  }

  private void enqueue(Inbound item) {
    inbound.add(item);
    if (outcomes.hasEnded()) {
      discardInbound();
    } else if (!outcomes.isPaused()) { // If it is, it comes back by itself.
      schedule(onTransport);
    }
  }

  // ---- the turn thread's side

  /**
   * Takes the next invocation, and with it the duty to {@link #complete} it, {@link #breakTurn} or,
   * if the stub has broken by then, {@link #abandonTurn}.
   *
   * @return null if there is nothing to run
   */
  public @Nullable Invocation takeInvocation() {
    Inbound.Invocations current = frame;
    while (current == null) {
      switch (inbound.poll()) {
        case null -> {
          return null;
        }
        case Inbound.Invocations next -> {
          // Its invocations don't queue any more; its bytes are there until the last is worked off.
          budget.release(next.invocations().size(), 0);
          frame = next;
          nextInFrame = 0;
          current = next;
        }
        case Inbound.Claim claim -> claim(claim.open());
        case Inbound.Failure failure -> {
          breakTurn(failure.cause(), object.pendingCommit());
          return null;
        }
        case Inbound.HalfClose _ -> {
          outcomes.end();
          SessionRecord record = outcomes.record();
          if (record != null) {
            object.closed(record);
          }
          return null;
        }
      }
    }
    return switch (outcomes.beginTurn()) {
      case BEGUN -> {
        arrivedNanos = current.arrivedNanos();
        yield current.invocations().get(nextInFrame++);
      }
      case PAUSED -> null;
      case OVER -> {
        letGoOfFrame(current);
        yield null;
      }
    };
  }

  private void claim(SessionOpen open) {
    if (outcomes.hasEnded()) {
      return;
    }
    try {
      object.claim(this, open);
    } catch (BreakException e) {
      outcomes.breakNow(e.cause(), /* commit= */ 0);
    }
  }

  /**
   * The record is this connection's from now on.
   *
   * @param opened what its client is told, when that commit is durable
   * @param next the number of the next invocation
   */
  public void claimed(SessionRecord record, Opened opened, long commit, long next) {
    if (unclaimed != null && !unclaimed.isFirst()) {
      nextSequence = next; // Nothing else has touched it so far.
    }
    long behind = outcomes.claimed(record, opened, commit);
    unclaimed = null; // Before the client can know.
    outcomes.open(behind);
    if (outcomes.hasEnded()) {
      record.detached(this, host.nanos());
    }
  }

  /** Whether its record has still to be found, which may take longer than a turn. */
  public boolean isUnclaimed() {
    return unclaimed != null;
  }

  /**
   * Whether it is going to take over from another connection, which had better not be served first.
   */
  public boolean takesOver() {
    SessionOpen open = unclaimed;
    return open != null && !open.isFirst();
  }

  /** What is remembered of it; null if it isn't resumable, or is not open yet. */
  public @Nullable SessionRecord record() {
    return outcomes.record();
  }

  private boolean isResumable() {
    return unclaimed != null || outcomes.record() != null;
  }

  /** A newer connection of its session has come: nothing is run or sent here any more. */
  public void supersede(long by) {
    outcomes.supersede(SessionRecord.superseded(by));
    discardInbound();
    abandonTurn();
  }

  /** The outcome of the next invocation to be completed isn't new. */
  public void replayed() {
    outcomes.replayed();
  }

  /** When the invocation that was taken last had arrived. */
  public long arrivedNanos() {
    return arrivedNanos;
  }

  /**
   * Takes room for the outcome of a turn that is about to end well. It must then be {@link
   * #complete completed}, or {@link #giveUp given up}.
   *
   * @return why there is none, or null
   */
  public @Nullable BreakCause reserve(Outcome outcome) {
    long bytes = OutcomeLine.heapBytes(outcome);
    if (!OutcomeBudget.mustReserve(bytes) || object.outcomeBudget().tryAdd(bytes)) {
      return null;
    }
    return BreakCause.of(
        BreakReason.OVERLOADED,
        "no room for an outcome that takes %,d bytes: %s"
            .formatted(bytes, object.outcomeBudget().refusal()));
  }

  /** Gives the room of an outcome back that won't be sent. */
  public void giveUp(Outcome outcome) {
    long bytes = OutcomeLine.heapBytes(outcome);
    if (OutcomeBudget.mustReserve(bytes)) {
      object.outcomeBudget().add(-bytes);
    }
  }

  /** The turn ended well, and its outcome has its room. It leaves when the commit is durable. */
  public void complete(Outcome outcome, long commit) {
    Inbound.Invocations current = frame;
    if (current != null && nextInFrame == current.invocations().size()) {
      letGoOfFrame(current);
    }
    outcomes.complete(outcome, commit, worthAFrame());
  }

  /** With how many outcomes a frame goes out now; what is inbound may soon add more. */
  private int worthAFrame() {
    if (frame != null) {
      return OutcomeLine.FULL_FRAME_OUTCOMES;
    }
    return inbound.isEmpty() ? 1 : SHARED_FRAME_OUTCOMES;
  }

  /** The turn came to nothing, for its stub has broken meanwhile. */
  public void abandonTurn() {
    if (frame != null) {
      letGoOfFrame(frame);
    }
  }

  /** The turn failed: the stub breaks, which is told when the commit is durable. */
  public void breakTurn(BreakCause cause, long commit) {
    abandonTurn();
    long behind = commit;
    SessionRecord record = outcomes.record();
    if (record != null) {
      record.withdraw();
      if (!cause.retryable() && record.broke(cause) && record.isStored()) {
        behind = Math.max(commit, object.submit(record));
        record.brokenBehind(behind);
      }
    }
    outcomes.breakNow(cause, behind);
  }

  /** The turn has its effect, but its outcome can't be told: the call ends without a break. */
  public void lose(Throwable thrown) {
    outcomes.lose(thrown);
  }

  /**
   * After a turn: whether the object is to serve this stub again in its round. If not, the stub
   * comes back by itself when it has something to run and its client reads.
   */
  public boolean staysScheduled() {
    if (frame != null) {
      awaitTurn(frame, nextInFrame);
    } else {
      switch (inbound.peek()) {
        case null -> {}
        case Inbound.Invocations next -> awaitTurn(next, 0);
        case Inbound.Claim _ -> {}
        // It is the last thing, and needn't wait for what the object does next.
        case Inbound.Failure _, Inbound.HalfClose _ -> {
          Invocation _ = takeInvocation();
        }
      }
    }
    if (canRun()) {
      return true;
    }
    scheduled.set(false);
    return canRun() && !scheduled.getAndSet(true);
  }

  /** It is worked off, or will never be. Before its client can know: it may go on at once. */
  private void letGoOfFrame(Inbound.Invocations current) {
    frame = null;
    budget.release(0, current.room());
  }

  private boolean canRun() {
    return (frame != null || !inbound.isEmpty()) && !outcomes.isPaused();
  }

  // ---- any thread

  @Override
  public void breakSoon(BreakCause cause) {
    outcomes.breakSoon(cause);
  }

  /** Whether nothing may be run for this stub any more, though a turn of its had begun. */
  public boolean isBroken() {
    return outcomes.isBroken();
  }

  /** The client has caught up with what it is sent: its invocations may run again. */
  void resume() {
    schedule(/* byTransport= */ false);
  }

  private void schedule(boolean byTransport) {
    if (!scheduled.getAndSet(true)) {
      object.ready(this, byTransport);
    }
  }

  /** Nothing may be sent or begun any more. */
  void drop() {
    outcomes.drop();
    discardInbound();
    detach();
  }

  /** The stub has ended. Each item is taken, and its room released, by one thread. */
  void discardInbound() {
    for (Inbound item = inbound.poll(); item != null; item = inbound.poll()) {
      if (item instanceof Inbound.Invocations invocations) {
        releaseRoom(invocations);
      }
    }
    // If a turn had begun before the end, this thread sees what it left behind.
    if (frame != null) {
      schedule(/* byTransport= */ false); // The turn thread will let go of it, if it stands still.
    }
  }

  private void releaseRoom(Inbound.Invocations taken) {
    budget.release(taken.invocations().size(), taken.room());
  }

  /** Nothing is to come or to leave any more. */
  void detach() {
    SessionRecord record = outcomes.record();
    if (record != null) {
      record.detached(this, host.nanos());
    }
    object.ended(this);
  }

  @Override
  public String toString() {
    return "a stub of " + object;
  }
}
