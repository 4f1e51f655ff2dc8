package dev.seriatim.service.session;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One stub's way out, and how far it has got: outcomes wait here until they may leave, and the
 * stub's end behind them.
 *
 * <p>The lock guards both, since where a stub breaks depends on what has still to leave. Whoever
 * {@link #flush flushes} is the attachment's one writer, for as long as it does: the flush counter
 * makes sure that it is one thread at a time, with no lock held while it sends.
 */
final class OutcomeQueue extends OneWriter implements OutputGate.Waiter {
  private static final Logger logger = Logger.getLogger(OutcomeQueue.class.getName());

  /** How a stub ends that isn't broken. */
  private static final Status OK = Status.getDefaultInstance();

  /** What becomes of a turn that is to begin. */
  enum Beginning {
    BEGUN,
    /** Too much has still to be sent. The stub comes back by itself when it is less. */
    PAUSED,
    /** Nothing may be run for the stub any more. */
    OVER
  }

  private final Session session;
  private final Attachment attachment;
  private final OutputGate gate;

  @GuardedBy("this")
  private SessionState state = SessionState.Simple.WAITS;

  @GuardedBy("this")
  private final OutcomeLine line;

  /** The number of the last invocation that completed. */
  @GuardedBy("this")
  private long completed;

  /**
   * Null for a stub that can't be resumed, and until its record was found. Written holding this.
   */
  private volatile @Nullable Resumed resumed;

  /** Null until an invocation with a timeout has had to wait. */
  @GuardedBy("this")
  private @Nullable TurnDeadline deadline;

  @GuardedBy("this")
  private boolean onPulse;

  /**
   * Whether no turn begins because too much has still to be sent. Set holding this, by the turn
   * thread, and cleared by the writer, who sends, and then looks at it: one of them sees the other.
   */
  private volatile boolean paused;

  /** What a connection of a session has beside. */
  private static final class Resumed {
    final SessionRecord record;

    /** The commit that has to be durable before anything is sent. */
    final long gate;

    /** What has to be sent first; null if it was. Guarded by the queue's lock. */
    @Nullable Opened opened;

    Resumed(SessionRecord record, long gate, Opened opened) {
      this.record = record;
      this.gate = gate;
      this.opened = opened;
    }
  }

  OutcomeQueue(Session session, Attachment attachment, OutputGate gate) {
    this.session = session;
    this.attachment = attachment;
    this.gate = gate;
    this.completed = attachment.completedThrough();
    this.line = new OutcomeLine(session.object());
  }

  // ---- the turn thread's side

  /** A turn begins for this stub, if it may. */
  synchronized Beginning beginTurn() {
    if (state != SessionState.Simple.WAITS) {
      return Beginning.OVER;
    }
    if (hasTooMuch()) {
      paused = true;
      return Beginning.PAUSED;
    }
    if (deadline != null) {
      deadline.turnBegins();
    }
    state = SessionState.Simple.IN_TURN;
    return Beginning.BEGUN;
  }

  /**
   * The turn ended well. Its outcome leaves when the commit is durable.
   *
   * @param worthAFrame with how many outcomes a frame goes out now
   */
  void complete(Outcome outcome, long commit, int worthAFrame) {
    Outcome kept =
        gate.isOpen(commit) && attachment.isReady() ? outcome : OutcomeLine.compact(outcome);
    boolean flush;
    boolean toPulse = false;
    long behind;
    boolean waits;
    synchronized (this) {
      if (isOver()) {
        session.giveUp(outcome);
        return;
      }
      completed = outcome.sequence();
      line.add(kept, commit);
      behind = line.lastGate();
      waits = !gate.isOpen(behind);
      if (state instanceof SessionState.BreaksAfterTurn(BreakCause cause)) {
        endBroken(cause, 0);
        flush = true;
      } else {
        state = SessionState.Simple.WAITS;
        flush = line.size() >= worthAFrame || line.wireBytes() >= OutcomeLine.FULL_FRAME_BYTES;
      }
      if (!flush && !onPulse) {
        onPulse = true;
        toPulse = true;
      }
    }
    if (flush) {
      flush();
    } else if (toPulse) {
      session.host().pulse().add(this);
    }
    // As it was before the flush: the gate may have opened behind it.
    if (waits) {
      gate.await(this, behind);
    }
  }

  /**
   * The stub breaks, after a turn of it that failed, or instead of one. Told behind that commit.
   */
  void breakNow(BreakCause cause, long commit) {
    boolean waits = !gate.isOpen(commit);
    synchronized (this) {
      if (isOver()) {
        return;
      }
      endBroken(cause, commit);
    }
    try {
      session.discardInbound(); // Before the client can know: it may open another stub at once.
      flush();
      if (waits) {
        gate.await(this, commit);
      }
    } catch (RuntimeException | Error e) { // The end is in line, and nobody may come to send it.
      lose(e);
    }
  }

  /** Everything that the client has sent was answered: the call ends well. */
  void end() {
    synchronized (this) {
      if (!isOver()) {
        endWith(null, OK, 0);
      }
    }
    flush();
  }

  /** Whether the stub waits until some of what it has to send has left. */
  boolean isPaused() {
    return paused;
  }

  private synchronized boolean hasTooMuch() {
    if (isOver()) {
      return false;
    }
    Resumed connection = resumed;
    if (connection != null && connection.record.isFull()) {
      return true;
    }
    if (line.heapBytes() == 0) {
      return false;
    }
    HostLimits limits = session.host().limits();
    return line.heapBytes() >= limits.stubOutcomeBytes()
        || (line.wireBytes() >= limits.maxUnreadOutcomeBytes() && !attachment.isReady())
        || line.isOverBudget();
  }

  // ---- connections of a session

  /** What is remembered of the session; null if the stub can't be resumed, or isn't open yet. */
  @Nullable SessionRecord record() {
    Resumed connection = resumed;
    return connection == null ? null : connection.record;
  }

  /**
   * The record was found: the client is told where it stands, and what it has missed. By the turn
   * thread, before the first turn; {@link #open} must follow.
   *
   * @return the commit that all of that waits for
   */
  long claimed(SessionRecord record, Opened opened, long commit) {
    SessionRecord.Replay replay = record.replay();
    synchronized (this) {
      resumed = new Resumed(record, commit, opened);
      if (isOver()) {
        return 0;
      }
      completed = replay.completed();
      for (int i = 0; i < replay.outcomes().size(); i++) {
        line.add(replay.outcomes().get(i), Math.max(commit, replay.gates().get(i)));
      }
      Broken broken = replay.broken();
      if (broken != null) {
        Status end =
            Status.newBuilder()
                .setCode(broken.getCause().getCode())
                .setMessage(broken.getCause().getMessage())
                .build();
        endWith(broken, end, Math.max(commit, replay.brokenGate()));
      }
      return Math.max(commit, line.lastGate());
    }
  }

  /** Tells the client, when that commit is durable. */
  void open(long behind) {
    boolean waits = !gate.isOpen(behind);
    flush();
    if (waits) {
      gate.await(this, behind);
    }
  }

  /** A newer connection has come: this one ends without a word on what ran. */
  void supersede(Status status) {
    synchronized (this) {
      if (isOver()) {
        return;
      }
      line.clear();
      forgetOpened();
      endWith(null, status, 0);
    }
    flush();
  }

  /** The client has acknowledged outcomes: turns may begin that had to wait for that. */
  void acknowledged() {
    if (paused) {
      flush();
    }
  }

  /** What completes next was executed before. */
  void replayed() {
    attachment.replayed();
  }

  /** Nothing is said of where the session stands. */
  @GuardedBy("this")
  private void forgetOpened() {
    Resumed connection = resumed;
    if (connection != null) {
      connection.opened = null;
    }
  }

  @GuardedBy("this")
  private long openedGate() {
    Resumed connection = resumed;
    return connection == null || connection.opened == null ? 0 : connection.gate;
  }

  // ---- any thread

  /**
   * This invocation of the stub waits for its turn, no longer than until this time on the host's
   * ticker. If it is the next one, and its time runs out, the stub breaks at once, whatever it
   * waits for. If it isn't, nothing is done: who says so when its turn is next is the turn thread.
   */
  synchronized void awaitTurn(Invocation invocation, long untilNanos) {
    if (state == SessionState.Simple.WAITS && invocation.sequence() == completed + 1) {
      if (deadline == null) {
        deadline = new TurnDeadline(this, session.host());
      }
      deadline.await(invocation, untilNanos);
    }
  }

  /** The time has come that was set for a turn to begin. On a thread of the timer's. */
  void turnDeadline(long setFor) {
    try {
      synchronized (this) {
        Invocation overdue = deadline == null ? null : deadline.overdue(setFor);
        if (overdue == null) {
          return;
        }
        endBroken(Timeout.ranOutBeforeItsTurn(overdue), 0);
      }
      session.discardInbound();
      flush();
    } catch (RuntimeException | Error e) { // No other timer is set for it.
      lose(e);
    }
  }

  /** Whether nothing may come behind what is here. */
  synchronized boolean hasEnded() {
    return isOver();
  }

  @GuardedBy("this")
  private boolean isOver() {
    return state == SessionState.Simple.ENDS
        || state == SessionState.Simple.CLOSED
        || state instanceof SessionState.GivenUp;
  }

  /** Whether nothing may be run for this stub any more, though a turn of its had begun. */
  synchronized boolean isBroken() {
    return state == SessionState.Simple.ENDS || state == SessionState.Simple.CLOSED;
  }

  /**
   * Ends the call well, if the invocation of this number has completed, which is the last one. So a
   * stub that has nothing to run doesn't wait for its object.
   *
   * @return whether nothing has to be done any more
   */
  boolean endBehind(long last) {
    synchronized (this) {
      if (!isOver()) {
        if (state != SessionState.Simple.WAITS || completed != last) {
          return false;
        }
        endWith(null, OK, 0);
      }
    }
    flush();
    return true;
  }

  /**
   * Breaks the stub, if the invocation of this number has completed.
   *
   * @return whether nothing has to be done any more
   */
  boolean breakBehind(long last, BreakCause cause) {
    synchronized (this) {
      if (!isOver()) {
        if (state != SessionState.Simple.WAITS || completed != last) {
          return false;
        }
        endBroken(cause, 0);
      }
    }
    flush();
    return true;
  }

  /** Breaks the stub, after the turn that it is in, if it is in one. */
  void breakSoon(BreakCause cause) {
    synchronized (this) {
      if (isOver()) {
        return;
      }
      if (state != SessionState.Simple.WAITS) {
        state = new SessionState.BreaksAfterTurn(cause);
        return;
      }
      endBroken(cause, 0);
    }
    session.discardInbound();
    flush();
  }

  /** Nothing may be sent or begun any more. */
  synchronized void drop() {
    state = isOver() ? SessionState.Simple.CLOSED : new SessionState.GivenUp(line.lastGate());
    line.clear();
    forgetOpened();
    closeDeadline();
  }

  /** What carries the stub has sent all that it was given, or has dropped it. */
  synchronized void onDelivered() {
    line.delivered();
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
    long last = Math.max(line.lastGate(), openedGate());
    return Math.max(last, state instanceof SessionState.GivenUp(long gate) ? gate : 0) > durable;
  }

  /**
   * If any turn of this stub is in these commits or behind them, the stub breaks behind the last
   * outcome that is not; or it is lost, without a word on what became of its turns, if the first of
   * these may be durable. That is told when the gate next lets this stub flush.
   */
  @Override
  public void commitsLost(Loss loss) {
    try {
      synchronized (this) {
        if (state instanceof SessionState.GivenUp(long gate) && gate >= loss.first()) {
          state = SessionState.Simple.CLOSED; // A turn that has begun stands on what is lost.
          return;
        }
        if (openedGate() >= loss.first()) {
          line.clear(); // Nothing is open yet, and another connection may find out.
          forgetOpened();
          endBroken(loss.cause(), 0);
          return;
        }
        if (line.lastGate() < loss.first() || line.isEmpty()) {
          return;
        }
        long commit = line.firstOutcomeGate(loss.first());
        long lost = line.dropFrom(loss.first());
        if (lost != 0) {
          completed = lost - 1;
        }
        if (commit != 0 && loss.mayBeDurable(commit)) {
          endWith(null, loss.cause().toLoss(), /* commit= */ 0);
        } else {
          endBroken(loss.cause(), 0);
        }
      }
      session.discardInbound();
    } catch (RuntimeException | Error e) { // The others must be told.
      failed(e);
    }
  }

  @GuardedBy("this")
  private void endBroken(BreakCause cause, long commit) {
    Resumed connection = resumed;
    if (connection != null && !cause.retryable()) {
      boolean _ = connection.record.broke(cause);
    }
    endWith(cause.toBroken(completed), cause.toEnd(), commit);
  }

  /** Nothing comes behind this, and it leaves no earlier than what is there. */
  @GuardedBy("this")
  private void endWith(@Nullable Broken broken, Status status, long commit) {
    state = SessionState.Simple.ENDS;
    line.addEnd(broken, status, commit);
    closeDeadline();
  }

  @GuardedBy("this")
  private void closeDeadline() {
    if (deadline != null) {
      deadline.close();
    }
  }

  // ---- the writer

  @Override
  protected void flushed() {
    if (paused && !hasTooMuch()) {
      paused = false;
      session.resume();
    }
  }

  @Override
  protected boolean sendNext() {
    OutcomeLine.Frame frame;
    synchronized (this) {
      if (!attachment.isReady()) {
        return false;
      }
      line.delivered();
      Resumed connection = resumed;
      if (connection != null && connection.opened != null) {
        frame = null;
      } else {
        frame = line.take(gate);
        if (frame == null) {
          return false;
        }
        if (frame.end() != null) {
          state = SessionState.Simple.CLOSED;
        }
        if (connection != null && !frame.outcomes().isEmpty()) {
          connection.record.sent(frame.outcomes().getLast().sequence());
        }
      }
    }
    return frame == null ? sendOpened() : send(frame);
  }

  private boolean send(OutcomeLine.Frame frame) {
    try {
      if (!frame.outcomes().isEmpty() || frame.broken() != null) {
        attachment.send(frame.outcomes(), frame.broken());
      }
    } finally {
      if (frame.end() != null) {
        attachment.close(frame.end());
        session.detach();
      }
    }
    return true;
  }

  /** Says that the stub is open, if that may be said. As the writer. */
  private boolean sendOpened() {
    Opened opened;
    synchronized (this) {
      Resumed connection = resumed;
      if (connection == null || connection.opened == null || !gate.isOpen(connection.gate)) {
        return connection == null || connection.opened == null;
      }
      opened = connection.opened;
      connection.opened = null;
    }
    attachment.sendOpened(opened);
    return true;
  }

  /** Whatever happens, the writer must come back to count who else has asked it to flush. */
  @Override
  protected void failed(Throwable thrown) {
    try {
      lose(thrown);
    } catch (RuntimeException | Error e) { // There is no memory at all, say.
      synchronized (this) {
        state = SessionState.Simple.CLOSED;
      }
    }
  }

  /**
   * The attachment can't be written to, say because an interceptor around the host threw. The
   * thread that found out is the object's, or serves all objects: only this stub may suffer for it.
   * Its client is told nothing of what became of its calls.
   */
  void lose(Throwable thrown) {
    boolean open;
    synchronized (this) {
      open = state != SessionState.Simple.CLOSED && !(state instanceof SessionState.GivenUp);
    }
    try {
      session.drop();
      logger.log(Level.WARNING, thrown, () -> session + " is lost: what carries it failed");
    } catch (RuntimeException | Error e) {
      logger.log(
          Level.WARNING, () -> session + " is lost: what carries it failed: " + Legible.of(thrown));
    } finally {
      if (open) {
        closeLost(thrown);
      }
    }
  }

  private void closeLost(Throwable thrown) {
    try {
      attachment.close(
          Status.newBuilder()
              .setCode(Code.INTERNAL_VALUE)
              .setMessage("the host could not send: " + Legible.of(thrown))
              .build());
    } catch (RuntimeException | Error e) {
      logger.log(Level.FINE, e, () -> "what carried " + session + ", which is lost, stays open");
    }
  }
}
