package dev.seriatim.stub;

import dev.seriatim.v1.Broken;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one stub knows: the numbers of its calls, which were sent and which answered, what may be
 * sent next, whose time is up, whether the stub is broken, and then what became of each call.
 *
 * <p>It decides and does nothing. It has no thread, no lock, no clock but those that the calls'
 * deadlines bring along, and doesn't know what carries the stub. {@link Session} has it, under its
 * lock.
 */
final class Ledger {
  /** That there is nothing to look at again. */
  static final long NEVER = Long.MAX_VALUE;

  /** What is to be done next to the call that carries the stub. */
  enum Step {
    /** To send the {@link #nextFrame()}. */
    SEND,
    HALF_CLOSE,
    CANCEL,
    /** Nothing, as things stand. */
    REST
  }

  /** A call that has ended, and how; still to be told so, outside of the lock. */
  record Verdict(PendingCall call, CallFailure failure) {
    void tell() {
      call.fail(failure);
    }
  }

  private enum State {
    OPEN,
    CLOSING,
    CLOSED,
    BROKEN,
    /** Broken, and nothing is left to be completed. */
    OVER
  }

  private static final PendingCall[] NO_CALLS = {};

  private final ClientOptions options;
  private final CallRing calls = new CallRing();
  private final FrameWindow window;
  private final @Nullable Resumption resumption; // If the stub is to outlive its connection.
  private State state = State.OPEN;
  private @Nullable FailureCause cause; // Set with BROKEN.
  private boolean cancel; // The call that carries the stub is to be cancelled.
  private boolean cancelled;
  private boolean halfClosed;
  private @Nullable OverdueCalls overdue; // Since there was a call with a deadline.

  Ledger(ClientOptions options, @Nullable Resumption resumption) {
    this.options = options;
    this.window = new FrameWindow(options.maxUnansweredFrames());
    this.resumption = resumption;
  }

  // ---- calls come in ---------------------------------------------------------------------------

  /** Why this call can't be taken in; null if it can. */
  @Nullable FailureCause refusal(PendingCall call) {
    if (isBroken()) {
      return cause;
    }
    if (state != State.OPEN) {
      return FailureCause.of(
          Reasons.STUB_CLOSED, Status.Code.FAILED_PRECONDITION, "the stub is closed", false);
    }
    return options.callLimits().refusal(call, calls.waiting(), calls.waitingBytes());
  }

  /** Takes in a call that was not refused, and gives it its number. */
  void take(PendingCall call) {
    calls.add(call);
    if (overdue == null && call.deadline() != null) {
      overdue = new OverdueCalls(options, calls);
    }
  }

  /** Whether anything was ever taken in, so that there is a call that carries the stub. */
  boolean isStarted() {
    return calls.last() > 0;
  }

  /** How many calls wait to be sent. */
  int waiting() {
    return calls.waiting();
  }

  /** The bytes of those. */
  long waitingBytes() {
    return calls.waitingBytes();
  }

  // ---- what is to be sent ----------------------------------------------------------------------

  /** Whether a frame with calls could leave. */
  boolean hasFrame() {
    return calls.waiting() > 0 && hasRoom();
  }

  /** Whether one more frame with calls could leave, if there were calls. */
  boolean hasRoom() {
    return window.hasRoom() && (resumption == null || resumption.maySend());
  }

  /** Whether the host is to hear something: calls, or that nothing more will come, say. */
  boolean hasToSay() {
    return hasFrame() || owesFrame() || isDoneSending();
  }

  /** Whether a frame without calls is to leave, if none with calls can. */
  private boolean owesFrame() {
    return resumption != null && resumption.owesFrame(calls.answered(), isFinished());
  }

  private boolean isDoneSending() {
    return isOver() || (state == State.CLOSING && calls.waiting() == 0 && mayHalfClose());
  }

  private boolean mayHalfClose() {
    return resumption == null || resumption.mayHalfClose(calls.answered(), calls.last());
  }

  /**
   * The next step, which is then taken for done.
   *
   * @param ready whether what carries the stub takes a frame now
   */
  Step next(boolean ready) {
    Step next = look(ready);
    switch (next) {
      case CANCEL -> cancelled = true;
      case HALF_CLOSE -> halfClosed = true;
      case SEND, REST -> {}
    }
    return next;
  }

  private Step look(boolean ready) {
    if (cancel && !cancelled) {
      return Step.CANCEL;
    }
    if (ready && !cancelled && !isOver() && state != State.BROKEN && (hasFrame() || owesFrame())) {
      return Step.SEND;
    }
    if (!halfClosed && !cancelled && isDoneSending()) {
      return Step.HALF_CLOSE;
    }
    return Step.REST;
  }

