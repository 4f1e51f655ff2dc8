package dev.seriatim.service.connect;

import dev.seriatim.service.object.BreakCause;
import dev.seriatim.service.object.BreakException;
import dev.seriatim.service.object.BreakReason;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.object.OutcomeSink;
import dev.seriatim.service.object.StubQueue;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.Outcome;
import dev.seriatim.wire.ResponseEncoder;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One {@code Connect} call, which is one stub.
 *
 * <p>gRPC calls the listener's methods one at a time, on the transport's thread; they only check
 * and enqueue, and never run the object's code. Until the stub is open, the transport's thread is
 * the one that writes; from then on it is whoever flushes the {@link StubQueue}.
 *
 * <p>Frames are always read, whatever is queued: a stream that isn't read would hold the
 * flow-control window of the connection, and with it every other stub there. What is too much
 * breaks the stub.
 */
final class StubCall extends ServerCall.Listener<Frame> implements OutcomeSink {
  private static final int REQUEST_CHUNK = 32;

  private final ServerCall<Frame, EncodedFrame> call;
  private final ObjectDirectory directory;
  private final boolean local;

  // The transport thread's own.
  private @Nullable StubQueue stub;
  private boolean refused;
  private int received;

  StubCall(ServerCall<Frame, EncodedFrame> call, ObjectDirectory directory, boolean local) {
    this.local = local;
    this.call = call;
    this.directory = directory;
    call.sendHeaders(new Metadata());
    call.request(2 * REQUEST_CHUNK);
  }

  @Override
  public void onMessage(Frame frame) {
    if (++received % REQUEST_CHUNK == 0) {
      call.request(REQUEST_CHUNK);
    }
    if (refused) {
      return;
    }
    if (stub == null) {
      stub = open(frame);
      if (stub == null) {
        refused = true;
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

  private @Nullable StubQueue open(Frame frame) {
    Open object = frame.request().open();
    try {
      if (frame.fault() != null && object == null) {
        throw new BreakException(frame.fault());
      }
      // An object's own calls belong to a turn that is to end well.
      if (directory.isDraining() && !local) {
        throw new BreakException(ObjectDirectory.drainCause());
      }
      if (object == null) {
        throw new BreakException(
            BreakCause.of(
                BreakReason.PROTOCOL_VIOLATION, "the first frame has no open, expected one"));
      }
      ObjectAddress address = directory.resolve(object);
      Opened.Builder opened = Opened.newBuilder().setId(address.id().toString());
      address.id().name().ifPresent(opened::setName);
      call.sendMessage(EncodedFrame.of(ConnectResponse.newBuilder().setOpened(opened).build()));
      return directory.open(address, this, local);
    } catch (BreakException e) {
      send(List.of(), e.cause().toBroken(/* completedThrough= */ 0));
      close(e.cause().toStatus());
      return null;
    }
  }

  @Override
  public void onHalfClose() {
    if (stub != null) {
      stub.halfClose();
    } else if (!refused) {
      refused = true;
      close(Status.OK);
    }
  }

  @Override
  public void onCancel() {
    if (stub != null) {
      stub.cancel();
    }
  }

  @Override
  public void onComplete() {
    if (stub != null) {
      stub.transportIsDone();
    }
  }

  @Override
  public void onReady() {
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
  public void close(Status status) {
    call.close(status, new Metadata());
  }
}
