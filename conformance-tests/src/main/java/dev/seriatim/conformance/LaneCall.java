package dev.seriatim.conformance;

import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.UnsafeByteOperations;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What looks like a call, and is a lane. Gives credit for a frame when whoever listens takes it.
 *
 * @param <Q> what is sent
 * @param <R> what comes
 */
final class LaneCall<Q, R> extends ClientCall<Q, R> {
  /** The lane is given no credit beyond its first. */
  static final CallOptions.Key<Boolean> NO_CREDIT =
      CallOptions.Key.createWithDefault("no-credit", false);

  private static final int FIRST_CREDIT = 256 << 10;

  private final ManyLanes many;
  private final MethodDescriptor<Q, R> method;
  private final boolean givesCredit;
  private final Executor listening =
      MoreExecutors.newSequentialExecutor(Thread::startVirtualThread);

  /** Guarded by the call of many lanes; 0 until the first part is sent. */
  long number;

  // Guarded by this.
  private final Queue<ConnectResponse> unread = new ArrayDeque<>();
  private @Nullable Listener<R> listener;
  private int requested;
  private long credit = FIRST_CREDIT;
  private @Nullable Status end;

  LaneCall(ManyLanes many, MethodDescriptor<Q, R> method, boolean givesCredit) {
    this.many = many;
    this.method = method;
    this.givesCredit = givesCredit;
  }

  @Override
  public synchronized void start(Listener<R> to, Metadata headers) {
    listener = to;
  }

  @Override
  public void request(int messages) {
    synchronized (this) {
      requested += messages;
    }
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

  /** The host has so much more credit. */
  synchronized void hasCredit(int bytes) {
    credit += Integer.toUnsignedLong(bytes);
  }

  /** Takes what came; says what is wrong with it, if anything is. */
  @Nullable String came(LaneResponse part) {
    synchronized (this) {
      if (part.hasFrame()) {
        unread.add(part.getFrame());
      }
      if (part.getFrame().getOutcomesCount() > 0) {
        if (credit <= 0) {
          return "outcomes on lane %d, whose credit is %d".formatted(part.getLane(), credit);
        }
        credit -= part.getFrame().getSerializedSize();
      }
      if (part.hasEnd() && end == null) {
        end =
            Status.fromCodeValue(part.getEnd().getCode())
                .withDescription(part.getEnd().getMessage());
      }
    }
    deliver();
    return null;
  }

  void ended(Status status) {
    synchronized (this) {
      if (end == null) {
        end = status;
      }
    }
    deliver();
  }

  /** Hands on what was asked for, and gives credit for it. */
  private void deliver() {
    long given = 0;
    synchronized (this) {
      Listener<R> to = listener;
      if (to == null) {
        return;
      }
      while (requested > 0 && !unread.isEmpty()) {
        requested--;
        ConnectResponse frame = unread.remove();
        R message = parse(frame);
        listening.execute(() -> to.onMessage(message));
        given += givesCredit && frame.getOutcomesCount() > 0 ? frame.getSerializedSize() : 0;
      }
      credit += given;
      Status last = end;
      if (last != null && unread.isEmpty()) {
        listener = null;
        listening.execute(() -> to.onClose(last, new Metadata()));
      }
    }
    if (given > 0) {
      many.send(this, LaneRequest.newBuilder().setMoreBytes((int) given), null);
    }
  }

  private R parse(ConnectResponse frame) {
    return method.parseResponse(UnsafeByteOperations.unsafeWrap(frame.toByteArray()).newInput());
  }
}
