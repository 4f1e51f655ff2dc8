package dev.seriatim.conformance.attack;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Value;
import com.google.rpc.ErrorInfo;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.TimeUnit;

/** A stub as bare frames, which keeps no promise of a client library. */
final class FrameStub {
  private final ClientCall<ConnectRequest, ConnectResponse> call;
  private final Stage stage;
  private final boolean reads;

  // The sender's own.
  private long sequence;

  // Guarded by this.
  private int outcomes;
  private boolean over;

  private FrameStub(ClientCall<ConnectRequest, ConnectResponse> call, Stage stage, boolean reads) {
    this.call = call;
    this.stage = stage;
    this.reads = reads;
  }

  /** Opens a stub on a target of this name. */
  static FrameStub open(Stage stage, Channel channel, String name) {
    return open(stage, channel, name, /* reads= */ true, CallOptions.DEFAULT);
  }

  /**
   * Opens a stub.
   *
   * @param reads whether it reads more than the first frame
   */
  static FrameStub open(
      Stage stage, Channel channel, String name, boolean reads, CallOptions options) {
    FrameStub stub =
        new FrameStub(
            channel.newCall(DurableObjectsGrpc.getConnectMethod(), options), stage, reads);
    stub.call.start(stub.new Listener(), new Metadata());
    stub.call.setMessageCompression(options.getCompressor() != null);
    stub.call.request(1);
    stub.call.sendMessage(ConnectRequest.newBuilder().setOpen(target(name)).build());
    return stub;
  }

  static Open target(String name) {
    return Open.newBuilder().setNamespace(TargetNamespace.NAME).setName(name).build();
  }

  private final class Listener extends ClientCall.Listener<ConnectResponse> {
    @Override
    public void onMessage(ConnectResponse frame) {
      if (frame.hasBroken()) {
        stage.answered(reason(frame.getBroken().getCause().getDetailsList()));
      }
      synchronized (FrameStub.this) {
        outcomes += frame.getOutcomesCount();
        FrameStub.this.notifyAll();
      }
      if (reads) {
        call.request(1);
      }
    }

    @Override
    public void onReady() {
      wake();
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (!status.isOk()) {
        stage.answered(status.getCode().name());
      }
      synchronized (FrameStub.this) {
        over = true;
      }
      wake();
    }
  }

  private static String reason(java.util.List<Any> details) {
    try {
      return details.isEmpty() ? "no reason" : details.get(0).unpack(ErrorInfo.class).getReason();
    } catch (InvalidProtocolBufferException e) {
      return "no reason";
    }
  }

  private synchronized void wake() {
    notifyAll();
  }

  // ---- the sender

  /** One invocation of this method, which is the next. */
  Invocation.Builder invocation(String method) {
    return Invocation.newBuilder().setSequence(++sequence).setMethod(method);
  }

  /** Sends an invocation in a frame of its own. */
  @CanIgnoreReturnValue
  FrameStub invoke(String method, MessageLite argument) {
    return frame(invocation(method).setMessage(argument.toByteString()));
  }

  /** Sends an invocation in a frame of its own. */
  @CanIgnoreReturnValue
  FrameStub invoke(String method, MessageLite argument, Duration timeout) {
    return frame(invocation(method).setMessage(argument.toByteString()).setTimeout(timeout));
  }

  /** Sends an invocation with JSON in a frame of its own. */
  @CanIgnoreReturnValue
  FrameStub invoke(String method, Value argument) {
    return frame(invocation(method).setJson(argument));
  }

  private FrameStub frame(Invocation.Builder invocation) {
    return send(ConnectRequest.newBuilder().addInvocations(invocation).build());
  }

  @CanIgnoreReturnValue
  FrameStub send(ConnectRequest frame) {
    call.sendMessage(frame);
    return this;
  }

  /** Waits until the transport takes more, or the stub is over, or so long. */
  synchronized boolean awaitReady(long millis) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    while (!over && !call.isReady()) {
      long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0) {
        return false;
      }
      wait(left);
    }
    return !over;
  }

  /** Waits until so many outcomes have come, or the stub is over, or so long. */
  @CanIgnoreReturnValue
  synchronized boolean awaitOutcomes(int count, long millis) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    while (!over && outcomes < count) {
      long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0) {
        return false;
      }
      wait(left);
    }
    return outcomes >= count;
  }

  void cancel() {
    call.cancel("as the attack wants", null);
  }

  void halfClose() {
    call.halfClose();
  }

  synchronized boolean isOver() {
    return over;
  }
}
