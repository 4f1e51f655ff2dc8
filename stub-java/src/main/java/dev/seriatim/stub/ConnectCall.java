package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.RequestEncoder;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One stub's {@code Connect} call: numbers calls, sends them in self-clocked frames, matches the
 * outcomes, and decides what became of each call when it ends.
 *
 * <p>Threads: any thread submits. Fields under "guarded" belong to whoever holds the lock, which no
 * one keeps while calling out. Everything done to the {@code ClientCall} but {@code request} is
 * done by the writer: the one thread that has set {@code writing}. Everything that the {@code
 * ClientCall} tells comes to the {@link Receiver}, one event at a time, and all calls that got a
 * number are completed there, in order.
 */
final class ConnectCall {
  private static final Logger LOGGER = Logger.getLogger(ConnectCall.class.getName());

  /** Frames asked for ahead. A host that answers our few unanswered frames never needs more. */
  private static final int INBOUND_CHUNK = 16;

  /**
   * How many calls of the listeners' share a frame. More would leave the host without work while
   * they are gathered, and fewer would cost more frames.
   */
  private static final int GATHERED_INVOCATIONS = 64;

  /** For how long they wait for each other at most: whoever makes them may block meanwhile. */
  private static final int GATHERING_MILLIS = 1;

  private static final MethodDescriptor<EncodedFrame, ResponseFrame> CONNECT =
      DurableObjectsGrpc.getConnectMethod().toBuilder(
              EncodedFrame.MARSHALLER, ResponseFrame.MARSHALLER)
          .build();

  private enum State {
    OPEN,
    CLOSING,
    CLOSED,
    BROKEN
  }

  private final Channel channel;
  private final ClientOptions options;
  private final Open open;
  private final @Nullable String expectedId;
  private final CountDownLatch ended = new CountDownLatch(1);

  private final Object lock = new Object();

  // Guarded.
  private final CallRing calls = new CallRing();
  private final FrameWindow window;
  private State state = State.OPEN;
  private @Nullable FailureCause cause; // Set with BROKEN.
  private boolean over; // Nothing is left to be completed by the receiver.
  private boolean writing;
  private boolean writeAgain; // Something changed that the writer may have looked at already.
  private boolean cancel; // The writer is to cancel the call.
  private @Nullable List<Consumer<FailureCause>> breakListeners = new ArrayList<>();
  private @Nullable Deadline watchedDeadline;
  private @Nullable ScheduledFuture<?> watch;
  private long watchNumber;
  private boolean callEnded;
  private @Nullable ScheduledFuture<?> endWatch;
  private @Nullable Thread deliverer; // Who hands the outcomes of a frame out.
  private boolean sendsGathered; // Soon, by the scheduler.

  // Owned by the writer.
  private @Nullable ClientCall<EncodedFrame, ResponseFrame> call;
  private boolean openSent;
  private boolean halfClosed;
  private boolean cancelled;

  ClientOptions options() {
    return options;
  }

  ConnectCall(Channel channel, ClientOptions options, Open open, @Nullable String expectedId) {
    this.channel = channel;
    this.options = options;
    this.open = open;
    this.expectedId = expectedId;
    this.window = new FrameWindow(options.maxUnansweredFrames());
  }

  // ---- what callers do -------------------------------------------------------------------------

