package dev.seriatim.conformance;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One call of {@code ConnectMany}, as plain as it gets. Checks what the host must do on every such
 * call; one that does something else ends with UNKNOWN, and so do all its lanes. Fields without
 * another word are guarded by {@code this}.
 */
final class ManyLanes extends ClientCall.Listener<ConnectManyResponse> {
  private static final int FULL_MESSAGE_BYTES = 256 << 10;
  private static final MethodDescriptor<byte[], ConnectManyResponse> CONNECT_MANY =
      DurableObjectsGrpc.getConnectManyMethod().toBuilder(
              new BytesMarshaller(),
              DurableObjectsGrpc.getConnectManyMethod().getResponseMarshaller())
          .build();

  private final ClientCall<byte[], ConnectManyResponse> call;

  /** How the call has ended. Safe for any thread. */
  private final CompletableFuture<Status> ending = new CompletableFuture<>();

  private final Map<Long, LaneCall<?, ?>> lanes = new HashMap<>();
  private final Set<Long> ended = new HashSet<>(); // Those whose end has come.
  private final List<ByteString> heldBack = new ArrayList<>();
  private long opened;
  private boolean holdsBack;
  private boolean halfClosed;
  private boolean cancelled;
  private @Nullable Status end;

  ManyLanes(Channel connection, CallOptions options) {
    call = connection.newCall(CONNECT_MANY, options);
    call.start(this, new Metadata());
    call.request(Integer.MAX_VALUE);
  }

  <Q, R> ClientCall<Q, R> open(MethodDescriptor<Q, R> method, boolean givesCredit) {
    return new LaneCall<>(this, method, givesCredit);
  }

  // ---- there

  /** Sends a part, which opens a lane if it is a lane's first. */
  synchronized void send(LaneCall<?, ?> lane, LaneRequest.Builder part, byte @Nullable [] frame) {
    if (end != null || halfClosed) {
      return;
    }
    if (lane.number == 0) {
      lane.number = ++opened;
      lanes.put(lane.number, lane);
    }
    ByteString message = message(part.setLane(lane.number).build(), frame);
    if (holdsBack) {
      heldBack.add(message);
    } else {
      call.sendMessage(message.toByteArray());
    }
  }

  /** Sends what may be no message at all. */
  synchronized void send(ByteString message) {
    try {
      for (LaneRequest part : ConnectManyRequest.parseFrom(message).getLanesList()) {
        opened = Math.max(opened, part.getLane());
        LaneCall<?, ?> lane = lanes.get(part.getLane());
        if (lane != null) {
          lane.hasCredit(part.getMoreBytes());
        }
      }
    } catch (InvalidProtocolBufferException e) {
      // It is what the case wants to send.
    }
    call.sendMessage(message.toByteArray());
  }

  /** Lets what is sent wait. */
  synchronized void holdBack() {
    holdsBack = true;
  }

  /** Sends what has waited, in one message: behind each other, messages are one. */
  synchronized void letGo() {
    holdsBack = false;
    call.sendMessage(ByteString.copyFrom(heldBack).toByteArray());
    heldBack.clear();
  }

  synchronized void halfClose() {
    halfClosed = true;
    call.halfClose();
  }

  void cancel() {
    synchronized (this) {
      cancelled = true;
    }
    call.cancel("cancelled by the case", null);
  }

  synchronized boolean isCancelled() {
    return cancelled;
  }

  /** The frame may be anything, so it is written by hand. */
  private static ByteString message(LaneRequest part, byte @Nullable [] frame) {
    ByteString lane = part.toByteString();
    if (frame != null) {
      lane = lane.concat(field(LaneRequest.FRAME_FIELD_NUMBER, ByteString.copyFrom(frame)));
    }
    return field(ConnectManyRequest.LANES_FIELD_NUMBER, lane);
  }

  private static ByteString field(int number, ByteString value) {
    ByteString.Output bytes = ByteString.newOutput();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      out.writeBytes(number, value);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteString();
  }

  // ---- and back

  @Override
  public void onMessage(ConnectManyResponse message) {
    int size = message.getLanesList().stream().mapToInt(LaneResponse::getSerializedSize).sum();
    if (message.getLanesCount() > 1 && size > FULL_MESSAGE_BYTES) {
      violation(
          "a message has %d parts of %d bytes, expected at most %d"
              .formatted(message.getLanesCount(), size, FULL_MESSAGE_BYTES));
    }
    message.getLanesList().forEach(this::take);
  }

  private void take(LaneResponse part) {
    LaneCall<?, ?> lane;
    String wrong = null;
    synchronized (this) {
      if (end != null) {
        return;
      }
      lane = lanes.get(part.getLane());
      if (part.getLane() < 1 || part.getLane() > opened) {
        wrong = "a part for lane " + Long.toUnsignedString(part.getLane()) + " that nobody opened";
      } else if (ended.contains(part.getLane())) {
        wrong = "a part behind the end of lane " + part.getLane();
      }
      if (part.hasEnd()) {
        ended.add(part.getLane());
        lanes.remove(part.getLane());
      }
    }
    if (wrong == null && lane != null) {
      wrong = lane.came(part);
    }
    if (wrong != null) {
      violation(wrong);
    }
  }

  private void violation(String what) {
    end(Status.UNKNOWN.withDescription("the host broke the rules of lanes: " + what));
    call.cancel(what, null);
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    end(status);
  }

  private void end(Status status) {
    List<LaneCall<?, ?>> lost;
    synchronized (this) {
      if (end != null) {
        return;
      }
      end = status;
      lost = List.copyOf(lanes.values());
      lanes.clear();
    }
    ending.complete(status);
    Status each = status.isOk() ? Status.UNAVAILABLE.withDescription("the call ended") : status;
    lost.forEach(lane -> lane.ended(each));
  }

  /** Waits for the end. */
  Status end(Duration patience) throws CaseFailure, InterruptedException {
    try {
      return ending.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new CaseFailure("the end of the shared call never came");
    } catch (ExecutionException e) {
      throw new AssertionError(e);
    }
  }
}
