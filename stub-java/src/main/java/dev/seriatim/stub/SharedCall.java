package dev.seriatim.stub;

import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneResponse;
import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ClientStreamTracer;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
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

  /** What a message takes beside the frame of a single part, which may be as long as it may. */
  private static final int BESIDE_FRAME_BYTES = 64 << 10;

  /** The most cancellations in one message. */
  private static final int CANCELLATIONS = 4_096;

  private static final MethodDescriptor<EncodedFrame, EncodedFrame> CONNECT_MANY =
      DurableObjectsGrpc.getConnectManyMethod().toBuilder(
              EncodedFrame.MARSHALLER, EncodedFrame.MARSHALLER)
          .build();

  private final SharedCalls calls;
  private final ClientOptions options;
  private final Object lock = new Object();

  // Guarded by the lock.
  private final SharedLedger<Lane> ledger = new SharedLedger<>();
  private final LaneInbox inbox;
  private boolean writing;
  private boolean writeAgain; // Something changed that the writer may have looked at already.
  private boolean ticking; // A look at the clock is due.
  private boolean idling; // So is one at whether there has been a lane.
  private long attachments;
  private @Nullable String cancel; // Why the call is to be cancelled.

  // Owned by the writer.
  private @Nullable ClientCall<EncodedFrame, EncodedFrame> call;
  private ArrayDeque<Lane> inHand = new ArrayDeque<>(); // Taken out of the line,
  private final List<Lane> again = new ArrayList<>(); // and to stand there again.

  private volatile boolean connected; // The call has come as far as a connection.
  private volatile boolean hasSent;
  private volatile boolean isMute; // A stub has waited for a word for too long.

  SharedCall(SharedCalls calls) {
    this.calls = calls;
    this.options = calls.options();
    Executor executor = options.callbackExecutor();
    this.inbox = new LaneInbox(this, lock, ledger, executor);
  }

  // ---- any thread ------------------------------------------------------------------------------

  /** Whether new lanes are taken; which {@link #enlist} may see otherwise. */
  boolean takesLanes() {
    synchronized (lock) {
      return ledger.takesLanes() && (!isMute || ledger.isAnswered());
    }
  }

  boolean hasSent() {
    return hasSent;
  }

  boolean isConnected() {
    return connected;
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
        write = claim();
      }
    }
    if (write) {
      write();
    } else if (tick) {
      tickIn(SharedLedger.PATIENCE_NANOS);
    }
    return true;
  }

  /** A lane ends from this side, and is told so. */
  void cancel(Lane lane, Status status) {
    LaneEvent event =
        new LaneEvent(lane, null, ended -> ended.session().connectionEnded(status, new Metadata()));
    boolean tell;
    synchronized (lock) {
      if (!lane.go()) {
        return; // It has ended by itself.
      }
      lane.cancelled();
      if (lane.isAttached()) {
        ledger.cancelled(lane.number());
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
      if (cancel != null || (ledger.hasNext() && !(ticking && ledger.awaitsTime()))) {
        write = claim();
      }
    }
    if (tick) {
      tickIn(SharedLedger.PATIENCE_NANOS);
    }
    if (write) {
      write();
    }
    if (reader != null) {
      inbox.start(reader);
    }
    lookForLanesLater();
  }

  /** Makes the caller the writer, who must then {@link #write}. Under the lock. */
  private boolean claim() {
    if (writing) {
      writeAgain = true;
      return false;
    }
    writing = true;
    return true;
  }

  /** Has the caller see to it that there is a {@link #tick}. Under the lock. */
  private boolean claimTick() {
    boolean claimed = !ticking;
    ticking = true;
    return claimed;
  }

  // ---- the writer ------------------------------------------------------------------------------

  /** Does all that is to be done to the call by now. Only for the thread that has the claim. */
  private void write() {
    ClientCall<EncodedFrame, EncodedFrame> connect = call;
    if (connect == null) {
      connect = start();
      if (connect == null) {
        return; // Nobody else may write either, so the claim is kept.
      }
    }
    while (true) {
      boolean ready = connect.isReady();
      long now = System.nanoTime();
      SharedLedger.Step step;
      String why;
      long wait = 0;
      synchronized (lock) {
        why = cancel;
        cancel = null;
        step = why != null ? SharedLedger.Step.CANCEL : ledger.next(ready, now);
        if (step == SharedLedger.Step.REST) {
          if (writeAgain) {
            writeAgain = false;
            continue;
          }
          writing = false;
          if (ledger.awaitsTime() && ledger.untilMayLeave(now) > 0 && claimTick()) {
            wait = ledger.untilMayLeave(now);
          }
        }
      }
      try {
        switch (step) {
          case SEND -> send(connect, now);
          case HALF_CLOSE -> {
            connect.halfClose();
            schedule(this::endOverdue, options.endTimeout().toNanos());
          }
          case CANCEL -> connect.cancel(why == null ? "no stub is left" : why, null);
          case REST -> {
            if (wait > 0) {
              tickIn(wait);
            }
            return;
          }
        }
      } catch (RuntimeException | Error e) {
        LOGGER.log(Level.WARNING, "A shared call can't be written to.", e);
        FailureCause fault =
            FailureCause.of(Reasons.CLIENT_FAULT, Status.Code.INTERNAL, "can't write: " + e, false);
        synchronized (lock) {
          handBack();
        }
        lose(lane -> lane.session().end(fault, Fate.UNKNOWN), "can't write: " + e);
      }
    }
  }

  private void send(ClientCall<EncodedFrame, EncodedFrame> connect, long now) {
    LaneMessage message = new LaneMessage();
    synchronized (lock) {
      Long cancelled = ledger.cancellation();
      for (int i = 1; cancelled != null; i++) {
        message.add(LaneRequest.ofCancel(cancelled));
        cancelled = i < CANCELLATIONS ? ledger.cancellation() : null;
      }
      inHand = ledger.line();
    }
    boolean full;
    do {
      full = fill(message);
    } while (goesOn(message, full, now));
    if (!message.isEmpty()) {
      hasSent = true;
      connect.sendMessage(message.encode());
    }
  }

  /** Puts into a message what those in hand have. True if there is no room for the next one. */
  private boolean fill(LaneMessage message) {
    while (!inHand.isEmpty()) {
      switch (inHand.element().putInto(message, this)) {
        case DONE -> inHand.remove();
        case HAS_MORE -> again.add(inHand.remove());
        case NO_ROOM -> {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether more is to be put into this message. If not, it is taken for sent. */
  private boolean goesOn(LaneMessage message, boolean full, long now) {
    synchronized (lock) {
      handBack();
      if (!full && ledger.inLine() > 0 && !ledger.isOver()) {
        inHand = ledger.line();
        return true;
      }
      if (!message.isEmpty()) {
        ledger.sending(message.awaitsAnswer(), now);
      }
    }
    return false;
  }

  /** Under the lock. */
  private void handBack() {
    ledger.putBack(inHand, again);
    inHand = new ArrayDeque<>(0);
    again.clear();
  }

  /** Gives the next number to a lane. False if it is not to be sent anything. */
  boolean open(Lane lane) {
    synchronized (lock) {
      if (lane.isGone() || ledger.isOver()) {
        return false;
      }
      lane.number(ledger.open(lane));
      return true;
    }
  }

  /** Starts the call outside of any caller's context. Null if it can't. */
  private @Nullable ClientCall<EncodedFrame, EncodedFrame> start() {
    int maxMessageBytes =
        (int)
            Math.min(
                Integer.MAX_VALUE,
                BESIDE_FRAME_BYTES
                    + Math.max(
                        (long) LaneMessages.FULL_MESSAGE_BYTES, options.maxInboundFrameBytes()));
    CallOptions callOptions =
        CallOptions.DEFAULT
            .withMaxInboundMessageSize(maxMessageBytes)
            .withStreamTracerFactory(new Tracing())
            .withExecutor(MoreExecutors.directExecutor()); // The inbox has its own.
    Context previous = Context.ROOT.attach();
    try {
      ClientCall<EncodedFrame, EncodedFrame> connect =
          calls.channel().newCall(CONNECT_MANY, callOptions);
      call = connect;
      connect.start(this, new Metadata());
      connect.request(Integer.MAX_VALUE);
      return connect;
    } catch (RuntimeException | Error e) {
      LOGGER.log(Level.WARNING, "A shared call can't be started.", e);
      FailureCause fault =
          FailureCause.of(
              Reasons.CLIENT_FAULT,
              Status.Code.INTERNAL,
              "can't start the stub's call: " + e,
              false);
      lose(lane -> lane.session().end(fault, Fate.NOT_EXECUTED), null);
      return null;
    } finally {
      Context.ROOT.detach(previous);
    }
  }

  // ---- the transport's thread ------------------------------------------------------------------

  @Override
  public void onReady() {
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
      end(lane -> lane.session().connectionEnded(lost, trailers));
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
  private void lose(Consumer<Lane> end, @Nullable String why) {
    synchronized (lock) {
      if (ledger.isOver()) {
        return;
      }
      inbox.drop();
      cancel = why;
    }
    end(end);
  }

  private void end(Consumer<Lane> forThoseLeft) {
    synchronized (lock) {
      if (ledger.isOver()) {
        return;
      }
      ledger.end();
      inbox.end(forThoseLeft);
    }
    flush();
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

  private void tickIn(long nanos) {
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

  /** Learns whether there is a connection. */
  private final class Tracing extends ClientStreamTracer.Factory {
    @Override
    public ClientStreamTracer newClientStreamTracer(
        ClientStreamTracer.StreamInfo info, Metadata headers) {
      return new ClientStreamTracer() {
        @Override
        public void streamCreated(Attributes transport, Metadata sent) {
          connected = true;
        }
      };
    }
  }
}
