package dev.seriatim.service.connect;

import com.google.rpc.Status;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.Outcome;
import dev.seriatim.wire.ResponseEncoder;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One {@code Connect} call, which is one stub.
 *
 * <p>gRPC calls the listener's methods one at a time, on the transport's thread; they only check
 * and enqueue, and never run the object's code. What takes longer, the reading of a large frame,
 * goes by a {@link Detour}, and while something is there all else follows it in order. Until the
 * stub is open, it is this one thread that writes; from then on it is whoever flushes the {@link
 * Session}.
 *
 * <p>Frames are always read, whatever is queued: a stream that isn't read would hold the
 * flow-control window of the connection, and with it every other stub there. What is too much
 * breaks the stub.
 */
final class StubCall extends ServerCall.Listener<Arrived> implements Attachment, Arrivals.Owner {
  private static final Logger logger = Logger.getLogger(StubCall.class.getName());

  private static final int REQUEST_CHUNK = 32;

  private final ServerCall<Arrived, EncodedFrame> call;
  private final ConnectService service;

  /** Whether the call is counted among those that are open. */
  private final boolean counted;

  // The transport thread's own.
  private @Nullable Detour detour;
  private byte received;

  /** Whether frames that come are dropped. Written by the transport's thread. */
  private volatile boolean dropping;

  // Those of the transport's thread, or of the one that the detour has, as long as it isn't empty.
  private @Nullable SessionInput stub;
  private boolean refused;

  /** Serves a call that has just come. */
  StubCall(ServerCall<Arrived, EncodedFrame> call, ConnectService service) {
    this.call = call;
    this.service = service;
    call.sendHeaders(new Metadata());
    Connection connection = Connection.of(call.getAttributes());
    BreakCause tooMany = null;
    if (connection != null) {
      connection.own(this);
      tooMany = connection.oneTooMany();
    }
    OpenCalls calls = service.stubs();
    counted = tooMany == null && calls != null && calls.begin();
    if (tooMany == null && calls != null && !counted) {
      tooMany = calls.refusal();
    }
    if (tooMany != null) {
      refuse(tooMany);
    }
    call.request(2 * REQUEST_CHUNK);
  }

  /** Ends the call before there is a stub. */
  private void refuse(BreakCause cause) {
    refused = true;
    send(List.of(), cause.toBroken(/* completedThrough= */ 0));
    close(cause.toEnd());
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
      // Not by inOrder: nearly every frame comes this way, and would take an object.
      case Frame frame when busyDetour() == null -> take(frame);
      case Frame frame -> inOrder(() -> take(frame));
      case LargeFrame frame -> readElsewhere(frame);
    }
  }

  @Override
  public void overloaded(BreakCause cause) {
    dropping = true;
    inOrder(() -> fail(cause));
  }

  @Override
  public void onHalfClose() {
    inOrder(this::halfClosed);
  }

  @Override
  public void onCancel() {
    ended();
    dropping = true;
    inOrder(this::cancelled);
  }

  @Override
  public void onComplete() {
    ended();
    inOrder(this::completed);
  }

  @Override
  public void onReady() {
    inOrder(this::ready);
  }

  private void ended() {
    OpenCalls calls = service.stubs();
    if (counted && calls != null) {
      calls.end();
    }
  }

  /** Where what came before still is; null if all of it has been done. */
  private @Nullable Detour busyDetour() {
    return detour == null || detour.isEmpty() ? null : detour;
  }

  private void inOrder(Runnable event) {
    Detour busy = busyDetour();
    if (busy == null) {
      event.run();
    } else {
      busy.add(event);
    }
  }

  private void readElsewhere(LargeFrame frame) {
    Executor readers = service.readers();
    Connection connection = Connection.of(call.getAttributes());
    ArrivalBudget.Part budget = connection == null ? null : connection.budget();
    if (readers == null || budget == null) {
      inOrder(() -> take(frame.read()));
      return;
    }
    budget.hold(frame.size());
    if (budget.isOver()) {
      budget.hold(-frame.size());
      overloaded(
          BreakCause.of(
              BreakReason.OVERLOADED,
              "no room for a frame of %,d bytes: %s".formatted(frame.size(), budget.refusal())));
      return;
    }
    if (detour == null) {
      detour = new Detour(readers);
    }
    detour.add(
        () -> {
          try {
            if (!dropping) {
              take(read(frame));
            }
          } finally {
            budget.hold(-frame.size());
          }
        });
  }

  // ---- the same, or the thread that reads elsewhere

  private static Frame read(LargeFrame frame) {
    try {
      return frame.read();
    } catch (OutOfMemoryError e) {
      logger.log(Level.WARNING, "a frame could not be read", e);
      return FrameMarshaller.overloaded(
          frame.size(), "there was no memory to read a frame of %,d bytes".formatted(frame.size()));
    }
  }

  private void take(Frame frame) {
    if (refused) {
      return;
    }
    if (stub == null) {
      stub = open(frame);
      if (stub == null) {
        return;
      }
    } else if (frame.request().open() != null) {
      stub.fail(
          BreakCause.of(
              BreakReason.PROTOCOL_VIOLATION,
              "a later frame has open, expected it in the first frame only"));
    }
    if (!frame.request().invocations().isEmpty()) {
      stub.add(frame.request().invocations(), frame.bytes());
    }
    if (frame.fault() != null) {
      stub.fail(frame.fault());
    }
  }

  private @Nullable SessionInput open(Frame frame) {
    Open object = frame.request().open();
    Placement placement = service.placement();
    try {
      if (frame.fault() != null && object == null) {
        throw new BreakException(frame.fault());
      }
      BreakCause refusal = placement.refusal();
      if (refusal != null) {
        throw new BreakException(refusal);
      }
      if (object == null) {
        throw new BreakException(
            BreakCause.of(
                BreakReason.PROTOCOL_VIOLATION, "the first frame has no open, expected one"));
      }
      ObjectAddress address = service.namespaces().resolve(object);
      Opened.Builder opened = Opened.newBuilder().setId(address.id().toString());
      address.id().name().ifPresent(opened::setName);
      call.sendMessage(EncodedFrame.of(ConnectResponse.newBuilder().setOpened(opened).build()));
      return placement.open(address, this);
    } catch (BreakException e) {
      refuse(e.cause());
      return null;
    }
  }

  private void fail(BreakCause cause) {
    if (stub != null) {
      stub.fail(cause);
    } else if (!refused) {
      refuse(cause);
    }
  }

  private void halfClosed() {
    if (stub != null) {
      stub.halfClose();
    } else if (!refused) {
      refused = true;
      close(Status.getDefaultInstance());
    }
  }

  private void cancelled() {
    if (stub != null) {
      stub.cancel();
    }
  }

  private void completed() {
    if (stub != null) {
      stub.onDelivered();
    }
  }

  private void ready() {
    if (stub != null) {
      stub.onReady();
    }
  }

  // ---- called by the stub's queue, one thread at a time

  @Override
  public boolean isReady() {
    return call.isReady();
  }

  @Override
  public void send(List<Outcome> outcomes, @Nullable Broken broken) {
    call.sendMessage(ResponseEncoder.encode(outcomes, broken));
  }

  @Override
  public void close(Status end) {
    call.close(Statuses.of(end), new Metadata());
  }
}
