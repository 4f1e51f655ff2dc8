package dev.seriatim.service.session;

import com.google.protobuf.Duration;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the host knows of one stub: invocations wait for their turns in its {@link InvocationQueue},
 * and outcomes for their way out in its {@link OutcomeQueue}. What carries it is its {@link
 * Attachment}; if it is one of several that a stub may have, it has a {@link Resumption}. Here the
 * two ways meet: it wakes the object when there is something to run.
 *
 * <p>Two parties meet here, too:
 *
 * <ul>
 *   <li>the <em>attachment's thread</em> puts in what its client sends: {@link #add}, {@link
 *       #halfClose}, {@link #fail}, {@link #cancel}, {@link #onReady}. One call at a time.
 *   <li>the object's <em>turn thread</em> takes invocations out, and says how their turns ended.
 * </ul>
 */
public final class Session implements SessionInput {
  /** What an invocation takes in memory beside its part of the frame. */
  public static final long INVOCATION_BYTES = 96;

  private static final VarHandle SCHEDULED;

  static {
    try {
      SCHEDULED = MethodHandles.lookup().findVarHandle(Session.class, "scheduled", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final SessionObject object;
  private final boolean local;
  private final @Nullable StubCaller caller;

  /** Whether turns may begin on the thread on which the client's frames come. */
  private final boolean onTransport;

  private final InvocationQueue queue;
  private final OutcomeQueue outcomes;

  /**
   * Whether the object's turn thread knows of this stub: it stands in the object's mailbox, or is
   * being served. Through the handle: many stubs are idle, and each byte of them counts.
   */
  private volatile boolean scheduled;

  /**
   * The session of a stub that has just been opened.
   *
   * @param local whether it is an object that opened it, of this host or of its cluster
   * @param open what makes it a connection of a session that can be resumed; null if it is none
   */
  public Session(
      SessionObject object, Attachment attachment, boolean local, @Nullable SessionOpen open) {
    this.local = local;
    this.caller = local ? StubCaller.ofObject() : attachment.caller();
    // An object's own call comes on the thread of its turn, which is busy with that.
    this.onTransport = !local && attachment.isOnTransport();
    this.object = object;
    this.queue =
        new InvocationQueue(
            new QueueBudget("the stub", object.sessionHost().limits().stubQueue(), object.budget()),
            attachment.completedThrough() + 1);
    this.outcomes =
        new OutcomeQueue(
            this, attachment, object.gate(), open == null ? null : new Resumption(open));
    if (open != null) {
      queue.put(new Inbound.Claim(open));
    }
  }

  /** Lets the record be found, if there is to be one. Before anything comes in. */
  public void begin() {
    if (isUnclaimed()) {
      schedule(onTransport);
    }
  }

  SessionObject object() {
    return object;
  }

  SessionHost host() {
    return object.sessionHost();
  }

  /** Which object it is open on. */
  public DurableObjectId objectId() {
    return object.id();
  }

  /** Whether the stub is opened by an object of this host, or of its cluster. */
  public boolean isLocal() {
    return local;
  }

  /** Who has opened it; null if nobody known has, and may do everything. */
  public @Nullable StubCaller caller() {
    return caller;
  }

  /** Where its client is; empty if that isn't known. */
  public String peer() {
    return outcomes.peer();
  }

  // ---- the attachment's side

  @Override
  public void add(List<Invocation> invocations, int bytes) {
    if (queue.isSealed()) {
      return;
    }
    Resumption resumption = outcomes.resumption();
    BreakCause early = resumption == null ? null : resumption.early(invocations);
    if (early != null) {
      fail(early);
      return;
    }
    int valid = queue.number(invocations);
    BreakCause refusal = local ? object.refusal(invocations) : null;
    if (refusal != null) {
      boolean _ = queue.seal();
      breakSoon(refusal);
      return;
    }
    Inbound.Invocations taken = queue.takeRoom(invocations, valid, bytes, host());
    int fit = taken == null ? 0 : taken.invocations().size();
    BreakCause fault = queue.fault(invocations, valid, fit, bytes);
    if (taken != null) {
      enqueue(taken);
      awaitTurn(taken, 0);
    }
    if (fault != null) {
      fail(fault);
    }
  }

  @Override
  public void acknowledge(long through) {
    SessionRecord record = record();
    if (record == null || queue.isSealed()) {
      return;
    }
    BreakCause violation = record.acknowledge(through);
    if (violation != null) {
      fail(violation);
    } else {
      outcomes.acknowledged();
    }
  }

  @Override
  public void fail(BreakCause cause) {
    if (queue.seal() && (isUnclaimed() || !outcomes.breakBehind(queue.lastSequence(), cause))) {
      enqueue(new Inbound.Failure(cause));
    }
  }

  @Override
  public void halfClose() {
    // The end of a session is for the turn thread: the store may have to forget it.
    if (queue.seal()
        && (outcomes.resumption() != null || !outcomes.endBehind(queue.lastSequence()))) {
      enqueue(new Inbound.HalfClose());
    }
  }

  @Override
  public void cancel() {
    boolean _ = queue.seal();
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
    queue.put(item);
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
    Inbound.Invocations current = queue.frame();
    while (current == null) {
      switch (queue.poll()) {
        case null -> {
          return null;
        }
        case Inbound.Invocations next -> current = queue.begin(next);
        case Inbound.Claim claim -> claim(claim.open());
        case Inbound.Failure failure -> {
          breakTurn(failure.cause(), object.pendingCommit());
          return null;
        }
        case Inbound.HalfClose _ -> {
          outcomes.end();
          SessionRecord record = record();
          if (record != null) {
            object.closed(record);
          }
          return null;
        }
      }
    }
    return switch (outcomes.beginTurn()) {
      case BEGUN -> queue.next(current);
      case PAUSED -> null;
      case OVER -> {
        queue.abandonFrame();
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
    Resumption resumption = Objects.requireNonNull(outcomes.resumption());
    if (resumption.takesOver()) {
      queue.beginAt(next); // Nothing else has touched it so far.
    }
    long behind = outcomes.claimed(resumption, record, opened, commit);
    resumption.claimed(); // Before the client can know.
    outcomes.open(behind);
    if (outcomes.hasEnded()) {
      record.detached(this, host().nanos());
    }
  }

  /** The last number that came; a hint for all but the attachment's thread. */
  public long receivedThrough() {
    return queue.lastSequence();
  }

  /** The last number that has an outcome. */
  public long completedThrough() {
    return outcomes.completedThrough();
  }

  /** Whether its record has still to be found, which may take longer than a turn. */
  public boolean isUnclaimed() {
    Resumption resumption = outcomes.resumption();
    return resumption != null && resumption.isUnclaimed();
  }

  /**
   * Whether it is going to take over from another connection, which had better not be served first.
   */
  public boolean takesOver() {
    Resumption resumption = outcomes.resumption();
    return resumption != null && resumption.takesOver();
  }

  /** What is remembered of it; null if it isn't resumable, or is not open yet. */
  public @Nullable SessionRecord record() {
    Resumption resumption = outcomes.resumption();
    return resumption == null ? null : resumption.record();
  }

  /** A newer connection of its session has come: nothing is run or sent here any more. */
  public void supersede(long by) {
    outcomes.supersede(Resumption.superseded(by));
    discardInbound();
    abandonTurn();
  }

  /** The outcome of the next invocation to be completed isn't new. */
  public void replayed() {
    outcomes.replayed();
  }

  /** When the invocation that was taken last had arrived. */
  public long arrivedNanos() {
    return queue.arrivedNanos();
  }

  /** The turn ended well, and its outcome has its room. It leaves when the commit is durable. */
  public void complete(Outcome outcome, long commit) {
    outcomes.complete(outcome, commit, queue.turnEnded());
  }

  /** The turn came to nothing, for its stub has broken meanwhile. */
  public void abandonTurn() {
    queue.abandonFrame();
  }

  /** The turn failed: the stub breaks, which is told when the commit is durable. */
  public void breakTurn(BreakCause cause, long commit) {
    abandonTurn();
    Resumption resumption = outcomes.resumption();
    outcomes.breakNow(
        cause, resumption == null ? commit : resumption.turnFailed(object, cause, commit));
  }

  /** The same, and it is known for what. */
  public void failTurn(FailedTurn turn, BreakCause cause, long commit) {
    outcomes.turnFailed(turn);
    breakTurn(cause, commit);
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
    Inbound.Invocations current = queue.frame();
    if (current != null) {
      awaitTurn(current, queue.nextInFrame());
    } else {
      switch (queue.peek()) {
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
    scheduled = false;
    return canRun() && !(boolean) SCHEDULED.getAndSet(this, true);
  }

  private boolean canRun() {
    return !queue.isWorkedOff() && !outcomes.isPaused();
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
    if (!(boolean) SCHEDULED.getAndSet(this, true)) {
      object.ready(this, byTransport);
    }
  }

  /** Nothing may be sent or begun any more. */
  void drop() {
    outcomes.drop();
    discardInbound();
    detach();
  }

  /** The stub has ended, and nothing that waits is run. */
  void discardInbound() {
    if (queue.discard()) {
      schedule(/* byTransport= */ false); // The turn thread will let go of it, if it stands still.
    }
  }

  /** Nothing is to come or to leave any more. */
  void detach() {
    SessionRecord record = record();
    if (record != null) {
      record.detached(this, host().nanos());
    }
    object.ended(this);
  }

  @Override
  public String toString() {
    return "a stub of " + object;
  }
}
