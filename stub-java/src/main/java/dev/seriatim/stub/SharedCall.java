package dev.seriatim.stub;

import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneResponse;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One {@code ConnectMany} call, which carries many stubs, each on a {@link Lane}. Does what the
 * {@link SharedLedger} says is next.
 *
 * <p>Threads: everything done to the {@code ClientCall} but {@code request} is done by the writer,
 * the one thread that has claimed that role under the lock. What the {@code ClientCall} tells comes
 * on the transport's thread, and is handed on by the {@link LaneInbox}. The lock is kept by nobody
 * who calls out, a stub's lock is never taken under it, and it is never taken under a stub's.
 */
final class SharedCall extends ClientCall.Listener<EncodedFrame> {
  private static final Logger LOGGER = Logger.getLogger(SharedCall.class.getName());

  /**
   * How many lanes whose callbacks have something to send share a message. More would leave the
   * host without work while they are gathered, and fewer would cost more messages.
   */
  private static final int GATHERED_LANES = 64;

  private final SharedCalls calls;
  private final ClientOptions options;
  private final Object lock = new Object();

  // Guarded by the lock.
  private final SharedLedger<Lane> ledger = new SharedLedger<>();
  private final LaneInbox inbox;
  private final LaneWriter writer;
  private boolean ticking; // A look at the clock is due.
  private boolean idling; // So is one at whether there has been a lane.
  private long attachments;

  private volatile boolean isMute; // A stub has waited for a word for too long.

  SharedCall(SharedCalls calls) {
    this.calls = calls;
    this.options = calls.options();
    Executor executor = options.callbackExecutor();
    this.inbox = new LaneInbox(this, lock, ledger, executor);
    this.writer = new LaneWriter(this, lock, ledger, calls);
  }

  // ---- any thread ------------------------------------------------------------------------------

  /** Whether new lanes are taken; which {@link #enlist} may see otherwise. */
  boolean takesLanes() {
    synchronized (lock) {
      return ledger.takesLanes() && (!isMute || ledger.isAnswered());
    }
  }

  /** How many lanes are on it. */
  int attached() {
    synchronized (lock) {
      return ledger.attached();
    }
  }

  boolean hasSent() {
    return writer.hasSent();
  }

  boolean isConnected() {
    return writer.isConnected();
  }

  /** The host has not opened a stub in time. */
  void openOverdue() {
    isMute = true;
  }

  /**
   * A lane has something to send. For the first time it is taken as one of this call's.
   *
   * @return false if the call takes no lane any more
   */
  boolean enlist(Lane lane) {
    boolean write = false;
    boolean tick = false;
    synchronized (lock) {
      if (lane.isGone()) {
        return true;
      }
      if (!lane.isAttached()) {
        if (!ledger.attach()) {
          return false;
        }
        attachments++;
        boolean unused = lane.attach();
      }
      ledger.enlist(lane);
      if (inbox.isGathering() && ledger.inLine() < GATHERED_LANES) {
        tick = claimTick();
      } else if (!(ticking && ledger.awaitsTime())) {
        write = writer.claim();
      }
    }
    if (write) {
      writer.write();
    } else if (tick) {
      tickIn(SharedLedger.PATIENCE_NANOS);
    }
    return true;
  }

  /** A lane ends from this side, and is told so. */
  void cancel(Lane lane, Status status) {
    LaneEvent event =
        new LaneEvent(
            lane, null, ended -> ended.session().connectionEnded(ended, status, new Metadata()));
    boolean tell;
    synchronized (lock) {
      if (!lane.go()) {
        return; // It has ended by itself.
      }
      lane.cancelled();
      if (lane.isAttached()) {
        ledger.cancelled(lane.number());
        ledger.hasWord(lane.hasWord());
      }
      tell = lane.claimTelling(event);
    }
    if (tell) {
      inbox.tellApart(event);
    }
    flush();
  }

  /** No lane is taken any more; the call ends when none is left. */
  void retire() {
    synchronized (lock) {
      ledger.retire();
    }
    flush();
  }

  /** Does what is to be done by now. */
  void flush() {
    boolean write = false;
    boolean tick = false;
    LaneInbox.Reader reader;
    synchronized (lock) {
      if (ledger.attached() == 0 && options.sharedCallIdleTimeout().isZero()) {
        ledger.retire();
      }
      reader = inbox.claim();
      if (inbox.isCrowded()) {
        tick = claimTick();
      }
      if (writer.hasToCancel() || (ledger.hasNext() && !(ticking && ledger.awaitsTime()))) {
        write = writer.claim();
      }
    }
    if (tick) {
      tickIn(SharedLedger.PATIENCE_NANOS);
    }
    if (write) {
      writer.write();
    }
    if (reader != null) {
      inbox.start(reader);
    }
    lookForLanesLater();
  }