  /** Takes a call in, and gives it its number before it returns; or fails it at once. */
  void submit(PendingCall pending) {
    FailureCause refusal;
    boolean write = false;
    boolean sendSoon = false;
    synchronized (lock) {
      refusal = refusal(pending);
      if (refusal == null) {
        calls.add(pending);
        boolean gathered = waitsForOthers();
        sendSoon = gathered && !sendsGathered;
        sendsGathered |= gathered;
        write = !writing && window.hasRoom() && !gathered;
        writing |= write;
      }
    }
    if (refusal != null) {
      pending.fail(new CallFailure(refusal, Fate.NOT_EXECUTED, 0));
      return;
    }
    if (pending.deadline() != null) {
      watch(pending.deadline());
    }
    if (write) {
      write();
    } else if (sendSoon) {
      var unused =
          options.scheduler().schedule(this::sendGathered, GATHERING_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** Whether a call that was just taken in will share a frame with others. Under the lock. */
  private boolean waitsForOthers() {
    return Thread.currentThread() == deliverer
        && calls.waiting() < Math.min(GATHERED_INVOCATIONS, options.maxFrameInvocations())
        && calls.waiting() < options.maxBufferedInvocations()
        && calls.waitingBytes() < Math.min(options.maxFrameBytes(), options.maxBufferedBytes() / 2);
  }

  /** Why this call can't be taken in; null if it can. */
  private @Nullable FailureCause refusal(PendingCall pending) {
    if (state == State.BROKEN) {
      return cause;
    }
    if (state != State.OPEN) {
      return FailureCause.of(
          Reasons.STUB_CLOSED, Status.Code.FAILED_PRECONDITION, "the stub is closed", false);
    }
    if (pending.bytes() > options.maxInvocationBytes()) {
      return FailureCause.of(
          Reasons.CALL_TOO_LARGE,
          Status.Code.RESOURCE_EXHAUSTED,
          "the invocation has "
              + pending.bytes()
              + " bytes, expected at most "
              + options.maxInvocationBytes(),
          false);
    }
    if (calls.waiting() >= options.maxBufferedInvocations()) {
      return bufferFull(calls.waiting() + " invocations wait to be sent");
    }
    if (calls.waitingBytes() + pending.bytes() > options.maxBufferedBytes()) {
      return bufferFull(
          calls.waitingBytes()
              + " bytes wait to be sent, "
              + pending.bytes()
              + " more would pass the limit of "
              + options.maxBufferedBytes());
    }
    return null;
  }

  private static FailureCause bufferFull(String message) {
    return FailureCause.of(Reasons.BUFFER_FULL, Status.Code.RESOURCE_EXHAUSTED, message, false);
  }

  /** Lets no more calls in, and ends the call when what was taken in has been answered. */
  void close() {
    boolean write;
    boolean finished;
    synchronized (lock) {
      if (state != State.OPEN) {
        return;
      }
      state = State.CLOSING;
      if (!isStarted()) {
        closed();
        return;
      }
      write = claimWriter();
      finished = isFinished();
    }
    if (write) {
      write();
    }
    if (finished) {
      watchEnd();
    }
  }

  /** Closed, with every call answered: all that is left is the end. Under the lock. */
  private boolean isFinished() {
    return state == State.CLOSING && calls.answered() == calls.last();
  }

  /** Breaks the stub from this side. What was sent is lost, what wasn't is not executed. */
  void cancel(String message) {
    breakStub(FailureCause.of(Reasons.STUB_CANCELLED, Status.Code.CANCELLED, message, false));
  }

  boolean isBroken() {
    synchronized (lock) {
      return state == State.BROKEN;
    }
  }

  @Nullable FailureCause cause() {
    synchronized (lock) {
      return cause;
    }
  }

  void onBreak(Consumer<FailureCause> listener) {
    FailureCause broken;
    synchronized (lock) {
      if (breakListeners != null) {
        breakListeners.add(listener);
        return;
      }
      broken = cause;
    }
    if (broken != null) {
      tell(listener, broken);
    }
  }

  boolean awaitEnd(long timeout, TimeUnit unit) throws InterruptedException {
    return ended.await(timeout, unit);
  }

  // ---- the writer ------------------------------------------------------------------------------

  /** Makes the caller the writer, or the writer look again. Under the lock. */
  private boolean claimWriter() {
    if (writing) {
      writeAgain = true;
      return false;
    }
    writing = true;
    return true;
  }

  private enum Step {
    SEND,
    HALF_CLOSE,
    CANCEL
  }

  /**
   * Does all that is to be done to the call by now. Only for the thread that set {@code writing}.
   *
   * <p>Nothing is sent before the call is ready: until a connection is there it isn't, so calls
   * that never left are known not to have been executed.
   */
  private void write() {
    ClientCall<EncodedFrame, ResponseFrame> connect = call;
    if (connect == null) {
      connect = start();
      if (connect == null) {
        return;
      }
    }
    while (true) {
      boolean ready = !cancelled && connect.isReady();
      Step step;
      PendingCall[] frame = null;
      FailureCause broken;
      synchronized (lock) {
        broken = cause;
        if (cancel && !cancelled) {
          step = Step.CANCEL;
        } else if (ready && !over && state != State.BROKEN && hasFrame()) {
          step = Step.SEND;
          frame = calls.send(options.maxFrameInvocations(), options.maxFrameBytes());
          window.sent(calls.sent());
        } else if (!halfClosed && !cancelled && isDoneSending()) {
          step = Step.HALF_CLOSE;
        } else if (writeAgain) {
          writeAgain = false;
          continue;
        } else {
          writing = false;
          return;
        }
      }
      try {
        switch (step) {
          case SEND -> {
            if (frame != null) {
              connect.sendMessage(frame(frame));
            }
          }
          case HALF_CLOSE -> {
            halfClosed = true;
            connect.halfClose();
          }
          case CANCEL -> {
            cancelled = true;
            connect.cancel(broken == null ? "the stub has ended" : broken.message(), null);
          }
        }
      } catch (RuntimeException | Error e) {
        LOGGER.log(Level.WARNING, "A stub can't write to its call.", e);
        breakFromWriter(
            FailureCause.of(
                Reasons.CLIENT_FAULT, Status.Code.INTERNAL, "can't write: " + e, false));
      }
    }
  }

  private boolean hasFrame() {
    return window.hasRoom() && calls.waiting() > 0;
  }

  private boolean isDoneSending() {
    return (state == State.CLOSING && calls.waiting() == 0) || over;
  }

  /** Starts the call outside of the caller's context: a stub outlives its first caller. */
  private @Nullable ClientCall<EncodedFrame, ResponseFrame> start() {
    CallOptions callOptions =
        CallOptions.DEFAULT.withMaxInboundMessageSize(options.maxInboundFrameBytes());
    if (options.executor() != null) {
      callOptions = callOptions.withExecutor(options.executor());
    }
    Context previous = Context.ROOT.attach();
    try {
      ClientCall<EncodedFrame, ResponseFrame> connect = channel.newCall(CONNECT, callOptions);
      Receiver receiver = new Receiver(connect);
      call = connect;
      connect.start(receiver, new Metadata());
      connect.request(INBOUND_CHUNK);
      return connect;
    } catch (RuntimeException | Error e) {
      LOGGER.log(Level.WARNING, "A stub can't start its call.", e);
      end(
          FailureCause.of(
              Reasons.CLIENT_FAULT,
              Status.Code.INTERNAL,
              "can't start the stub's call: " + e,
              false),
          Fate.NOT_EXECUTED);
      return null; // Nobody else may write either, so `writing` stays set.
    } finally {
      Context.ROOT.detach(previous);
    }
  }

  private EncodedFrame frame(PendingCall[] pending) {
    RequestEncoder frame = new RequestEncoder(openSent ? null : open, pending.length);
    openSent = true;
    for (PendingCall next : pending) {
      next.writeTo(frame);
    }
    return frame.encode();
  }

  // ---- the receiver ----------------------------------------------------------------------------

  private final class Receiver extends ClientCall.Listener<ResponseFrame> {
    private final ClientCall<EncodedFrame, ResponseFrame> connect;
    private int received;
    private boolean opened;

    Receiver(ClientCall<EncodedFrame, ResponseFrame> connect) {
      this.connect = connect;
    }

    @Override
    public void onReady() {
      kick();
    }

    @Override
    public void onMessage(ResponseFrame frame) {
      if (++received == INBOUND_CHUNK / 2) {
        received = 0;
        connect.request(INBOUND_CHUNK / 2);
      }
      if (isBroken()) {
        abandon(); // Nothing may follow the break; whatever this is, don't listen any longer.
        return;
      }
      try {
        if (!opened) {
          opened = true;
          checkOpened(frame);
        } else if (frame.opened() != null) {
          throw new HostViolationException("'opened' came twice");
        }
        if (frame.outcomes() > 0) {
          complete(frame);
        }
        Broken broken = frame.broken();
        if (broken != null) {
          breakAsTold(broken);
        }
      } catch (HostViolationException e) {
        endByViolation(e.getMessage());
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      boolean orderly;
      synchronized (lock) {
        callEnded = true;
        if (endWatch != null) {
          endWatch.cancel(false);
        }
        orderly = status.isOk() && isFinished();
        if (orderly) {
          closed();
        }
      }
      if (!orderly) {
        end(FailureCause.connectionLost(status, trailers), Fate.UNKNOWN);
      }
    }
  }

  /** Under the lock. */
  private void closed() {
    state = State.CLOSED;
    over = true;
    breakListeners = null;
    stopWatching();
    ended.countDown();
  }

  private void checkOpened(ResponseFrame frame) throws HostViolationException {
    Opened opened = frame.opened();
    if (opened == null) {
      if (frame.broken() != null && frame.outcomes() == 0) {
        return; // The stub could not be opened.
      }
      throw new HostViolationException("the first frame has no 'opened'");
    }
    if (expectedId != null && !opened.getId().equals(expectedId)) {
      throw new HostViolationException(
          "opened object '" + opened.getId() + "', expected '" + expectedId + "'");
    }
    if (!DurableObjectIds.isHex(opened.getId())) {
      throw new HostViolationException(
          "opened object '" + opened.getId() + "', expected 64 lower-case hex digits");
    }
    if (opened.hasName() && !opened.getName().equals(open.getName())) {
      throw new HostViolationException(
          "opened name '" + opened.getName() + "', expected '" + open.getName() + "'");
    }
  }

  private void complete(ResponseFrame frame) throws HostViolationException {
    int count = frame.outcomes();
    int valid;
    long first;
    PendingCall[] answered;
    boolean write;
    boolean finished;
    synchronized (lock) {
      first = calls.answered() + 1;
      long sent = calls.sent();
      valid = 0;
      while (valid < count && first + valid <= sent && frame.sequence(valid) == first + valid) {
        valid++;
      }
      answered = calls.answer(valid);
      window.answered(calls.answered());
      write = valid == count && (hasFrame() || isDoneSending()) && claimWriter();
      finished = isFinished();
    }
    // Sending comes first: the host gets on with the next frame while outcomes are handed out.
    if (write) {
      write();
    }
    deliver(frame, answered, valid == count);
    if (valid < count) {
      long sequence = frame.sequence(valid);
      throw new HostViolationException(
          sequence == first + valid
              ? "outcome " + Long.toUnsignedString(sequence) + " of a call that was not sent"
              : "outcome "
                  + Long.toUnsignedString(sequence)
                  + ", expected outcome "
                  + (first + valid));
    }
    if (finished) {
      watchEnd();
    }
  }

  /**
   * Hands the outcomes of a frame out. What their listeners call in turn is gathered meanwhile: it
   * leaves in frames again, and not one by one.
   */
  private void deliver(ResponseFrame frame, PendingCall[] answered, boolean goesOn)
      throws HostViolationException {
    if (answered.length > 1) {
      gather(Thread.currentThread(), false);
    }
    try {
      for (int i = 0; i < answered.length; i++) {
        complete(answered[i], frame.message(i), answered, i);
      }
    } finally {
      if (answered.length > 1) {
        gather(null, goesOn);
      }
    }
  }

  private void gather(@Nullable Thread thread, boolean send) {
    boolean write;
    synchronized (lock) {
      deliverer = thread;
      write = send && hasFrame() && claimWriter();
    }
    if (write) {
      write();
    }
  }

  /** Sends what has been gathered for long enough: a listener may be blocking. */
  private void sendGathered() {
    boolean write;
    synchronized (lock) {
      sendsGathered = false;
      write = deliverer != null && hasFrame() && claimWriter();
    }
    if (write) {
      write();
    }
  }

  private void complete(
      PendingCall pending, @Nullable ByteString result, PendingCall[] answered, int index)
      throws HostViolationException {
    String violation;
    try {
      if (result != null) {
        pending.succeed(result);
        return;
      }
      violation = "outcome " + pending.sequence() + " has no 'message'";
    } catch (UnreadableResultException e) {
      violation = "outcome " + pending.sequence() + ": " + e.getMessage();
    }
    // It and those behind it in this frame are out of the ring already, so fail them here.
    FailureCause unreadable = breakStub(violation(violation));
    pending.fail(new CallFailure(unreadable, Fate.COMPLETED, pending.sequence()));
    for (int i = index + 1; i < answered.length; i++) {
      answered[i].fail(new CallFailure(unreadable, Fate.UNKNOWN, answered[i].sequence()));
    }
    throw new HostViolationException(violation);
  }

  private void breakAsTold(Broken broken) throws HostViolationException {
    if (broken.getCause().getCode() == Status.Code.OK.value()) {
      throw new HostViolationException("broken with code OK");
    }
    long answered;
    synchronized (lock) {
      answered = calls.answered();
    }
    if (broken.getCompletedThrough() != answered) {
      throw new HostViolationException(
          "broken with completed_through "
              + Long.toUnsignedString(broken.getCompletedThrough())
              + " after "
              + answered
              + " outcomes");
    }
    end(FailureCause.told(broken), Fate.NOT_EXECUTED);
    kick(); // To half-close: the host ends the call by itself.
    watchEnd();
  }

  private void endByViolation(String message) {
    FailureCause violation = breakStub(violation(message));
    end(violation, Fate.UNKNOWN);
  }

  private static FailureCause violation(String message) {
    return FailureCause.of(
        Reasons.HOST_VIOLATION,
        Status.Code.INTERNAL,
        "the host broke the protocol: " + message,
        false);
  }

  /** Completes every call that is left, and then tells the listeners. Does so once. */
  private void end(FailureCause newCause, Fate sentFate) {
    PendingCall[] left;
    long sent;
    FailureCause broken;
    List<Consumer<FailureCause>> listeners;
    synchronized (lock) {
      if (over) {
        return;
      }
      over = true;
      if (cause == null) {
        state = State.BROKEN;
        cause = newCause;
      }
      broken = cause;
      sent = calls.sent();
      left = calls.clear();
      listeners = breakListeners;
      breakListeners = null;
      stopWatching();
    }
    for (PendingCall pending : left) {
      Fate fate = pending.sequence() <= sent ? sentFate : Fate.NOT_EXECUTED;
      pending.fail(new CallFailure(broken, fate, pending.sequence()));
    }
    if (listeners != null) {
      listeners.forEach(listener -> tell(listener, broken));
    }
    ended.countDown();
  }

  private static void tell(Consumer<FailureCause> listener, FailureCause broken) {
    try {
      listener.accept(broken);
    } catch (RuntimeException | Error e) {
      LOGGER.log(Level.WARNING, "A listener for the break of a stub threw.", e);
    }
  }

  // ---- breaking from this side -----------------------------------------------------------------

  /**
   * From now on no call is let in. The calls that are left fail on the receiver, when the cancelled
   * call has ended.
   *
   * @return why the stub is broken, which is another cause if it was broken before
   */
  private FailureCause breakStub(FailureCause newCause) {
    boolean started;
    boolean write = false;
    synchronized (lock) {
      if (state == State.CLOSED || cause != null) {
        return cause != null ? cause : newCause;
      }
      state = State.BROKEN;
      cause = newCause;
      started = isStarted();
      if (started) {
        cancel = true;
        write = claimWriter();
      }
    }
    if (write) {
      write();
    }
    if (!started) {
      end(newCause, Fate.NOT_EXECUTED);
    }
    return newCause;
  }

  private void breakFromWriter(FailureCause newCause) {
    synchronized (lock) {
      if (cause == null) {
        state = State.BROKEN;
        cause = newCause;
      }
      cancel = true;
    }
  }

  /** Whether there is a call, or soon will be. Under the lock. */
  private boolean isStarted() {
    return calls.last() > 0;
  }

  private void abandon() {
    synchronized (lock) {
      cancel = true;
    }
    kick();
  }

  private void kick() {
    boolean write;
    synchronized (lock) {
      write = claimWriter();
    }
    if (write) {
      write();
    }
  }

  // ---- time ------------------------------------------------------------------------------------

  /** Sees to it that the call doesn't go on for ever when nothing is left of it but its end. */
  private void watchEnd() {
    ScheduledFuture<?> scheduled =
        options
            .scheduler()
            .schedule(this::endOverdue, options.endTimeout().toNanos(), TimeUnit.NANOSECONDS);
    synchronized (lock) {
      if (!callEnded && endWatch == null) {
        endWatch = scheduled;
        return;
      }
    }
    scheduled.cancel(false);
  }

  private void endOverdue() {
    breakStub(
        FailureCause.of(
            Reasons.ANSWER_OVERDUE,
            Status.Code.DEADLINE_EXCEEDED,
            "the host has not ended the stub's call "
                + options.endTimeout().toMillis()
                + " ms after its last frame",
            false));
    abandon(); // It may have been broken before.
  }

  /** Sees to it that someone looks when this deadline's grace has run out. */
  private void watch(Deadline deadline) {
    long remaining = deadline.timeRemaining(TimeUnit.NANOSECONDS);
    long number;
    synchronized (lock) {
      boolean watched =
          watchedDeadline != null
              && watchedDeadline.timeRemaining(TimeUnit.NANOSECONDS) <= remaining;
      if (over || watched) {
        return;
      }
      stopWatching();
      watchedDeadline = deadline;
      number = watchNumber;
    }
    ScheduledFuture<?> scheduled =
        options
            .scheduler()
            .schedule(() -> checkDeadlines(number), remaining + graceNanos(), TimeUnit.NANOSECONDS);
    synchronized (lock) {
      if (number == watchNumber && !over) {
        watch = scheduled;
        return;
      }
    }
    scheduled.cancel(false);
  }

  /** Under the lock. */
  private void stopWatching() {
    watchNumber++;
    watchedDeadline = null;
    if (watch != null) {
      watch.cancel(false);
      watch = null;
    }
  }

  private void checkDeadlines(long number) {
    Deadline next = null;
    long overdue = 0;
    synchronized (lock) {
      if (number != watchNumber || over) {
        return;
      }
      stopWatching();
      long soonest = Long.MAX_VALUE;
      for (long sequence = calls.answered() + 1; sequence <= calls.last(); sequence++) {
        Deadline deadline = calls.call(sequence).deadline();
        if (deadline == null) {
          continue;
        }
        long remaining = deadline.timeRemaining(TimeUnit.NANOSECONDS);
        if (remaining + graceNanos() <= 0) {
          overdue = sequence;
          break;
        }
        if (remaining < soonest) {
          soonest = remaining;
          next = deadline;
        }
      }
    }
    if (overdue != 0) {
      breakStub(
          FailureCause.of(
              Reasons.ANSWER_OVERDUE,
              Status.Code.DEADLINE_EXCEEDED,
              "invocation "
                  + overdue
                  + " has had no answer "
                  + options.deadlineGrace().toMillis()
                  + " ms after its deadline",
              false,
              overdue));
    } else if (next != null) {
      watch(next);
    }
  }

  private long graceNanos() {
    return options.deadlineGrace().toNanos();
  }
}