  /** Whether there is a next step for what takes frames now. */
  boolean hasNext() {
    return look(true) != Step.REST;
  }

  /** Whether what carries the stub is to be cancelled, and hasn't been. */
  boolean hasToCancel() {
    return cancel && !cancelled;
  }

  /** Takes a cancellation that is due for done. False if none is. */
  boolean takeCancel() {
    boolean due = hasToCancel();
    cancelled |= due;
    return due;
  }

  /** Whether what carries the stub has been cancelled. */
  boolean isCancelled() {
    return cancelled;
  }

  /** The next frame has no more bytes than this, the open left out. */
  long nextFrameBytes() {
    return Math.min(
        calls.waitingBytes(), Math.max(options.maxFrameBytes(), options.maxInvocationBytes()));
  }

  /**
   * Nothing of what was sent has reached anyone, and something else is to carry the stub: from the
   * beginning.
   */
  void beginAgain() {
    halfClosed = false;
    if (resumption != null) {
      resumption.beginAgain();
    }
    if (resumption == null || resumption.isFirst()) {
      calls.rewind(calls.answered());
      window.clear();
    }
  }

  /**
   * The calls of the next frame, which from now on count as sent; none, if the frame has something
   * else to say. What it {@linkplain #acknowledge acknowledges} is to be asked next.
   */
  PendingCall[] nextFrame() {
    if (resumption != null && !hasFrame()) {
      return NO_CALLS;
    }
    PendingCall[] frame = calls.send(options.maxFrameInvocations(), options.maxFrameBytes());
    window.sent(calls.sent());
    return frame;
  }

  /** Up to which number the outcomes have been received, as a frame with these calls says; or 0. */
  long acknowledge(PendingCall[] frame) {
    return resumption == null
        ? 0
        : resumption.send(calls.sent(), frame.length > 0, calls.answered());
  }

  /** Whether anything was sent to a host that hasn't opened the stub. */
  boolean hasLeft() {
    if (resumption != null && !resumption.isFirst()) {
      return resumption.isOpening();
    }
    return calls.sent() > 0;
  }

  // ---- what the host says ----------------------------------------------------------------------

  /** The number of the next outcome. */
  long nextOutcome() {
    return calls.answered() + 1;
  }

  /** Takes out the calls that this frame answers, as far as its outcomes are the next ones. */
  PendingCall[] answer(ResponseFrame frame) {
    int count = frame.outcomes();
    long first = nextOutcome();
    int valid = 0;
    while (valid < count
        && first + valid <= calls.sent()
        && frame.sequence(valid) == first + valid) {
      valid++;
    }
    PendingCall[] answered = calls.answer(valid);
    window.answered(calls.answered());
    if (resumption != null) {
      resumption.received(calls.answered(), valid, frame.size());
    }
    return answered;
  }

  /**
   * Checks the host's break against what it answered before.
   *
   * @param wasOpened whether it had opened this connection; one that isn't the first says nothing
   *     of earlier ones otherwise
   * @return whether it tells of all that was sent
   */
  boolean check(Broken broken, FailureCause told, boolean wasOpened) throws HostViolationException {
    if (broken.getCause().getCode() == Status.Code.OK.value()) {
      throw new HostViolationException("broken with code OK");
    }
    if (!wasOpened && resumption != null && !resumption.tellsOfSent(told)) {
      return false;
    }
    if (broken.getCompletedThrough() != calls.answered()) {
      throw new HostViolationException(
          "broken with completed_through "
              + Long.toUnsignedString(broken.getCompletedThrough())
              + " after "
              + calls.answered()
              + " outcomes");
    }
    return true;
  }

  /**
   * The host has broken the connection.
   *
   * @param tellsAll whether that tells of all that was sent
   * @return whether the stub goes on, when the connection has ended
   */
  boolean broken(FailureCause told, boolean wasOpened, boolean tellsAll) {
    return resumption != null && resumption.broken(told, wasOpened, tellsAll);
  }

  // ---- whose time is up ------------------------------------------------------------------------

  /** Ends calls whose deadline has passed, each for its caller alone: see {@link OverdueCalls}. */
  List<Verdict> overdue() {
    List<Verdict> ended = new ArrayList<>();
    if (overdue == null) {
      return ended;
    }
    if (state == State.BROKEN || isOver()) {
      overdue.forget(); // They fail with the stub.
      return ended;
    }
    for (FailureCause cause : overdue.end(isSuspended())) {
      PendingCall call = calls.call(cause.failedSequence());
      Fate fate = fate(call.sequence(), Fate.UNKNOWN);
      ended.add(new Verdict(call, new CallFailure(cause, fate, call)));
    }
    FailureCause silence = overdue.silence();
    if (silence != null && resumption != null) {
      cancel |= resumption.isSuspect(silence, calls.answered());
    }
    return ended;
  }

