package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.stub.RacedClientCall.pause;

import com.google.protobuf.ByteString;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.LaneMessages;
import dev.seriatim.wire.LaneRequest;
import dev.seriatim.wire.LaneResponse;
import dev.seriatim.wire.ResponseFrame;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Callers of several stubs, a transport that is ready only now and then, callbacks that block, the
 * ends of stubs and the end of their shared call race each other, over and over, without a network
 * between them.
 *
 * <p>A seed chooses the delays; the interleaving is the machine's.
 */
@SuppressWarnings("ThreadPriorityCheck") // The threads yield to disturb each other.
final class SharedCallRaceTest {
  private static final int ROUNDS = 400;
  private static final int STUBS = 4;
  private static final int CALLS = 6;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private enum End {
    ORDERLY,
    LOST,
    VIOLATION,
    UNSERVED
  }

  @Test
  void everyCallOfEveryStubEndsOnce() {
    Seeds.each(ROUNDS, seed -> new Round(seed).run());
  }

  private static final class Round extends Channel {
    private final long seed;
    private final End end;
    private final FakeHostCall shared;
    private final SharedCalls calls;
    private final List<Stub> stubs = new ArrayList<>();
    private final List<OwnHostCall> own = new ArrayList<>(); // Guarded by itself.
    private final Queue<String> breaches = new ConcurrentLinkedQueue<>();

    Round(long seed) {
      Random random = new Random(seed);
      this.seed = seed;
      this.end = List.of(End.values()).get(random.nextInt(End.values().length));
      this.shared = new FakeHostCall(this, random.nextLong());
      ClientOptions options =
          ClientOptions.builder()
              .sharedCalls(1)
              .maxUnansweredFrames(1 + random.nextInt(2))
              .maxFrameInvocations(1 + random.nextInt(4))
              .build();
      this.calls = new SharedCalls(this, options);
      for (int i = 0; i < STUBS; i++) {
        stubs.add(new Stub(this, options, random.nextInt(4) == 0, random.nextInt(8) == 0));
      }
    }

    void run() throws Exception {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < STUBS; i++) {
        Stub stub = stubs.get(i);
        Random random = new Random(seed * STUBS + i);
        threads.add(new Thread(() -> stub.call(random), "caller " + i));
      }
      Random random = new Random(~seed);
      Thread host = new Thread(() -> serve(random), "host");
      threads.add(host);
      threads.forEach(Thread::start);
      for (Thread thread : threads) {
        thread.join();
      }
      for (Stub stub : stubs) {
        if (!stub.session.awaitEnd(PATIENCE_NANOS, TimeUnit.NANOSECONDS)) {
          throw new AssertionError(
              what() + ": the end of a stub never came; " + shared.describe() + breaches);
        }
      }
      assertWithMessage(what()).that(breaches).isEmpty();
      for (Stub stub : stubs) {
        stub.check();
      }
    }

    private String what() {
      return "seed " + seed + ", " + end;
    }

    /** The transport's thread. */
    private void serve(Random random) {
      long began = System.nanoTime();
      int steps = 5 + random.nextInt(60);
      for (int step = 0; !haveEnded(); step++) {
        if (System.nanoTime() - began > PATIENCE_NANOS) {
          breaches.add("the stubs never ended; " + shared.describe());
          return;
        }
        if (end == End.UNSERVED) {
          if (shared.hasBegun() && !shared.over && (step > steps || random.nextInt(8) == 0)) {
            shared.close(Status.UNIMPLEMENTED);
          }
        } else if (step == steps && shared.hasBegun()) {
          switch (end) {
            case LOST -> shared.close(Status.UNAVAILABLE);
            case VIOLATION -> shared.violate();
            case ORDERLY, UNSERVED -> {}
          }
        } else if (step < steps || end == End.ORDERLY) {
          shared.step(random);
        } else if (!shared.hasBegun()) {
          steps++;
        }
        if (shared.cancelled && !shared.over) {
          shared.close(Status.CANCELLED);
        }
        shared.becomeReady();
        stepOwn(random);
        pause(random);
      }
    }

    private void stepOwn(Random random) {
      List<OwnHostCall> open;
      synchronized (own) {
        open = new ArrayList<>(own);
      }
      open.forEach(call -> call.step(random));
    }

    private boolean haveEnded() {
      return stubs.stream().allMatch(stub -> stub.done && stub.session.whenEnded().hasCome());
    }

