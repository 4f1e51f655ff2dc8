package dev.seriatim.stub;

import dev.seriatim.v1.Broken;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one stub knows: the numbers of its calls, which were sent and which answered, whose time is
 * up, whether the stub is broken, and then what became of each call. Its {@link Sending} says what
 * is to be sent next.
 *
 * <p>It decides and does nothing. It has no thread, no lock, no clock but those that the calls'
 * deadlines bring along, and doesn't know what carries the stub. {@link Session} has it, under its
 * lock.
 */
final class Ledger {
  /** That there is nothing to look at again. */
  static final long NEVER = Long.MAX_VALUE;

  /** A call that has ended, and how; still to be told so, outside of the lock. */
  record Verdict(PendingCall call, CallFailure failure) {
    void tell() {
      call.fail(failure);
    }
  }

  private final ClientOptions options;
  private final CallRing calls = new CallRing();
  private final StubState state = new StubState();
  private final Sending sending;
  private final @Nullable Resumption resumption; // If the stub is to outlive its connection.
  private @Nullable OverdueCalls overdue; // Since there was a call with a deadline.

  Ledger(ClientOptions options, @Nullable Resumption resumption) {
    this.options = options;
    this.resumption = resumption;
    this.sending = new Sending(options, state, calls, resumption);
  }

  // ---- calls come in ---------------------------------------------------------------------------

  /** Why this call can't be taken in; null if it can. */
  @Nullable FailureCause refusal(PendingCall call) {
    if (isBroken()) {
      return cause();
    }
    if (!state.isOpen()) {
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

  /** Whether it was neither closed nor broken. */
  boolean isOpen() {
    return state.isOpen();
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

  /** What is to be sent next. */
  Sending sending() {
    return sending;
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
    sending.answered();
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
    if (isBroken() || isOver()) {
      overdue.forget(); // They fail with the stub.
      return ended;
    }
    for (FailureCause cause : overdue.end(isSuspended())) {
      PendingCall call = calls.call(cause.failedSequence());
      Fate fate = fate(call.sequence(), Fate.UNKNOWN);
      ended.add(new Verdict(call, new CallFailure(cause, fate, call)));
    }
    FailureCause silence = overdue.silence();
    if (silence != null && resumption != null && resumption.isSuspect(silence, calls.answered())) {
      sending.abandon();
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
    return state.close();
  }

  /** Closed, with every call answered: all that is left is the end of the call that carried it. */
  boolean isFinished() {
    return state.isClosing() && calls.isAnswered();
  }

  /** All went well. */
  void closed() {
    state.closed();
  }

  boolean isBroken() {
    return state.isBroken();
  }

  @Nullable FailureCause cause() {
    return state.cause();
  }

  /** Nothing is left to be completed. */
  boolean isOver() {
    return state.isOver();
  }

  /**
   * Breaks the stub from this side: no call is let in from now on, and what carries it is to be
   * cancelled. The calls fail when that has ended: see {@link #end}.
   *
   * @return false if the stub had ended, or was broken before
   */
  boolean breakWith(FailureCause newCause) {
    boolean breaks = state.breakWith(newCause);
    if (breaks && isStarted()) {
      sending.abandon();
    }
    return breaks;
  }

  /**
   * Breaks the stub if it isn't broken yet, and ends every call that is left, in order.
   *
   * @param sentFate what is known of those that were sent
   * @return those that their callers still wait for
   */
  List<Verdict> end(FailureCause newCause, Fate sentFate) {
    FailureCause why = state.end(newCause);
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
    sending.lost();
    return by.lost(how, calls.answered() < calls.last(), random);
  }
}
