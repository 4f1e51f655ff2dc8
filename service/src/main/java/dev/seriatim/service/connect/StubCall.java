package dev.seriatim.service.connect;

import com.google.rpc.Status;
import dev.seriatim.service.Caller;
import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.caller.Refusal;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.Outcome;
import dev.seriatim.wire.ResponseEncoder;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One {@code Connect} call, which is one stub.
 *
 * <p>gRPC calls the listener's methods one at a time, on the transport's thread; they only check
 * and enqueue, and never run the object's code. What takes longer, the reading of a large frame,
 * goes by a {@link Detour}, and while something is there all else follows it in order.
 *
 * <p>Frames are always read, whatever is queued: a stream that isn't read would hold the
 * flow-control window of the connection, and with it every other stub there. What is too much
 * breaks the stub.
 */
final class StubCall extends ServerCall.Listener<Arrived> implements Arrivals.Owner {
  private static final Logger logger = LoggerFactory.getLogger(StubCall.class);

  private static final int REQUEST_CHUNK = 32;

  private final ServerCall<Arrived, EncodedFrame> call;
  private final ConnectService service;

  /** Among whose calls, and among whose stubs, it is counted; null if it isn't. */
  private final @Nullable Caller counted;

  /** Whether it is counted among those that were refused, and may not have been told yet. */
  private final boolean refused;

  // The transport thread's own.
  private final Detour inOrder = new Detour();
  private byte received;

  /** Whether frames that come are dropped. Written by the transport's thread. */
  private volatile boolean dropping;

  /** The transport's thread's, or that of the one that the detour has, as long as it has any. */
  private final Reader stub;

  /** Serves a call that has just come. */
  StubCall(ServerCall<Arrived, EncodedFrame> call, ConnectService service) {
    this.call = call;
    this.service = service;
    Identity identity = Identity.current();
    this.stub = new Reader(service, identity);
    Connection connection = Connection.of(call.getAttributes());
    Refusal unknown = identity.refusal();
    BreakCause refusal = unknown == null ? null : BreakCause.of(unknown);
    if (connection != null) {
      connection.own(this);
      refusal = refusal == null ? connection.oneTooMany() : refusal;
    }
    refusal = refusal == null ? service.beginStub(identity.caller(), connection) : refusal;
    counted = refusal == null ? identity.caller() : null;
    refused = refusal != null && service.beginRefusal();
    if (refusal == null) {
      call.sendHeaders(new Metadata());
    } else if (refused) {
      call.sendHeaders(new Metadata());
      stub.refuse(refusal);
    } else {
      stub.refuseBriefly(refusal); // A frame would wait here for a client that reads none.
    }
    call.request(2 * REQUEST_CHUNK);
  }

  // ---- the transport's thread

  @Override
  public void onMessage(Arrived arrived) {
    if (++received == REQUEST_CHUNK) {
      received = 0;
      call.request(REQUEST_CHUNK);
    }
    if (dropping) {
      return;
    }
    switch (arrived) {
      // Not by run: nearly every frame comes this way, and would take an object.
      case Frame frame when inOrder.isEmpty() -> stub.take(frame);
      case Frame frame -> inOrder.run(service.readers(), () -> stub.take(frame));
      case LargeFrame frame -> readElsewhere(frame);
    }
  }

  @Override
  public void overloaded(BreakCause cause) {
    dropping = true;
    inOrder.run(service.readers(), () -> stub.fail(cause));
  }

  @Override
  public void onHalfClose() {
    inOrder.run(service.readers(), stub::halfClosed);
  }

  @Override
  public void onCancel() {
    ended();
    dropping = true;
    inOrder.run(service.readers(), stub::cancelled);
  }

  @Override
  public void onComplete() {
    ended();
    inOrder.run(service.readers(), stub::delivered);
  }

  @Override
  public void onReady() {
    inOrder.run(service.readers(), stub::ready);
  }

  private void ended() {
    stub.ended();
    if (counted != null) {
      service.endStub(counted, Connection.of(call.getAttributes()));
    }
    if (refused) {
      service.endRefusal();
    }
  }

  private void readElsewhere(LargeFrame frame) {
    Connection connection = Connection.of(call.getAttributes());
    BreakCause noRoom =
        inOrder.runOn(
            service.readers(),
            connection == null ? null : connection.budget(),
            frame.size(),
            () -> {
              if (!dropping) {
                stub.take(read(frame));
              }
              return null;
            });
    if (noRoom != null) {
      overloaded(noRoom);
    }
  }

  // ---- the same, or the thread that reads elsewhere

  private static Frame read(LargeFrame frame) {
    try {
      return frame.read();
    } catch (OutOfMemoryError e) {
      logger.warn("a frame could not be read", e);
      return FrameMarshaller.overloaded(
          frame.size(), "there was no memory to read a frame of %,d bytes".formatted(frame.size()));
    }
  }

  /** The stub of the call. */
  private final class Reader extends StubReader {
    Reader(ConnectService service, Identity identity) {
      super(service.authorization(), identity);
    }

    @Override
    ConnectService service() {
      return service;
    }

    @Override
    public void sendOpened(Opened opened) {
      call.sendMessage(EncodedFrame.of(ConnectResponse.newBuilder().setOpened(opened).build()));
    }

    // ---- called by the session, one thread at a time

    @Override
    public boolean isOnTransport() {
      return Connection.of(call.getAttributes()) != null;
    }

    @Override
    public String peer() {
      return PeerAddress.of(call.getAttributes());
    }

    @Override
    public boolean isReady() {
      return call.isReady();
    }

    @Override
    public void send(List<Outcome> outcomes, @Nullable Broken broken) {
      call.sendMessage(ResponseEncoder.encode(outcomes, broken));
    }

    @Override
    public void sendFrame(EncodedFrame frame) {
      call.sendMessage(frame);
    }

    @Override
    public void close(Status end) {
      if (end.getDetailsCount() == 0) {
        call.close(Statuses.of(end), new Metadata());
      } else {
        StatusTrailers.close(call, end);
      }
    }
  }
}