    @Override
    @SuppressWarnings("unchecked") // By the method's name.
    public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
      if (method.getFullMethodName().endsWith("/ConnectMany")) {
        if (!shared.hasBegun()) {
          return (ClientCall<Q, R>) shared;
        }
        FakeHostCall refused = new FakeHostCall(this, seed);
        refused.refuses = true; // Another one, for a stub that came late.
        return (ClientCall<Q, R>) refused;
      }
      OwnHostCall call = new OwnHostCall(this);
      synchronized (own) {
        own.add(call);
      }
      return (ClientCall<Q, R>) call;
    }

    @Override
    public String authority() {
      return "the test";
    }
  }

  /** One stub, and what its callers saw. */
  private static final class Stub {
    private final Round round;
    private final Session session;
    private final boolean cancels;
    private final boolean blocks;
    private final List<Recorded> calls = new ArrayList<>(); // Guarded by itself.
    private volatile boolean done;

    Stub(Round round, ClientOptions options, boolean cancels, boolean blocks) {
      this.round = round;
      this.cancels = cancels;
      this.blocks = blocks;
      this.session =
          new Session(
              round,
              round.calls,
              options,
              new Opening(Open.newBuilder().setNamespace("ECHO").setName("foo").build(), null),
              null,
              null);
    }

    void call(Random random) {
      for (int i = 0; i < CALLS; i++) {
        pause(random);
        submit(random.nextBoolean());
      }
      if (cancels) {
        session.cancel("enough");
      } else {
        session.close();
      }
      done = true;
    }

    void submit(boolean again) {
      Recorded call = new Recorded(this, again);
      synchronized (calls) {
        calls.add(call);
      }
      session.submit(call);
    }

    void check() {
      long before = 0;
      synchronized (calls) {
        for (Recorded call : calls) {
          assertWithMessage("%s: ends of call %s", round.what(), call.sequence())
              .that(call.ends())
              .isEqualTo(1);
          if (round.end == End.ORDERLY && !cancels && call.failure() != null) {
            // Made by a callback, behind the close.
            assertWithMessage("%s: call %s", round.what(), call.sequence())
                .that(call.failure().reason())
                .isEqualTo(Reasons.STUB_CLOSED);
          }
          before = Math.max(before, call.sequence());
        }
      }
    }
  }

  /** One of a stub's calls; with its outcome comes another one, perhaps. */
  private static final class Recorded extends CountedCall {
    private final Stub stub;
    private final boolean again;

    Recorded(Stub stub, boolean again) {
      super(null);
      this.stub = stub;
      this.again = again;
    }

    @Override
    void succeed(ByteString result) {
      super.succeed(result);
      if (stub.blocks) {
        sleep();
      }
      if (again) {
        stub.submit(false);
      }
    }

    /** Longer than it takes to be left alone. */
    private static void sleep() {
      long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(3);
      while (System.nanoTime() < until) {
        Thread.yield();
      }
    }
  }

  /** A lane as the host has it. */
  private static final class HostLane {
    private int received;
    private int answered;
    private boolean opened;
    private boolean halfClosed;
    private boolean over;
  }

  /** The host's end of the shared call. */
  private static final class FakeHostCall extends RacedClientCall<EncodedFrame> {
    private final Round round;
    private final Random random; // The writer's.
    private final Map<Long, HostLane> lanes = new HashMap<>(); // Guarded by itself.
    private volatile boolean over;
    private boolean refuses;
    private boolean said; // The host's.

    FakeHostCall(Round round, long seed) {
      this.round = round;
      this.random = new Random(seed);
    }

    @Override
    void breach(String what) {
      round.breaches.add(what);
    }

    String describe() {
      synchronized (lanes) {
        return lanes.size() + " lanes, half-closed " + halfClosed + ", over " + over;
      }
    }

    void becomeReady() {
      if (hasBegun() && !ready && !over) {
        ready = true;
        receiver().onReady();
      }
    }

    /** Answers something, on some lanes. */
    void step(Random by) {
      if (!hasBegun() || over) {
        return;
      }
      List<LaneResponse> parts = new ArrayList<>();
      synchronized (lanes) {
        lanes.forEach(
            (number, lane) -> {
              if (by.nextInt(3) > 0) {
                answer(number, lane, by, parts);
              }
            });
      }
      if (!parts.isEmpty()) {
        said = true;
        receiver().onMessage(LaneMessages.writeResponses(parts));
      } else if (halfClosed) {
        close(Status.OK);
      }
    }

    private static void answer(long number, HostLane lane, Random by, List<LaneResponse> parts) {
      if (lane.over) {
        return;
      }
      int through = lane.answered + by.nextInt(lane.received - lane.answered + 1);
      ConnectResponse.Builder frame = ConnectResponse.newBuilder();
      if (!lane.opened) {
        lane.opened = true;
        frame.setOpened(Opened.newBuilder().setId("0".repeat(64)));
      }
      while (lane.answered < through) {
        frame.addOutcomes(
            Outcome.newBuilder().setSequence(++lane.answered).setMessage(ByteString.EMPTY));
      }
      com.google.rpc.Status last = null;
      if (lane.halfClosed && lane.answered == lane.received) {
        lane.over = true;
        last = com.google.rpc.Status.getDefaultInstance();
      }
      ConnectResponse made = frame.build();
      if (made.getSerializedSize() > 0 || last != null) {
        parts.add(
            new LaneResponse(
                number, made.getSerializedSize() > 0 ? EncodedFrame.of(made) : null, last));
      }
    }

    void close(Status status) {
      over = true;
      if (status.getCode() == Status.Code.UNIMPLEMENTED && said) {
        throw new AssertionError("the test is wrong");
      }
      receiver().onClose(status, new Metadata());
    }

    void violate() {
      said = true;
      receiver()
          .onMessage(
              LaneMessages.writeResponses(
                  List.of(
                      new LaneResponse(
                          99, EncodedFrame.of(ConnectResponse.getDefaultInstance()), null))));
    }

    // ---- what the client does

    @Override
    public void start(Listener<EncodedFrame> responseListener, Metadata headers) {
      super.start(responseListener, headers);
      if (refuses) {
        responseListener.onClose(Status.UNAVAILABLE, new Metadata());
      }
    }

    @Override
    public boolean isReady() {
      enter();
      boolean was = ready;
      pause(random);
      leave();
      return was;
    }

    @Override
    public void sendMessage(EncodedFrame message) {
      enter();
      if (halfClosed || cancelled) {
        breach("a message behind the end");
      }
      try {
        for (LaneRequest part : LaneMessages.readRequests(message.bytes())) {
          take(part);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      if (random.nextInt(3) == 0) {
        ready = false;
      }
      pause(random);
      leave();
    }

    private void take(LaneRequest part) throws IOException {
      synchronized (lanes) {
        HostLane lane = lanes.get(part.lane());
        if (lane == null) {
          if (part.lane() != lanes.size() + 1) {
            breach("lane %d is opened, expected %d".formatted(part.lane(), lanes.size() + 1));
          }
          lane = new HostLane();
          lanes.put(part.lane(), lane);
        }
        switch (part.what()) {
          case FRAME -> {
            if (lane.halfClosed || lane.over) {
              breach("a frame behind the end of lane " + part.lane());
            }
            EncodedFrame frame = part.frame();
            lane.received =
                received(round, lane.received, frame == null ? new byte[0] : frame.bytes());
          }
          case HALF_CLOSE -> lane.halfClosed = true;
          case CANCEL -> lane.over = true;
          default -> {}
        }
      }
    }
  }

  /** Counts the invocations of a frame, which must be the next ones. */
  private static int received(Round round, int before, byte[] frame) throws IOException {
    int received = before;
    for (Invocation invocation : ConnectRequest.parseFrom(frame).getInvocationsList()) {
      if (invocation.getSequence() != ++received) {
        round.breaches.add(
            "invocation %d, expected %d".formatted(invocation.getSequence(), received));
      }
    }
    return received;
  }

  /** The host's end of a call of a stub's own, which it has if there are no shared ones. */
  private static final class OwnHostCall extends ClientCall<EncodedFrame, ResponseFrame> {
    private final Round round;
    private final List<LaneResponse> parts = new ArrayList<>();
    private final HostLane lane = new HostLane(); // Guarded by itself.
    private volatile @Nullable Listener<ResponseFrame> listener;
    private volatile boolean cancelled;
    private boolean over; // The host's.

    OwnHostCall(Round round) {
      this.round = round;
    }

    void step(Random by) {
      Listener<ResponseFrame> to = listener;
      if (to == null || over) {
        return;
      }
      if (cancelled) {
        over = true;
        to.onClose(Status.CANCELLED, new Metadata());
        return;
      }
      parts.clear();
      synchronized (lane) {
        if (lane.received > 0 || lane.halfClosed) {
          FakeHostCall.answer(1, lane, by, parts);
        }
      }
      for (LaneResponse part : parts) {
        EncodedFrame frame = part.frame();
        if (frame != null) {
          to.onMessage(ResponseFrame.MARSHALLER.parse(EncodedFrame.MARSHALLER.stream(frame)));
        }
        if (part.end() != null) {
          over = true;
          to.onClose(Status.OK, new Metadata());
        }
      }
    }

    @Override
    public void start(Listener<ResponseFrame> responseListener, Metadata headers) {
      listener = responseListener;
    }

    @Override
    public void request(int numMessages) {}

    @Override
    public void sendMessage(EncodedFrame frame) {
      synchronized (lane) {
        try {
          lane.received = received(round, lane.received, frame.bytes());
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }

    @Override
    public void halfClose() {
      synchronized (lane) {
        lane.halfClosed = true;
      }
    }

    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {
      cancelled = true;
    }
  }
}
