package dev.seriatim.service.session;

import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Outcome;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far one stub has got: the number that has completed, what has still to leave, and the end.
 * Decides where the stub breaks; what follows from that is done by its {@link OutcomeQueue}, whose
 * lock guards all of this.
 */
final class Progress {
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

  private final OutcomeLine line;
  private final @Nullable Resumption resumption;
  private SessionState state = SessionState.Simple.WAITS;

  /** The number of the last invocation that completed. */
  private long completed;

  /** Null until an invocation with a timeout has had to wait. */
  private @Nullable TurnDeadline deadline;

  private boolean onPulse;

  /** Why the stub ends without a word on what ran; null if it doesn't. */
  private @Nullable UntoldEnd untold;

  /**
   * Whether no turn begins because too much has still to be sent. Set holding the lock, by the turn
   * thread, and cleared by the writer, who sends, and then looks at it: one of them sees the other.
   */
  private volatile boolean paused;

  Progress(OutcomeLine line, @Nullable Resumption resumption, long completed) {
    this.line = line;
    this.resumption = resumption;
    this.completed = completed;
  }

  /** What it has beside if it is a connection of several; null if it is none. Without the lock. */
  @Nullable Resumption resumption() {
    return resumption;
  }

  long completedThrough() {
    return completed;
  }

  // ---- turns

  /** A turn begins, if it may. */
  Beginning beginTurn(HostLimits limits, Attachment attachment) {
    if (state != SessionState.Simple.WAITS) {
      return Beginning.OVER;
    }
    if (hasTooMuch(limits, attachment)) {
      paused = true;
      return Beginning.PAUSED;
    }
    if (deadline != null) {
      deadline.turnBegins();
    }
    state = SessionState.Simple.IN_TURN;
    return Beginning.BEGUN;
  }

  /** Puts the outcome of the turn in line. Gives the commit that all of the line waits for. */
  long complete(Outcome outcome, long commit) {
    completed = outcome.sequence();
    line.add(outcome, commit);
    return line.lastGate();
  }

  /**
   * The turn has ended well, and its outcome is in line.
   *
   * @param worthAFrame with how many outcomes a frame goes out now
   * @return whether one does
   */
  boolean turnEnded(int worthAFrame) {
    if (state instanceof SessionState.BreaksAfterTurn(BreakCause cause)) {
      putBreak(cause, 0);
      return true;
    }
    state = SessionState.Simple.WAITS;
    return line.size() >= worthAFrame || line.wireBytes() >= OutcomeLine.FULL_FRAME_BYTES;
  }

  /** The pulse is to look at what is in line. False if it is going to. */
  boolean putOnPulse() {
    boolean first = !onPulse;
    onPulse = true;
    return first;
  }

  /** The pulse looks at what is in line. */
  void takeOffPulse() {
    onPulse = false;
  }

  /** Whether no turn may begin before some of what is in line has left. Without the lock. */
  boolean isPaused() {
    return paused;
  }

  /** Turns may begin. By the writer. */
  void goOn() {
    paused = false;
  }

  /** Whether too much has still to be sent. */
  boolean hasTooMuch(HostLimits limits, Attachment attachment) {
    if (isOver()) {
      return false;
    }
    if (resumption != null && resumption.isFull()) {
      return true;
    }
    if (line.heapBytes() == 0) {
      return false;
    }
    return line.heapBytes() >= limits.stubOutcomeBytes()
        || (line.wireBytes() >= limits.maxUnreadOutcomeBytes() && !attachment.isReady())
        || line.isOverBudget();
  }

  // ---- turns that are waited for

  /** Whether the invocation of this number is waited for, and no other. */
  boolean isNext(long sequence) {
    return hasRun(sequence - 1);
  }

  /** Whether no turn runs, and the last was that of this number. */
  boolean hasRun(long sequence) {
    return state == SessionState.Simple.WAITS && completed == sequence;
  }

  /** Until when the next turn is waited for; null if nobody has asked. */
  @Nullable TurnDeadline deadline() {
    return deadline;
  }

  void deadline(TurnDeadline made) {
    deadline = made;
  }

  // ---- the end

  /** Whether nothing may come behind what is here. */
  boolean isOver() {
    return state == SessionState.Simple.ENDS
        || state == SessionState.Simple.CLOSED
        || state instanceof SessionState.GivenUp;
  }

  /** Whether nothing may be run for this stub any more, though a turn of its had begun. */
  boolean isBroken() {
    return state == SessionState.Simple.ENDS || state == SessionState.Simple.CLOSED;
  }

  /** Whether the attachment has not been closed yet. */
  boolean isOpen() {
    return state != SessionState.Simple.CLOSED && !(state instanceof SessionState.GivenUp);
  }

  /** The stub ends well behind what is in line, if it hasn't ended. */
  void end() {
    if (!isOver()) {
      putEnd(null, OK, 0);
    }
  }

  /**
   * The stub breaks behind what is in line, when the commit is durable. False if it has ended
   * before.
   */
  boolean breakBehind(BreakCause cause, long commit) {
    if (isOver()) {
      return false;
    }
    putBreak(cause, commit);
    return true;
  }

