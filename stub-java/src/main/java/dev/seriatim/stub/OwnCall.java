package dev.seriatim.stub;

import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.RequestEncoder;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What carries a stub by default: a {@code Connect} call of its own.
 *
 * <p>Threads: everything done to the {@code ClientCall} but {@code request} is done by the writer,
 * the one thread that has claimed that role under the session's lock. Everything that the {@code
 * ClientCall} tells comes to the {@link Receiver}, one event at a time.
 */
final class OwnCall extends Link {
  private static final Logger LOGGER = Logger.getLogger(OwnCall.class.getName());

  /** A frame with so many bytes takes no other call, though more may leave at once. */
  private static final int FULL_FRAME_BYTES = 128 << 10;

  /** Frames asked for ahead. A host that answers our few unanswered frames never needs more. */
  private static final int INBOUND_CHUNK = 16;

  private static final PendingCall[] NO_CALLS = {};

  private static final MethodDescriptor<EncodedFrame, ResponseFrame> CONNECT =
      DurableObjectsGrpc.getConnectMethod().toBuilder(
              EncodedFrame.MARSHALLER, ResponseFrame.MARSHALLER)
          .build();

  private final Session session;
  private final Object lock; // The session's, and so is the ledger under it.
  private final Ledger ledger;
  private final Channel channel;

  // Guarded by the lock.
  private boolean writing;
  private boolean writeAgain; // Something changed that the writer may have looked at already.

  // Owned by the writer.
  private @Nullable ClientCall<EncodedFrame, ResponseFrame> call;
  private @Nullable Open open; // Until it has been sent.

  private final ConnectionWatch connection = new ConnectionWatch();

  OwnCall(
      Session session,
      Object lock,
      Ledger ledger,
      Channel channel,
      ClientOptions options,
      Open open) {
    super(options);
    this.session = session;
    this.lock = lock;
    this.ledger = ledger;
    this.channel = channel;
    this.open = open;
  }

  /** Makes the caller the writer; or has the one that there is look again. */
  @Override
  @Nullable Link claim() {
    if (writing) {
      writeAgain = true;
      return null;
    }
    writing = true;
    return this;
  }

  /** The writer will see the call without being told, since it rests only under the lock. */
  @Override
  @Nullable Link claimForCall() {
    if (writing) {
      return null;
    }
    writing = true;
    return this;
  }

  @Override
  FailureCause openOverdue(boolean hasLeft) {
    return openOverdue(hasLeft, connection.isConnected());
  }

  // ---- the writer ------------------------------------------------------------------------------

  /**
   * Does all that is to be done to the call by now.
   *
   * <p>Nothing is sent before the call is ready: until a connection is there, and has room for the
   * call, it isn't. So calls that never left are known not to have been executed.
   */
  @Override
  void write() {
    ClientCall<EncodedFrame, ResponseFrame> connect = call;
    if (connect == null) {
      connect = start();
      if (connect == null) {
        return;
      }
    }
    while (true) {
      boolean ready = connect.isReady();
      Sending.Step step;
      PendingCall[] frame = NO_CALLS;
      long acknowledged = 0;
      FailureCause broken;
      synchronized (lock) {
        if (!session.isCarriedBy(this)) {
          return; // The call has ended, and another one does what is left.
        }
        step = ledger.sending().next(ready);
        broken = ledger.cause();
        if (step == Sending.Step.SEND) {
          frame = ledger.sending().nextFrame();
          acknowledged = ledger.sending().acknowledge(frame);
        } else if (step == Sending.Step.REST) {
          if (!writeAgain) {
            writing = false;
            return;
          }
          writeAgain = false;
          continue;
        }
      }
      try {
        switch (step) {
          case SEND -> send(connect, frame, acknowledged);
          case HALF_CLOSE -> connect.halfClose();
          case CANCEL ->
              connect.cancel(broken == null ? "the stub has ended" : broken.message(), null);
          case REST -> throw new AssertionError();
        }
      } catch (RuntimeException | Error e) {
        LOGGER.log(Level.WARNING, "A stub can't write to its call.", e);
        session.breakFromWriter(
            this,
            FailureCause.of(
                Reasons.CLIENT_FAULT, Status.Code.INTERNAL, "can't write: " + e, false));
      }
    }
  }

  /** Of large calls in several frames: what fits into a processor's cache is read sooner. */
  private void send(
      ClientCall<EncodedFrame, ResponseFrame> connect, PendingCall[] calls, long acknowledged) {
    int from = 0;
    do {
      int to = endOfFrame(calls, from);
      RequestEncoder frame = new RequestEncoder(open, to - from);
      open = null;
      for (int i = from; i < to; i++) {
        calls[i].writeTo(frame);
      }
      frame.acknowledge(from == 0 ? acknowledged : 0);
      connect.sendMessage(frame.encode());
      from = to;
    } while (from < calls.length);
  }

  /** Behind the last call of the frame that begins with this one. */
  private static int endOfFrame(PendingCall[] calls, int from) {
    int to = from;
    long bytes = 0;
    while (to < calls.length) {
      bytes += calls[to].bytes();
      if (to > from && bytes > FULL_FRAME_BYTES) {
        break;
      }
      to++;
    }
    return to;
  }

  /** Starts the call outside of the caller's context: a stub outlives its first caller. */
  private @Nullable ClientCall<EncodedFrame, ResponseFrame> start() {
    CallOptions callOptions =
        CallOptions.DEFAULT
            .withMaxInboundMessageSize(options().maxInboundFrameBytes())
            .withStreamTracerFactory(connection);
    if (options().executor() != null) {
      callOptions = callOptions.withExecutor(options().executor());
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
      session.end(
          FailureCause.of(
              Reasons.CLIENT_FAULT,
              Status.Code.INTERNAL,
              "can't start the stub's call: " + e,
              false),
          Fate.UNKNOWN); // What was sent, if anything was, was so on an earlier one.
      return null; // Nobody else may write either, so the claim is kept.
    } finally {
      Context.ROOT.detach(previous);
    }
  }

  // ---- the receiver ----------------------------------------------------------------------------

  private final class Receiver extends ClientCall.Listener<ResponseFrame> {
    private final ClientCall<EncodedFrame, ResponseFrame> connect;
    private int received;

    Receiver(ClientCall<EncodedFrame, ResponseFrame> connect) {
      this.connect = connect;
    }

    @Override
    public void onReady() {
      session.kick();
    }

    @Override
    public void onMessage(ResponseFrame frame) {
      if (++received == INBOUND_CHUNK / 2) {
        received = 0;
        connect.request(INBOUND_CHUNK / 2);
      }
      session.receive(frame);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      session.connectionEnded(OwnCall.this, status, trailers);
    }
  }
}
