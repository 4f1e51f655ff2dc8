package dev.seriatim.stub;

import dev.seriatim.v1.Broken;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.Deadline;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
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
    BROKEN
  }

  private final ClientOptions options;
  private final CallRing calls = new CallRing();
  private final FrameWindow window;
  private State state = State.OPEN;
  private @Nullable FailureCause cause; // Set with BROKEN.
  private boolean over; // Nothing is left to be completed.
  private boolean cancel; // The call that carries the stub is to be cancelled.
  private boolean cancelled;
  private boolean halfClosed;
  private long nextLook = NEVER;
  private boolean awaitsWord; // Calls whose time is up wait for the host to say so.

  Ledger(ClientOptions options) {
    this.options = options;
    this.window = new FrameWindow(options.maxUnansweredFrames());
  }

  // ---- calls come in ---------------------------------------------------------------------------

  /** Why this call can't be taken in; null if it can. */
  @Nullable FailureCause refusal(PendingCall call) {
    if (state == State.BROKEN) {
      return cause;
    }
    if (state != State.OPEN) {
      return FailureCause.of(
          Reasons.STUB_CLOSED, Status.Code.FAILED_PRECONDITION, "the stub is closed", false);
    }
    if (call.bytes() > options.maxInvocationBytes()) {
      return FailureCause.of(
          Reasons.CALL_TOO_LARGE,
          Status.Code.RESOURCE_EXHAUSTED,
          "the invocation has "
              + call.bytes()
              + " bytes, expected at most "
              + options.maxInvocationBytes(),
          false);
    }
    if (calls.waiting() >= options.maxBufferedInvocations()) {
      return bufferFull(calls.waiting() + " invocations wait to be sent");
    }
    if (calls.waitingBytes() + call.bytes() > options.maxBufferedBytes()) {
      return bufferFull(
          calls.waitingBytes()
              + " bytes wait to be sent, "
              + call.bytes()
              + " more would pass the limit of "
              + options.maxBufferedBytes());
    }
    return null;
  }

  private static FailureCause bufferFull(String message) {
    return FailureCause.of(Reasons.BUFFER_FULL, Status.Code.RESOURCE_EXHAUSTED, message, false);
  }

  /** Takes in a call that was not refused, and gives it its number. */
  void take(PendingCall call) {
    calls.add(call);
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

  /** Whether a frame could leave. */
  boolean hasFrame() {
    return window.hasRoom() && calls.waiting() > 0;
  }

  /** Whether the window has room for one more frame. */
  boolean hasRoom() {
    return window.hasRoom();
  }

  /** Whether the host is to hear that nothing more will come. */
  boolean isDoneSending() {
    return (state == State.CLOSING && calls.waiting() == 0) || over;
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
    if (ready && !cancelled && !over && state != State.BROKEN && hasFrame()) {
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
    calls.unsend();
    window.clear();
    halfClosed = false;
  }

  /** The calls of the next frame, which from now on count as sent. */
  PendingCall[] nextFrame() {
    PendingCall[] frame = calls.send(options.maxFrameInvocations(), options.maxFrameBytes());
    window.sent(calls.sent());
    return frame;
  }

  boolean hasSent() {
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
    return answered;
  }

  /** Checks the host's break against what it answered before. */
  void check(Broken broken) throws HostViolationException {
    if (broken.getCause().getCode() == Status.Code.OK.value()) {
      throw new HostViolationException("broken with code OK");
    }
    if (broken.getCompletedThrough() != calls.answered()) {
      throw new HostViolationException(
          "broken with completed_through "
              + Long.toUnsignedString(broken.getCompletedThrough())
              + " after "
              + calls.answered()
              + " outcomes");
    }
  }

  // ---- whose time is up ------------------------------------------------------------------------

  /**
   * Ends calls whose deadline has passed, each for its caller alone: the stub goes on, the call
   * keeps its place, and what the host says of it later is dropped.
   *
   * <p>The host tells of a deadline when the call's turn would come. So one that passed is left to
   * it for a grace if the oldest call without an answer is overdue, too (it is about to tell), and
   * ends at once if that one may still take its time.
   */
  List<Verdict> overdue() {
    nextLook = NEVER;
    awaitsWord = false;
    List<Verdict> ended = new ArrayList<>();
    if (state == State.BROKEN || over) {
      return ended; // They fail with the stub.
    }
    for (long sequence = nextOutcome(); sequence <= calls.last(); sequence++) {
      PendingCall call = calls.call(sequence);
      Deadline deadline = call.deadline();
      if (deadline == null || call.isOver()) {
        continue;
      }
      long remaining = deadline.timeRemaining(TimeUnit.NANOSECONDS);
      if (remaining > 0) {
        nextLook = Math.min(nextLook, remaining);
        continue;
      }
      String message;
      if (calls.call(nextOutcome()).isOverdue()) {
        long grace = remaining + options.deadlineGrace().toNanos();
        if (grace > 0) {
          nextLook = Math.min(nextLook, grace);
          awaitsWord = true;
          continue;
        }
        message = "no answer " + options.deadlineGrace().toMillis() + " ms after its deadline";
      } else {
        message = "its deadline passed behind call " + nextOutcome() + ", which has no answer yet";
      }
      ended.add(end(call, sequence, message));
    }
    return ended;
  }

  private Verdict end(PendingCall call, long sequence, String message) {
    call.giveUp();
    FailureCause overdue =
        FailureCause.of(
            Reasons.ANSWER_OVERDUE, Status.Code.DEADLINE_EXCEEDED, message, false, sequence);
    return new Verdict(call, new CallFailure(overdue, fate(sequence, Fate.UNKNOWN), call));
  }

  /** In how many nanoseconds {@link #overdue} has to look again, as it found; or never. */
  long nextLook() {
    return nextLook;
  }

  /** Whether {@link #overdue} has to look again as soon as the oldest call is answered. */
  boolean awaitsWord() {
    return awaitsWord;
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
    over = true;
  }

  boolean isBroken() {
    return state == State.BROKEN;
  }

  @Nullable FailureCause cause() {
    return cause;
  }

  /** Nothing is left to be completed. */
  boolean isOver() {
    return over;
  }

  /**
   * Breaks the stub from this side: no call is let in from now on, and what carries it is to be
   * cancelled. The calls fail when that has ended: see {@link #end}.
   *
   * @return false if the stub had ended, or was broken before
   */
  boolean breakWith(FailureCause newCause) {
    if (state == State.CLOSED || state == State.BROKEN) {
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
    over = true;
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
    return sequence <= calls.sent() ? sentFate : Fate.NOT_EXECUTED;
  }
}
