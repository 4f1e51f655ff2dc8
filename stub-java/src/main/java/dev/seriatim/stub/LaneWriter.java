package dev.seriatim.stub;

import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes to the call of a {@link SharedCall}: starts it, gathers what its lanes have to send into
 * messages, and ends it. Does what the {@link SharedLedger} says is next.
 *
 * <p>Threads: everything done to the {@code ClientCall} but {@code request} is done by the one
 * thread that has claimed to write, under the shared call's lock.
 */
final class LaneWriter {
  private static final Logger LOGGER = Logger.getLogger(LaneWriter.class.getName());

  /** What a message takes beside the frame of a single part, which may be as long as it may. */
  private static final int BESIDE_FRAME_BYTES = 64 << 10;

  /** The most cancellations in one message. */
  private static final int CANCELLATIONS = 4_096;

  private static final MethodDescriptor<EncodedFrame, EncodedFrame> CONNECT_MANY =
      DurableObjectsGrpc.getConnectManyMethod().toBuilder(
              EncodedFrame.MARSHALLER, EncodedFrame.MARSHALLER)
          .build();

  private final SharedCall owner;
  private final Object lock; // The shared call's, and so is the ledger under it.
  private final SharedLedger<Lane> ledger;
  private final SharedCalls calls;
  private final ClientOptions options;

  // Guarded by the lock.
  private boolean writing;
  private boolean writeAgain; // Something changed that the writer may have looked at already.
  private @Nullable String cancel; // Why the call is to be cancelled.

  // Owned by who writes.
  private @Nullable ClientCall<EncodedFrame, EncodedFrame> call;
  private ArrayDeque<Lane> inHand = new ArrayDeque<>(); // Taken out of the line,
  private final List<Lane> again = new ArrayList<>(); // and to stand there again.

  private final ConnectionWatch connection = new ConnectionWatch();
  private volatile boolean hasSent;

  LaneWriter(SharedCall owner, Object lock, SharedLedger<Lane> ledger, SharedCalls calls) {
    this.owner = owner;
    this.lock = lock;
    this.ledger = ledger;
    this.calls = calls;
    this.options = calls.options();
  }

  boolean hasSent() {
    return hasSent;
  }

  boolean isConnected() {
    return connection.isConnected();
  }

  // ---- under the lock --------------------------------------------------------------------------

  /** Has the caller {@link #write}; or has who does look again. */
  boolean claim() {
    if (writing) {
      writeAgain = true;
      return false;
    }
    writing = true;
    return true;
  }

  /** The call is to be cancelled, for this reason; null if it isn't there. */
  void cancel(@Nullable String why) {
    cancel = why;
  }

  boolean hasToCancel() {
    return cancel != null;
  }

  // ---- who writes ------------------------------------------------------------------------------

  /** Does all that is to be done to the call by now. Only for who has the claim. */
  void write() {
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
          if (ledger.awaitsTime() && ledger.untilMayLeave(now) > 0 && owner.claimTick()) {
            wait = ledger.untilMayLeave(now);
          }
        }
      }
      try {
        switch (step) {
          case SEND -> send(connect, now);
          case HALF_CLOSE -> {
            connect.halfClose();
            owner.expectEnd();
          }
          case CANCEL -> connect.cancel(why == null ? "no stub is left" : why, null);
          case REST -> {
            if (wait > 0) {
              owner.tickIn(wait);
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
        owner.lose(lane -> lane.session().end(fault, Fate.UNKNOWN), "can't write: " + e);
      }
    }
  }

  private void send(ClientCall<EncodedFrame, EncodedFrame> connect, long now) {
    LaneMessage message;
    synchronized (lock) {
      message = new LaneMessage(ledger.period());
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
        ledger.sending(message.awaitsAnswer(), message.waitingLanes(), now);
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
            .withStreamTracerFactory(connection)
            .withExecutor(MoreExecutors.directExecutor()); // The inbox has its own.
    Context previous = Context.ROOT.attach();
    try {
      ClientCall<EncodedFrame, EncodedFrame> connect =
          calls.channel().newCall(CONNECT_MANY, callOptions);
      call = connect;
      connect.start(owner, new Metadata());
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
      owner.lose(lane -> lane.session().end(fault, Fate.UNKNOWN), null);
      return null;
    } finally {
      Context.ROOT.detach(previous);
    }
  }
}
