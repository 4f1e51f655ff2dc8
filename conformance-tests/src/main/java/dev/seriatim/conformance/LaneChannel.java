package dev.seriatim.conformance;

import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.UnsafeByteOperations;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A connection on which each call of {@code Connect} is a lane of one call of {@code ConnectMany},
 * so that the cases, which know nothing of lanes, are played on them. Other calls go their own way.
 */
final class LaneChannel extends ManagedChannel {
  private static final MethodDescriptor<byte[], ConnectManyResponse> CONNECT_MANY =
      DurableObjectsGrpc.getConnectManyMethod().toBuilder(
              new BytesMarshaller(),
              DurableObjectsGrpc.getConnectManyMethod().getResponseMarshaller())
          .build();

  private final ManagedChannel connection;

  /** By how their messages are compressed. Guarded by itself. */
  private final Map<String, Many> calls = new HashMap<>();

  /** Stubs of this connection are opened on lanes. */
  LaneChannel(ManagedChannel connection) {
    this.connection = connection;
  }

  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    if (!method
        .getFullMethodName()
        .equals(DurableObjectsGrpc.getConnectMethod().getFullMethodName())) {
      return connection.newCall(method, options);
    }
    String compressor = options.getCompressor() == null ? "" : options.getCompressor();
    synchronized (calls) {
      return calls.computeIfAbsent(compressor, _ -> new Many(options)).open(method);
    }
  }

  /** One call of many lanes. */
  private final class Many extends ClientCall.Listener<ConnectManyResponse> {
    private final ClientCall<byte[], ConnectManyResponse> call;

    // Guarded by this.
    private final Map<Long, LaneCall<?, ?>> lanes = new HashMap<>();
    private long opened;
    private @Nullable Status end;

    Many(CallOptions options) {
      call = connection.newCall(CONNECT_MANY, options);
      call.start(this, new Metadata());
      call.request(Integer.MAX_VALUE);
    }

    synchronized <Q, R> LaneCall<Q, R> open(MethodDescriptor<Q, R> method) {
      return new LaneCall<>(this, method);
    }

    /** Sends a part, which opens a lane if it is a lane's first. */
    synchronized void send(LaneCall<?, ?> lane, LaneRequest.Builder part, byte @Nullable [] frame) {
      if (end != null) {
        return;
      }
      if (lane.number == 0) {
        lane.number = ++opened;
        lanes.put(lane.number, lane);
      }
      call.sendMessage(message(part.setLane(lane.number).build(), frame));
    }

    @Override
    public void onMessage(ConnectManyResponse message) {
      for (LaneResponse part : message.getLanesList()) {
        LaneCall<?, ?> lane;
        synchronized (this) {
          lane = part.hasEnd() ? lanes.remove(part.getLane()) : lanes.get(part.getLane());
        }
        if (lane != null) {
          lane.came(part);
        }
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      Map<Long, LaneCall<?, ?>> lost;
      synchronized (this) {
        end = status;
        lost = new HashMap<>(lanes);
        lanes.clear();
      }
      Status each = status.isOk() ? Status.UNAVAILABLE.withDescription("the call ended") : status;
      lost.values().forEach(lane -> lane.ended(each));
    }
  }

  /** The frame may be anything, so it is written by hand. */
  private static byte[] message(LaneRequest part, byte @Nullable [] frame) {
    ByteString lane = part.toByteString();
    if (frame != null) {
      ByteString.Output with = ByteString.newOutput();
      CodedOutputStream out = CodedOutputStream.newInstance(with);
      try {
        out.writeRawBytes(lane);
        out.writeByteArray(LaneRequest.FRAME_FIELD_NUMBER, frame);
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      lane = with.toByteString();
    }
    ByteArrayOutputStream message = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(message);
    try {
      out.writeBytes(ConnectManyRequest.LANES_FIELD_NUMBER, lane);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return message.toByteArray();
  }

  /** What looks like a call, and is a lane. */
  private static final class LaneCall<Q, R> extends ClientCall<Q, R> {
    private final Many many;
    private final MethodDescriptor<Q, R> method;
    private final Executor listening =
        MoreExecutors.newSequentialExecutor(Thread::startVirtualThread);

    /** Guarded by the call of many lanes; 0 until the first part is sent. */
    private long number;

    // Guarded by this.
    private final Queue<ConnectResponse> unread = new ArrayDeque<>();
    private @Nullable Listener<R> listener;
    private int requested;
    private @Nullable Status end;

    LaneCall(Many many, MethodDescriptor<Q, R> method) {
      this.many = many;
      this.method = method;
    }

    @Override
    public synchronized void start(Listener<R> to, Metadata headers) {
      listener = to;
    }

    @Override
    public synchronized void request(int messages) {
      requested += messages;
      deliver();
    }

    @Override
    public void sendMessage(Q message) {
      try (InputStream stream = method.streamRequest(message)) {
        many.send(this, LaneRequest.newBuilder(), stream.readAllBytes());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void halfClose() {
      many.send(this, LaneRequest.newBuilder().setHalfClose(true), null);
    }

    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {
      many.send(this, LaneRequest.newBuilder().setCancel(true), null);
      ended(Status.CANCELLED.withDescription(message));
    }

    synchronized void came(LaneResponse part) {
      if (part.hasFrame()) {
        unread.add(part.getFrame());
      }
      if (part.hasEnd()) {
        end =
            Status.fromCodeValue(part.getEnd().getCode())
                .withDescription(part.getEnd().getMessage());
      }
      deliver();
    }

    synchronized void ended(Status status) {
      if (end == null) {
        end = status;
        deliver();
      }
    }

    /** Hands on what was asked for, and gives credit for it. With this locked. */
    private void deliver() {
      Listener<R> to = listener;
      if (to == null) {
        return;
      }
      while (requested > 0 && !unread.isEmpty()) {
        requested--;
        ConnectResponse frame = unread.remove();
        R message = parse(frame);
        listening.execute(() -> to.onMessage(message));
        if (frame.getOutcomesCount() > 0) {
          many.send(this, LaneRequest.newBuilder().setMoreBytes(frame.getSerializedSize()), null);
        }
      }
      Status last = end;
      if (last != null && unread.isEmpty()) {
        listener = null;
        listening.execute(() -> to.onClose(last, new Metadata()));
      }
    }

    private R parse(ConnectResponse frame) {
      return method.parseResponse(UnsafeByteOperations.unsafeWrap(frame.toByteArray()).newInput());
    }
  }

  // ---- the connection's own

  @Override
  public String authority() {
    return connection.authority();
  }

  @Override
  public ManagedChannel shutdown() {
    connection.shutdown();
    return this;
  }

  @Override
  public boolean isShutdown() {
    return connection.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return connection.isTerminated();
  }

  @Override
  public ManagedChannel shutdownNow() {
    connection.shutdownNow();
    return this;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return connection.awaitTermination(timeout, unit);
  }
}
