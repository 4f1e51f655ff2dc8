package dev.seriatim.conformance;

import com.google.protobuf.Message;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Outcome;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * One call of {@code ConnectMany}, whose messages are sent as a test says, and whose answers wait
 * for it. For one thread; answers come on gRPC's.
 */
final class ManyConversation {
  private static final int PATIENCE_SECONDS = 30;

  private final ClientCall<ConnectManyRequest, ConnectManyResponse> call;
  private final BlockingQueue<LaneResponse> parts = new LinkedBlockingQueue<>();
  private final BlockingQueue<Status> end = new LinkedBlockingQueue<>();

  /** How many invocations each lane was sent. */
  private final Map<Long, Long> sent = new HashMap<>();

  ManyConversation(ManagedChannel channel) {
    call = channel.newCall(DurableObjectsGrpc.getConnectManyMethod(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(ConnectManyResponse message) {
            parts.addAll(message.getLanesList());
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            end.add(status);
          }
        },
        new Metadata());
    call.request(Integer.MAX_VALUE);
  }

  // ---- parts

  /** Opens a stub on a probe. */
  LaneRequest open(long lane, String name) {
    return part(lane)
        .setFrame(
            ConnectRequest.newBuilder()
                .setOpen(Open.newBuilder().setNamespace("PROBE").setName(name)))
        .build();
  }

  /** Calls the method of the probe that takes this, as often as there are such. */
  LaneRequest call(long lane, Message... requests) {
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    for (Message request : requests) {
      frame.addInvocations(
          Invocation.newBuilder()
              .setSequence(sent.merge(lane, 1L, Long::sum))
              .setMethod(ProbeMethods.nameFor(request.getDescriptorForType()))
              .setMessage(request.toByteString()));
    }
    return part(lane).setFrame(frame).build();
  }

  LaneRequest.Builder part(long lane) {
    return LaneRequest.newBuilder().setLane(lane);
  }

  // ---- there

  void send(LaneRequest... all) {
    ConnectManyRequest.Builder message = ConnectManyRequest.newBuilder();
    for (LaneRequest part : all) {
      message.addLanes(part);
    }
    send(message.build());
  }

  void send(ConnectManyRequest message) {
    call.sendMessage(message);
  }

  // ---- and back

  /** The next part of any lane. */
  LaneResponse next(String what) throws InterruptedException {
    LaneResponse part = parts.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (part == null) {
      throw new AssertionError(what + " never came; the call's end: " + end.peek());
    }
    return part;
  }

  /** The next part, which must be one of this lane. */
  LaneResponse next(long lane, String what) throws InterruptedException {
    LaneResponse part = next(what);
    if (part.getLane() != lane) {
      throw new AssertionError("expected %s on lane %d, got %s".formatted(what, lane, part));
    }
    return part;
  }

  /** The next outcome, which must be the only one in its part. */
  Outcome outcome(long lane) throws InterruptedException {
    LaneResponse part = next(lane, "an outcome");
    if (part.getFrame().getOutcomesCount() != 1) {
      throw new AssertionError("expected one outcome on lane %d, got %s".formatted(lane, part));
    }
    return part.getFrame().getOutcomes(0);
  }

  /** How the call ends. */
  Status end() throws InterruptedException {
    Status status = end.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (status == null) {
      throw new AssertionError("the end of the call never came; parts: " + parts);
    }
    return status;
  }

  void halfClose(long lane) {
    send(part(lane).setHalfClose(true).build());
  }

  boolean nothingCame() {
    return parts.isEmpty();
  }
}
