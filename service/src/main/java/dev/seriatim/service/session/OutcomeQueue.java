package dev.seriatim.service.session;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.seriatim.service.dispatch.Legible;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * One stub's way out: outcomes wait here until they may leave, and the stub's end behind them. What
 * is here, and where the stub breaks, is its {@link Progress}; here is what follows from it: who
 * sends, who is waited for, and who is told.
 *
 * <p>The lock guards the progress. Whoever {@link #flush flushes} is the attachment's one writer,
 * for as long as it does: the flush counter makes sure that it is one thread at a time, with no
 * lock held while it sends.
 */
final class OutcomeQueue extends OneWriter implements OutputGate.Waiter {
  private static final Logger logger = LoggerFactory.getLogger(OutcomeQueue.class);

  private final Session session;
  private final Attachment attachment;
  private final OutputGate gate;

  /** Guarded by this, but for what it says that is without the lock. */
  private final Progress progress;

  /** Written by whoever has the object, before the break is put in line. */
  private volatile @Nullable FailedTurn failedTurn;

  OutcomeQueue(
      Session session, Attachment attachment, OutputGate gate, @Nullable Resumption resumption) {
    this.session = session;
    this.attachment = attachment;
    this.gate = gate;
    this.progress =
        new Progress(new OutcomeLine(session.object()), resumption, attachment.completedThrough());
  }

  /** What it has beside if it is a connection of several; null if it is none. */
  @Nullable Resumption resumption() {
    return progress.resumption();
  }

  /** Where its client is; empty if that isn't known. */
  String peer() {
    return attachment.peer();
  }

  /** The last number that has an outcome. */
  synchronized long completedThrough() {
    return progress.completedThrough();
  }

  // ---- the turn thread's side

  /** A turn begins for this stub, if it may. */
  synchronized Progress.Beginning beginTurn() {
    return progress.beginTurn(session.host().limits(), attachment);
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
    boolean toPulse;
    long behind;
    boolean waits;
    synchronized (this) {
      if (progress.isOver()) {
        session.object().giveUp(outcome);
        return;
      }
      behind = progress.complete(kept, commit);
      waits = !gate.isOpen(behind);
      flush = progress.turnEnded(worthAFrame);
      toPulse = !flush && progress.putOnPulse();
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
      if (!progress.breakBehind(cause, commit)) {
        return;
      }
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
      progress.end();
    }
    flush();
  }

  /** Whether the stub waits until some of what it has to send has left. */
  boolean isPaused() {
    return progress.isPaused();
  }

  private synchronized boolean hasTooMuch() {
    return progress.hasTooMuch(session.host().limits(), attachment);
  }

  // ---- connections of a session

  /**
   * The record was found: the client is told where it stands, and what it has missed. By the turn
   * thread, before the first turn; {@link #open} must follow.
   *
   * @return the commit that all of that waits for
   */
  long claimed(Resumption connection, SessionRecord record, Opened opened, long commit) {
    SessionRecord.Replay replay = record.replay();
    synchronized (this) {
      return progress.claimed(connection, record, replay, opened, commit);
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
      if (!progress.supersede(status)) {
        return;
      }
    }
    flush();
  }

  /** The client has acknowledged outcomes: turns may begin that had to wait for that. */
  void acknowledged() {
    if (isPaused()) {
      flush();
    }
  }

  /** What completes next was executed before. */
  void replayed() {
    attachment.replayed();
  }

  // ---- any thread

  /**
   * This invocation of the stub waits for its turn, no longer than until this time on the host's
   * ticker. If it is the next one, and its time runs out, the stub breaks at once, whatever it
   * waits for. If it isn't, nothing is done: who says so when its turn is next is the turn thread.
   */
  synchronized void awaitTurn(Invocation invocation, long untilNanos) {
    if (!progress.isNext(invocation.sequence())) {
      return;
    }
    TurnDeadline deadline = progress.deadline();
    if (deadline == null) {
      deadline = new TurnDeadline(this, session.host());
      progress.deadline(deadline);
    }
    deadline.await(invocation, untilNanos);
  }

  /** The time has come that was set for a turn to begin. On a thread of the timer's. */
  void turnDeadline(long setFor) {
    try {
      synchronized (this) {
        TurnDeadline deadline = progress.deadline();
        Invocation overdue = deadline == null ? null : deadline.overdue(setFor);
        if (overdue == null || !progress.breakBehind(Timeout.ranOutBeforeItsTurn(overdue), 0)) {
          return;
        }
      }
      session.discardInbound();
      flush();
    } catch (RuntimeException | Error e) { // No other timer is set for it.
      lose(e);
    }
  }

  /** Whether nothing may come behind what is here. */
  synchronized boolean hasEnded() {
    return progress.isOver();
  }

  /** Whether nothing may be run for this stub any more, though a turn of its had begun. */
  synchronized boolean isBroken() {
    return progress.isBroken();
  }

  /**
   * Ends the call well, if the invocation of this number has completed, which is the last one. So a
   * stub that has nothing to run doesn't wait for its object.
   *
   * @return whether nothing has to be done any more
   */
  boolean endBehind(long last) {
    synchronized (this) {
      if (!progress.isOver() && !progress.hasRun(last)) {
        return false;
      }
      progress.end();
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
      if (!progress.isOver() && !progress.hasRun(last)) {
        return false;
      }
      boolean _ = progress.breakBehind(cause, 0);
    }
    flush();
    return true;
  }

  /** Breaks the stub, after the turn that it is in, if it is in one. */
  void breakSoon(BreakCause cause) {
    synchronized (this) {
      if (!progress.breakSoon(cause)) {
        return;
      }
    }
    session.discardInbound();
    flush();
  }

  /** Nothing may be sent or begun any more. */
  synchronized void drop() {
    progress.drop();
  }

  /** What carries the stub has sent all that it was given, or has dropped it. */
  synchronized void onDelivered() {
    progress.delivered();
  }

  /** Sends what the pulse has found to have waited for long enough. */
  void flushFromPulse() {
    synchronized (this) {
      progress.takeOffPulse();
    }
    flush();
  }

  @Override
  public synchronized boolean waitsFor(long durable) {
    return progress.waitsFor(durable);
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
        if (!progress.commitsLost(loss)) {
          return;
        }
      }
      session.discardInbound();
    } catch (RuntimeException | Error e) { // The others must be told.
      failed(e);
    }
  }

  // ---- the writer

  @Override
  protected void flushed() {
    if (isPaused() && !hasTooMuch()) {
      progress.goOn();
      session.resume();
    }
  }

  @Override
  protected boolean sendNext() {
    Opened opened = null;
    OutcomeLine.Frame frame = null;
    UntoldEnd untold;
    synchronized (this) {
      if (attachment.isReady()) {
        progress.delivered();
      } else if (!progress.isAtEnd() || !attachment.isReadyToEnd()) {
        return false;
      }
      Resumption connection = progress.resumption();
      if (connection != null && connection.hasToTell()) {
        opened = connection.take(gate);
      } else {
        frame = progress.take(gate);
      }
      untold = progress.untold();
    }
    if (opened != null) {
      attachment.sendOpened(opened);
      return true;
    }
    return frame != null && send(frame, untold);
  }

  /** This is about to break the stub. */
  void turnFailed(FailedTurn turn) {
    failedTurn = turn;
  }

  /** What has broken the stub, if it was that turn. */
  private @Nullable FailedTurn failedTurn(Broken broken) {
    boolean blamed =
        broken.getFailedSequence() != 0
            || BreakCause.reason(broken.getCause()) == BreakReason.OBJECT_START_FAILED;
    return blamed ? failedTurn : null;
  }

  private boolean send(OutcomeLine.Frame frame, @Nullable UntoldEnd untold) {
    Broken broken = frame.broken();
    try {
      if (broken != null) {
        session.object().told(broken, failedTurn(broken));
      } else if (untold != null && frame.end() != null) {
        session.object().lost(untold);
      }
      if (!frame.outcomes().isEmpty() || broken != null) {
        attachment.send(frame.outcomes(), broken);
      }
    } finally {
      if (frame.end() != null) {
        attachment.close(frame.end());
        session.detach();
      }
    }
    return true;
  }

  /** Whatever happens, the writer must come back to count who else has asked it to flush. */
  @Override
  protected void failed(Throwable thrown) {
    try {
      lose(thrown);
    } catch (RuntimeException | Error e) { // There is no memory at all, say.
      synchronized (this) {
        progress.close();
      }
    }
  }

  /**
   * The attachment can't be written to, say because an interceptor around the host threw, or what
   * was to be done for the stub threw, say for want of memory. The thread that found out is the
   * object's, or serves all objects: only this stub may suffer for it. Its client is told nothing
   * of what became of its calls.
   */
  void lose(Throwable thrown) {
    boolean open;
    synchronized (this) {
      open = progress.isOpen();
    }
    try {
      session.drop();
      if (open) {
        session.object().lost(UntoldEnd.HOST_FAILED);
      }
      logEvent(Level.WARN)
          .setCause(thrown)
          .log("a stub is lost: what carries it, or the host, failed");
    } catch (RuntimeException | Error e) {
      logEvent(Level.WARN)
          .log("a stub is lost: what carries it, or the host, failed: {}", Legible.of(thrown));
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
      logEvent(Level.DEBUG).setCause(e).log("what carried a stub, which is lost, stays open");
    }
  }

  private LoggingEventBuilder logEvent(Level level) {
    return session.object().logEvent(logger, level);
  }
}
