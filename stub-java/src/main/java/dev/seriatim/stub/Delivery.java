package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import dev.seriatim.wire.ResponseFrame;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Hands the outcomes of a frame to the callers. What their listeners call in turn is gathered
 * meanwhile: it leaves in frames again, and not one by one.
 *
 * <p>Threads: the receiver delivers. The fields are guarded by the session's lock, and so is the
 * ledger.
 */
final class Delivery {
  /**
   * How many calls of the listeners' share a frame. More would leave the host without work while
   * they are gathered, and fewer would cost more frames.
   */
  private static final int GATHERED_INVOCATIONS = 64;

  /** For how long they wait for each other at most: whoever makes them may block meanwhile. */
  private static final int GATHERING_MILLIS = 1;

  private final Session session;
  private final Object lock;
  private final Ledger ledger;
  private final Timeouts timeouts;
  private final ClientOptions options;

  private @Nullable Thread deliverer; // Who hands the outcomes of a frame out.
  private boolean sendsGathered; // Soon, by the scheduler.

  Delivery(Session session, Object lock, Ledger ledger, Timeouts timeouts, ClientOptions options) {
    this.session = session;
    this.lock = lock;
    this.ledger = ledger;
    this.timeouts = timeouts;
    this.options = options;
  }

  /** Whether a call that was just taken in will share a frame with others. Under the lock. */
  boolean gathers() {
    return Thread.currentThread() == deliverer
        && ledger.waiting() < Math.min(GATHERED_INVOCATIONS, options.maxFrameInvocations())
        && ledger.waiting() < options.maxBufferedInvocations()
        && ledger.waitingBytes()
            < Math.min(options.maxFrameBytes(), options.maxBufferedBytes() / 2);
  }

  /**
   * For who has gathered a call: whether to see to it that it leaves {@link #soon}. Under the lock.
   */
  boolean claimSending() {
    boolean claimed = !sendsGathered;
    sendsGathered = true;
    return claimed;
  }

  /** Sends what has been gathered when it has been for long enough: a listener may be blocking. */
  void soon() {
    var unused =
        options.scheduler().schedule(this::sendGathered, GATHERING_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void sendGathered() {
    Link claimed;
    synchronized (lock) {
      sendsGathered = false;
      claimed = deliverer != null && ledger.sending().hasFrame() ? session.claim() : null;
    }
    if (claimed != null) {
      claimed.write();
    }
  }

  /** Completes the calls that a frame answers, and does what is to be done when they are. */
  void complete(ResponseFrame frame) throws HostViolationException {
    PendingCall[] answered;
    long next;
    boolean all;
    Link claimed;
    boolean finished;
    boolean lookAgain;
    synchronized (lock) {
      answered = ledger.answer(frame);
      next = ledger.nextOutcome();
      all = answered.length == frame.outcomes();
      claimed = all && ledger.sending().hasToSay() ? session.claim() : null;
      finished = ledger.isFinished();
      lookAgain = ledger.awaitsWord();
    }
    // Sending comes first: the host gets on with the next frame while outcomes are handed out.
    if (claimed != null) {
      claimed.write();
    }
    deliver(frame, answered, all);
    if (!all) {
      throw HostViolationException.outcome(frame.sequence(answered.length), next);
    }
    if (lookAgain) {
      timeouts.overdue().forEach(Ledger.Verdict::tell);
    }
    if (finished) {
      timeouts.watchdog().expectEnd();
    }
  }

  /** Whether the stub goes on decides whether what was gathered is to be sent. */
  private void deliver(ResponseFrame frame, PendingCall[] answered, boolean goesOn)
      throws HostViolationException {
    if (answered.length > 1) {
      gather(Thread.currentThread(), false);
    }
    try {
      for (int i = 0; i < answered.length; i++) {
        if (!answered[i].isOver()) {
          complete(answered[i], frame.message(i), answered, i);
        }
      }
    } finally {
      if (answered.length > 1) {
        gather(null, goesOn);
      }
    }
  }

  private void gather(@Nullable Thread thread, boolean send) {
    Link claimed;
    synchronized (lock) {
      deliverer = thread;
      claimed = send && ledger.sending().hasFrame() ? session.claim() : null;
    }
    if (claimed != null) {
      claimed.write();
    }
  }

  private void complete(
      PendingCall call, @Nullable ByteString result, PendingCall[] answered, int index)
      throws HostViolationException {
    HostViolationException violation;
    try {
      if (result != null) {
        call.succeed(result);
        return;
      }
      violation = new HostViolationException("outcome " + call.sequence() + " has no 'message'");
    } catch (UnreadableResultException e) {
      violation = new HostViolationException("outcome " + call.sequence() + ": " + e.getMessage());
    }
    // It and those behind it in this frame are out of the ledger already, so fail them here.
    FailureCause unreadable = session.breakStub(violation.toCause());
    call.fail(new CallFailure(unreadable, Fate.COMPLETED, call));
    for (int i = index + 1; i < answered.length; i++) {
      if (!answered[i].isOver()) {
        answered[i].fail(new CallFailure(unreadable, Fate.UNKNOWN, answered[i]));
      }
    }
    throw violation;
  }
}