  /** In how many nanoseconds {@link #overdue} has to look again, as it found; or never. */
  long nextLook() {
    return overdue == null ? NEVER : overdue.nextLook();
  }

  /** Whether {@link #overdue} has to look again as soon as the oldest call is answered. */
  boolean awaitsWord() {
    return overdue != null && overdue.awaitsWord();
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Lets no more calls in. False if there is nothing to close any more. */
  boolean close() {
    if (state != State.OPEN) {
      return false;
    }
    state = State.CLOSING;
    return true;
  }

  /** Closed, with every call answered: all that is left is the end of the call that carried it. */
  boolean isFinished() {
    return state == State.CLOSING && calls.answered() == calls.last();
  }

  /** All went well. */
  void closed() {
    state = State.CLOSED;
  }

  boolean isBroken() {
    return state == State.BROKEN || state == State.OVER;
  }

  @Nullable FailureCause cause() {
    return cause;
  }

  /** Nothing is left to be completed. */
  boolean isOver() {
    return state == State.CLOSED || state == State.OVER;
  }

  /**
   * Breaks the stub from this side: no call is let in from now on, and what carries it is to be
   * cancelled. The calls fail when that has ended: see {@link #end}.
   *
   * @return false if the stub had ended, or was broken before
   */
  boolean breakWith(FailureCause newCause) {
    if (state == State.CLOSED || isBroken()) {
      return false;
    }
    broken(newCause);
    cancel = isStarted();
    return true;
  }

  /** What carries the stub is to be cancelled, whether it is broken or not. */
  void abandon() {
    cancel = true;
  }

  private void broken(FailureCause newCause) {
    state = State.BROKEN;
    cause = newCause;
  }

  /**
   * Breaks the stub if it isn't broken yet, and ends every call that is left, in order.
   *
   * @param sentFate what is known of those that were sent
   * @return those that their callers still wait for
   */
  List<Verdict> end(FailureCause newCause, Fate sentFate) {
    if (cause == null) {
      broken(newCause);
    }
    FailureCause why = cause == null ? newCause : cause;
    state = State.OVER;
    List<Verdict> ended = new ArrayList<>();
    for (long sequence = nextOutcome(); sequence <= calls.last(); sequence++) {
      PendingCall call = calls.call(sequence);
      if (!call.isOver()) {
        ended.add(new Verdict(call, new CallFailure(why, fate(sequence, sentFate), call)));
      }
    }
    calls.clear();
    return ended;
  }

  private Fate fate(long sequence, Fate sentFate) {
    if (sequence > calls.sent()) {
      return Fate.NOT_EXECUTED;
    }
    return resumption == null ? sentFate : resumption.fateOfSent(sentFate);
  }

  // ---- one connection after the other ----------------------------------------------------------

  /** Whether the stub outlives its connection, as far as is known. */
  boolean isResumable() {
    return resumption != null && resumption.isResumable();
  }

  /** Whether the stub has no connection on which calls could leave, and is to have one. */
  boolean isSuspended() {
    return resumption != null && resumption.isSuspended();
  }

  /** Whether it has no connection at all, and is to have one. */
  boolean isAway() {
    return resumption != null && resumption.isAway();
  }

  /** Whether the host has broken the connection, and the stub goes on without. */
  boolean isEnding() {
    return resumption != null && resumption.isEnding();
  }

  /** The number of the last outcome. */
  long answered() {
    return calls.answered();
  }

  /**
   * The host has opened the connection, and says this of the session, if anything.
   *
   * @return false if the stub can't go on here
   */
  boolean opened(Resumption by, @Nullable OpenedSession session) throws HostViolationException {
    long sent = by.opened(session, calls.answered(), calls.sent());
    if (sent == Resumption.GIVE_UP) {
      return false;
    }
    if (sent < calls.sent()) {
      calls.rewind(sent);
    }
    return true;
  }

  /**
   * The connection has ended, and the stub goes on without one.
   *
   * @param random at least 0, and below 1
   * @return when to begin the next one: see {@link Resumption#lost}
   */
  long lost(Resumption by, FailureCause how, double random) {
    cancel = false;
    cancelled = false;
    halfClosed = false;
    window.clear();
    return by.lost(how, calls.answered() < calls.last(), random);
  }
}