  /** The stub breaks, after the turn that it is in, if it is in one. Whether it does so now. */
  boolean breakSoon(BreakCause cause) {
    if (isOver()) {
      return false;
    }
    if (state != SessionState.Simple.WAITS) {
      state = new SessionState.BreaksAfterTurn(cause);
      return false;
    }
    putBreak(cause, 0);
    return true;
  }

  /** Nothing may be sent or begun any more. */
  void drop() {
    state = isOver() ? SessionState.Simple.CLOSED : new SessionState.GivenUp(line.lastGate());
    line.clear();
    forgetOpened();
    closeDeadline();
  }

  /** Nothing may be sent any more, and there is no memory to say more. */
  void close() {
    state = SessionState.Simple.CLOSED;
  }

  private void putBreak(BreakCause cause, long commit) {
    if (resumption != null) {
      resumption.broke(cause);
    }
    putEnd(cause.toBroken(completed), cause.toEnd(), commit);
  }

  /** Nothing comes behind this, and it leaves no earlier than what is there. */
  private void putEnd(@Nullable Broken broken, Status status, long commit) {
    state = SessionState.Simple.ENDS;
    line.addEnd(broken, status, commit);
    closeDeadline();
  }

  private void closeDeadline() {
    if (deadline != null) {
      deadline.close();
    }
  }

  private void forgetOpened() {
    if (resumption != null) {
      resumption.forgetOpened();
    }
  }

  // ---- connections of a session

  /**
   * The record was found: the client is told where it stands, and what it has missed.
   *
   * @return the commit that all of that waits for
   */
  long claimed(
      Resumption connection,
      SessionRecord record,
      SessionRecord.Replay replay,
      Opened opened,
      long commit) {
    connection.found(record, opened, commit);
    if (isOver()) {
      return 0;
    }
    completed = replay.completed();
    List<Outcome> outcomes = replay.outcomes();
    for (int i = 0; i < outcomes.size(); i++) {
      line.add(outcomes.get(i), Math.max(commit, replay.gates().get(i)));
    }
    Broken broken = replay.broken();
    if (broken != null) {
      Status end =
          Status.newBuilder()
              .setCode(broken.getCause().getCode())
              .setMessage(broken.getCause().getMessage())
              .build();
      putEnd(broken, end, Math.max(commit, replay.brokenGate()));
    }
    return Math.max(commit, line.lastGate());
  }

  /** Another connection is served: this one ends without a word on what ran. False if it has. */
  boolean supersede(Status status) {
    if (isOver()) {
      return false;
    }
    line.clear();
    forgetOpened();
    untold = UntoldEnd.SESSION_SUPERSEDED;
    putEnd(null, status, 0);
    return true;
  }

  // ---- commits

  /** Whether anything here waits for a commit behind this one. */
  boolean waitsFor(long durable) {
    long last = line.lastGate();
    if (resumption != null) {
      last = Math.max(last, resumption.openedGate());
    }
    return Math.max(last, state instanceof SessionState.GivenUp(long gate) ? gate : 0) > durable;
  }

  /**
   * These commits are lost, and with them what waits for them.
   *
   * @return whether the stub has ended for that, and what its client has sent with it
   */
  boolean commitsLost(Loss loss) {
    if (state instanceof SessionState.GivenUp(long gate) && gate >= loss.first()) {
      state = SessionState.Simple.CLOSED; // A turn that has begun stands on what is lost.
      return false;
    }
    if (resumption != null && resumption.openedGate() >= loss.first()) {
      line.clear(); // Nothing is open yet, and another connection may find out.
      resumption.forgetOpened();
      putBreak(loss.cause(), 0);
      return false;
    }
    if (line.lastGate() < loss.first() || line.isEmpty()) {
      return false;
    }
    long commit = line.firstOutcomeGate(loss.first());
    long lost = line.dropFrom(loss.first());
    if (lost != 0) {
      completed = lost - 1;
    }
    if (commit != 0 && loss.mayBeDurable(commit)) {
      untold = UntoldEnd.COMMIT_IN_DOUBT;
      putEnd(null, loss.cause().toLoss(), /* commit= */ 0);
    } else {
      putBreak(loss.cause(), 0);
    }
    return true;
  }

  /** Why the stub ends without a word on what ran; null if it doesn't. */
  @Nullable UntoldEnd untold() {
    return untold;
  }

  // ---- what leaves

  /** Whether there is only the end still to send. */
  boolean isAtEnd() {
    return line.isAtEnd() && (resumption == null || !resumption.hasToTell());
  }

  /** What the attachment was given has left, or was dropped. */
  void delivered() {
    line.delivered();
  }

  /** What may leave now; null if nothing may. */
  OutcomeLine.@Nullable Frame take(OutputGate gate) {
    OutcomeLine.Frame frame = line.take(gate);
    if (frame == null) {
      return null;
    }
    if (frame.end() != null) {
      state = SessionState.Simple.CLOSED;
    }
    if (resumption != null && !frame.outcomes().isEmpty()) {
      resumption.sent(frame.outcomes().getLast().sequence());
    }
    return frame;
  }
}
