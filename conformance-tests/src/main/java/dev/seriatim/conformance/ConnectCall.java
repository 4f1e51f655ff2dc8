package dev.seriatim.conformance;

import com.google.protobuf.ByteString;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Session;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One stub, as plain as it gets: one {@code Connect} call whose frames are sent as they are given,
 * and whose answers wait here until a case looks at them.
 *
 * <p>Frames are sent by the thread of the run; they come on gRPC's threads.
 */
final class ConnectCall {
  private static final MethodDescriptor<byte[], ConnectResponse> CONNECT =
      DurableObjectsGrpc.getConnectMethod().toBuilder(
              new BytesMarshaller(), ProtoUtils.marshaller(ConnectResponse.getDefaultInstance()))
          .build();

  private final String name;
  private final ClientCall<byte[], ConnectResponse> call;
  private final LinkedBlockingQueue<StubEvent> events = new LinkedBlockingQueue<>();

  /** Guarded by itself. */
  private final FrameRules rules = new FrameRules();

  // The next three are owned by the thread of the run.
  private long nextSequence = 1;
  private boolean over;
  private String lastSeen = "nothing";

  private volatile boolean paused;
  private volatile boolean ignored;

  /** Starts a call whose frames are sent as they are. */
  ConnectCall(String name, Channel channel, boolean paused) {
    this(name, channel, paused, CallOptions.DEFAULT);
  }

  /** Starts the call. */
  ConnectCall(String name, Channel channel, boolean paused, CallOptions options) {
    this.name = name;
    this.paused = paused;
    call = channel.newCall(CONNECT, options);
    call.start(new Frames(), new Metadata());
    if (!paused) {
      call.request(1);
    }
  }

  /** The number that the next invocation gets if the case doesn't say one. */
  long nextSequence() {
    return nextSequence;
  }

  /**
   * The next frame asks for this session.
   *
   * @param known what has been sent on any connection of it
   */
  void asking(Session session, Map<Long, Invocation.ArgumentCase> known) {
    synchronized (rules) {
      rules.asking(session, known);
    }
  }

  /** The next invocation gets this number if the case doesn't say one. */
  void goOnAt(long sequence) {
    nextSequence = sequence;
  }

  void send(ConnectRequest frame) {
    synchronized (rules) {
      frame.getInvocationsList().forEach(rules::sending);
    }
    for (Invocation invocation : frame.getInvocationsList()) {
      nextSequence = invocation.getSequence() + 1;
    }
    call.sendMessage(frame.toByteArray());
  }

  void send(ByteString bytes) {
    call.sendMessage(bytes.toByteArray());
  }

  void halfClose() {
    call.halfClose();
  }

  /** Cancels the call, and forgets what comes. */
  void cancel() {
    ignore();
    call.cancel("cancelled by the case", null);
  }

  /** Forgets what comes from here on. */
  void ignore() {
    ignored = true;
    over = true;
    events.clear();
  }

  void pause() {
    paused = true;
  }

  void resume() {
    paused = false;
    call.request(1);
  }

  /** The next event, which must come within this time; {@code what} says what it should be. */
  StubEvent next(String what, Duration patience) throws CaseFailure, InterruptedException {
    StubEvent event = events.poll(patience.toNanos(), TimeUnit.NANOSECONDS);
    if (event == null) {
      throw new CaseFailure(
          "stub %s: %s never came (waited %d s); the last that came was %s"
              .formatted(name, what, patience.toSeconds(), lastSeen));
    }
    lastSeen = event.toString();
    if (event instanceof StubEvent.Violation violation) {
      throw new CaseFailure("stub " + name + ": " + violation.what());
    }
    if (event instanceof StubEvent.Ended) {
      over = true;
    }
    return event;
  }

  /** Something that came and that no one has looked at. */
  @Nullable StubEvent unexpected() {
    return ignored ? null : events.peek();
  }

  /** Gives the call up, at the end of a case. */
  void release() {
    if (!over) {
      call.cancel("the case is over", null);
    }
  }

  private final class Frames extends ClientCall.Listener<ConnectResponse> {
    @Override
    public void onMessage(ConnectResponse frame) {
      synchronized (rules) {
        add(rules.frame(frame));
      }
      if (!paused) {
        call.request(1);
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      synchronized (rules) {
        add(List.of(rules.end(status)));
      }
    }

    private void add(List<StubEvent> all) {
      if (!ignored) {
        events.addAll(all);
      }
    }
  }
}