  /** Has the caller see to it that there is a {@link #tick}. Under the lock. */
  boolean claimTick() {
    boolean claimed = !ticking;
    ticking = true;
    return claimed;
  }

  // ---- the transport's thread ------------------------------------------------------------------

  @Override
  public void onReady() {
    flush();
  }

  @Override
  public void onHeaders(Metadata headers) {
    synchronized (lock) {
      ledger.begun();
    }
    flush();
  }

  @Override
  public void onMessage(EncodedFrame message) {
    List<LaneResponse> parts;
    try {
      parts = LaneMessages.readResponses(message.bytes());
    } catch (IOException e) {
      violated(
          new HostViolationException("a message is not a ConnectManyResponse: " + e.getMessage()));
      return;
    }
    LaneInbox.Reader reader = null;
    synchronized (lock) {
      ledger.received();
      if (!ledger.isOver()) {
        reader = inbox.add(parts);
      }
    }
    if (reader == null) {
      flush();
    } else {
      inbox.start(reader); // Which flushes first.
    }
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    boolean served;
    synchronized (lock) {
      served = ledger.isAnswered() || status.getCode() != Status.Code.UNIMPLEMENTED;
    }
    if (served) {
      Status lost =
          status.isOk()
              ? Status.UNAVAILABLE.withDescription("the host ended the stub's call")
              : status;
      end(lane -> lane.session().connectionEnded(lane, lost, trailers));
    } else {
      calls.notServed();
      end(Lane::carryOn);
    }
  }

  // ---- any thread: the end ---------------------------------------------------------------------

  /** The host has broken the rules. */
  void violated(HostViolationException violation) {
    lose(lane -> lane.session().violated(violation), violation.getMessage());
  }

  /**
   * Ends the call, and all that it carries, from this side.
   *
   * @param end tells it a lane
   * @param why for the host; null if there is no call to cancel
   */
  void lose(Consumer<Lane> end, @Nullable String why) {
    synchronized (lock) {
      if (ledger.isOver()) {
        return;
      }
      inbox.drop();
      writer.cancel(why);
      endLanes(end); // Not later: a writer that cancels would have the transport say first why.
    }
    flush();
  }

  private void end(Consumer<Lane> forThoseLeft) {
    synchronized (lock) {
      if (ledger.isOver()) {
        return;
      }
      endLanes(forThoseLeft);
    }
    flush();
  }

  /** Under the lock. */
  private void endLanes(Consumer<Lane> forThoseLeft) {
    ledger.end();
    inbox.end(forThoseLeft);
  }

  /** The call has been half-closed: sees to it that it ends. */
  void expectEnd() {
    schedule(this::endOverdue, options.endTimeout().toNanos());
  }

  private void endOverdue() {
    lose(lane -> {}, "the host has not ended the call, though no stub is left");
  }

  // ---- the scheduler's thread ------------------------------------------------------------------

  /** Looks whether the callbacks get on, and whether something has waited for long enough. */
  private void tick() {
    LaneInbox.Reader reader;
    boolean again;
    synchronized (lock) {
      reader = inbox.watch();
      again = inbox.isReading();
      ticking = again;
    }
    if (reader != null) {
      inbox.startElsewhere(reader);
    }
    if (again) {
      tickIn(SharedLedger.PATIENCE_NANOS);
    }
    flush();
  }

  void tickIn(long nanos) {
    schedule(this::tick, nanos);
  }

  /** If no lane is left, sees to it that this is looked at again. */
  private void lookForLanesLater() {
    long seen;
    synchronized (lock) {
      if (idling || ledger.attached() > 0 || !ledger.takesLanes()) {
        return;
      }
      idling = true;
      seen = attachments;
    }
    schedule(() -> lookForLanes(seen), options.sharedCallIdleTimeout().toNanos());
  }

  /** Retires the call if none has been on it since. */
  private void lookForLanes(long attachmentsBefore) {
    synchronized (lock) {
      idling = false;
      if (ledger.attached() == 0 && attachments == attachmentsBefore) {
        ledger.retire();
      }
    }
    flush();
  }

  private void schedule(Runnable task, long nanos) {
    try {
      var unused = options.scheduler().schedule(task, nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOGGER.log(Level.WARNING, "The scheduler of a client takes no tasks: nothing is watched.", e);
      synchronized (lock) {
        ticking = false;
      }
    }
  }
}
