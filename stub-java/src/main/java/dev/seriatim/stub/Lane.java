package dev.seriatim.stub;

import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneRequest.What;
import dev.seriatim.wire.RequestEncoder;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What carries a stub on a {@link SharedCall}, beside others. It stands in the call's line while it
 * has something to send, and is asked for that when a message is made: so what waits is not cut
 * into frames yet, and is known not to have been sent.
 *
 * <p>Threads: any thread writes, which only puts the lane in line. The call's one writer asks for
 * what is to be sent. What the host sends comes one event at a time.
 */
final class Lane extends Link {
  private static final Logger LOGGER = Logger.getLogger(Lane.class.getName());

  /** So much that was taken is told the host, though nothing else is to be sent. */
  static final int CREDIT_BYTES = 64 << 10;

  private static final PendingCall[] NO_CALLS = {};
  private static final VarHandle OWED;
  private static final VarHandle WAITS;

  static {
    try {
      OWED = MethodHandles.lookup().findVarHandle(Lane.class, "owed", int.class);
      WAITS = MethodHandles.lookup().findVarHandle(Lane.class, "waitsSince", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Session session;
  private final Object lock; // The session's, and so is the ledger under it.
  private final Ledger ledger;
  private final SharedCalls calls;
  private final Open open;

  // Guarded by the session's lock.
  private boolean inLine; // Or about to be, by who has claimed it.
  private boolean cancels; // Only ever set. Who claims the lane for that finds it without the lock.

  /** Chosen by the first who writes. Written under the session's lock. */
  private volatile @Nullable SharedCall call;

  // Guarded by the shared call's lock.
  private boolean attached;
  private boolean told; // Someone tells it something.
  private @Nullable ArrayDeque<LaneEvent> untold;

  /** Nothing is sent on it any more, and nothing is heard. Written under the call's lock. */
  private volatile boolean gone;

  /**
   * The period in which it sent a frame, if it has had no word since; otherwise 0. Through the
   * handle.
   */
  @SuppressWarnings("unused")
  private volatile int waitsSince;

  /** It has ended from this side. Written under the call's lock. */
  private volatile boolean cancelled;

  /** 0 until its first part is sent. Written by the call's writer, under the call's lock. */
  private long number;

  /** How many bytes were taken that the host doesn't know of. Through the handle. */
  @SuppressWarnings("unused")
  private volatile int owed;

  private boolean opened; // Owned by who tells it something.

  Lane(
      Session session,
      Object lock,
      Ledger ledger,
      SharedCalls calls,
      ClientOptions options,
      Open open) {
    super(options);
    this.session = session;
    this.lock = lock;
    this.ledger = ledger;
    this.calls = calls;
    this.open = open;
  }

  Session session() {
    return session;
  }

  // ---- any thread ------------------------------------------------------------------------------

  @Override
  @Nullable Link claim() {
    if (ledger.sending().hasToCancel()) {
      cancels = true; // At once, and not in turn.
      return this;
    }
    return claimForCall();
  }

  @Override
  @Nullable Link claimForCall() {
    if (inLine) {
      return null;
    }
    inLine = true;
    return this;
  }

  @Override
  void write() {
    boolean cancel = false;
    if (cancels) {
      synchronized (lock) {
        cancel = ledger.sending().takeCancel();
      }
    }
    SharedCall on = call;
    if (cancel) {
      cancel(on);
    } else if (on == null) {
      begin();
    } else {
      boolean taken = on.enlist(this);
      assert taken : "a lane stays where it is";
    }
  }

  private void cancel(@Nullable SharedCall on) {
    FailureCause cause = session.cause();
    Status status =
        Status.CANCELLED.withDescription(cause == null ? "the stub has ended" : cause.message());
    if (on != null) {
      on.cancel(this, status);
    } else {
      options()
          .callbackExecutor()
          .execute(() -> session.connectionEnded(this, status, new Metadata()));
    }
  }

  /** Looks for a call that takes the lane. */
  private void begin() {
    SharedCall candidate;
    do {
      candidate = calls.next();
      if (candidate == null) {
        carryOn();
        return;
      }
      synchronized (lock) {
        if (ledger.sending().isCancelled() || !session.isCarriedBy(this)) {
          return;
        }
        call = candidate;
      }
    } while (!candidate.enlist(this));
  }

  /** Has a call of its own carry the stub from now on, from the beginning. */
  void carryOn() {
    OwnCall own = new OwnCall(session, lock, ledger, calls.channel(), options(), open);
    if (!session.carryOn(this, own)) {
      session.connectionEnded(this, Status.CANCELLED, new Metadata());
    }
  }

  @Override
  FailureCause openOverdue(boolean hasLeft) {
    SharedCall on = call;
    if (on == null) {
      return openOverdue(hasLeft, /* connected= */ false);
    }
    on.openOverdue();
    return openOverdue(hasLeft || on.hasSent(), on.isConnected());
  }

  // ---- the shared call, under its lock ---------------------------------------------------------

  /** False if it was before. */
  boolean attach() {
    boolean before = attached;
    attached = true;
    return !before;
  }

  boolean isAttached() {
    return attached;
  }

  boolean isGone() {
    return gone;
  }

  /** False if it was before. */
  boolean go() {
    boolean before = gone;
    gone = true;
    return !before;
  }

  void cancelled() {
    cancelled = true;
  }

  long number() {
    return number;
  }

  void number(long given) {
    number = given;
  }

  /** Whether the caller is to tell it this; otherwise someone does who is telling it something. */
  boolean claimTelling(LaneEvent event) {
    if (!told) {
      told = true;
      return true;
    }
    if (untold == null) {
      untold = new ArrayDeque<>(1);
    }
    untold.add(event);
    return false;
  }

  /** What it is to be told next, by who has told it something; null if there is nothing. */
  @Nullable LaneEvent nextUntold() {
    LaneEvent next = untold == null ? null : untold.poll();
    told = next != null;
    return next;
  }

  /** It has had a word. Since which period it waited for one, or 0. */
  int hasWord() {
    return waitsSince == 0 ? 0 : (int) WAITS.getAndSet(this, 0);
  }

  /** What is to tell it something, if that isn't what does so on its call. */
  @Nullable Executor executor() {
    Executor own = options().executor();
    return Objects.equals(own, calls.options().executor()) ? null : own;
  }

  // ---- the shared call's writer ----------------------------------------------------------------

  /** Puts what is next into a message. */
  LaneMessage.Put putInto(LaneMessage message, LaneWriter by) {
    Sending.Step step = Sending.Step.REST;
    PendingCall[] frame = NO_CALLS;
    long acknowledged = 0;
    boolean more;
    synchronized (lock) {
      if (gone || !session.isCarriedBy(this)) { // Perhaps something else carries the stub by now.
        return LaneMessage.Put.DONE;
      }
      long bytes = ledger.sending().nextFrameBytes() + (number == 0 ? open.getSerializedSize() : 0);
      if (!message.hasRoomFor(bytes)) {
        return LaneMessage.Put.NO_ROOM;
      }
      if (!ledger.sending().hasToCancel()) { // Whoever brought that about does it.
        step = ledger.sending().next(true);
        if (step == Sending.Step.SEND) {
          frame = ledger.sending().nextFrame();
          acknowledged = ledger.sending().acknowledge(frame);
        }
      }
      more = step != Sending.Step.REST && ledger.sending().hasNext();
      inLine = more;
    }
    switch (step) {
      case SEND -> more |= !send(frame, acknowledged, message, by);
      case HALF_CLOSE -> add(What.HALF_CLOSE, null, message);
      case REST -> {
        if (owed >= CREDIT_BYTES) {
          add(What.NOTHING, null, message);
        }
      }
      case CANCEL -> throw new AssertionError();
    }
    return more ? LaneMessage.Put.HAS_MORE : LaneMessage.Put.DONE;
  }

  /** False if there was no number for it any more. */
  private boolean send(PendingCall[] calls, long acknowledged, LaneMessage message, LaneWriter by) {
    RequestEncoder encoder = new RequestEncoder(number == 0 ? open : null, calls.length);
    for (PendingCall next : calls) {
      next.writeTo(encoder);
    }
    encoder.acknowledge(acknowledged);
    EncodedFrame frame = encoder.encode();
    boolean answered = number == 0 || calls.length > 0;
    boolean open = number != 0 || by.open(this);
    if (open && !answered) {
      message.addUnanswered(new LaneRequest(number, What.FRAME, frame, takeOwed()));
    } else if (open) {
      if ((int) WAITS.getAndSet(this, message.period()) != message.period()) {
        message.addWaitingLane();
      }
      add(What.FRAME, frame, message);
    }
    return open;
  }

  private void add(What what, @Nullable EncodedFrame frame, LaneMessage message) {
    if (number != 0) {
      message.add(new LaneRequest(number, what, frame, takeOwed()));
    }
  }

  private int takeOwed() {
    return owed == 0 ? 0 : (int) OWED.getAndSet(this, 0);
  }

  // ---- who tells it something, one at a time ---------------------------------------------------

  /** Takes what the host has sent, and the lane's end. Throws nothing. */
  void take(@Nullable EncodedFrame bytes, @Nullable Consumer<Lane> end) {
    try {
      if (bytes != null && !cancelled) {
        take(bytes);
      }
    } catch (IOException e) {
      lose(Status.INTERNAL.withDescription("a frame is not a ConnectResponse: " + e.getMessage()));
    } catch (RuntimeException | Error e) {
      LOGGER.log(Level.WARNING, "A stub can't take a frame.", e);
      lose(Status.CANCELLED.withDescription("can't take a frame: " + e).withCause(e));
    }
    if (end != null) {
      try {
        end.accept(this);
      } catch (RuntimeException | Error e) {
        LOGGER.log(Level.WARNING, "A stub can't take its end.", e);
      }
    }
  }

  private void take(EncodedFrame bytes) throws IOException {
    if (bytes.size() > options().maxInboundFrameBytes()) {
      lose(
          Status.RESOURCE_EXHAUSTED.withDescription(
              "a frame of "
                  + bytes.size()
                  + " bytes, expected at most "
                  + options().maxInboundFrameBytes()));
      return;
    }
    ResponseFrame frame = ResponseFrame.parse(bytes.bytes());
    Broken broken = frame.broken();
    if (broken != null) {
      retireFor(FailureCause.told(broken).reason()); // First, since callers may try again at once.
    }
    opened = true;
    session.receive(frame);
    if (frame.outcomes() > 0
        && (int) OWED.getAndAdd(this, bytes.size()) + bytes.size() >= CREDIT_BYTES) {
      give();
    }
  }

  /**
   * A host that drains takes no more stubs; a call may be full; and the credentials that it came
   * with may have run out.
   */
  private void retireFor(String reason) {
    SharedCall on = call;
    boolean elsewhere =
        switch (reason) {
          case Reasons.HOST_DRAINING, Reasons.UNAUTHENTICATED, Reasons.CREDENTIALS_EXPIRED -> true;
          case Reasons.OVERLOADED -> !opened;
          default -> false;
        };
    if (on != null && elsewhere) {
      on.retire();
    }
  }

  private void give() {
    Link claimed;
    synchronized (lock) {
      claimed = claimForCall();
    }
    if (claimed != null) {
      claimed.write();
    }
  }

  /** It ends from this side, since what has come can't be. */
  private void lose(Status status) {
    synchronized (lock) {
      ledger.sending().abandon();
      boolean unused = ledger.sending().takeCancel();
    }
    SharedCall on = call;
    if (on != null) {
      on.cancel(this, status);
    }
  }
}
