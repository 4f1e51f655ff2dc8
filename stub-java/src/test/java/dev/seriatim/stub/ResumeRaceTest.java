package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.stub.RacedClientCall.pause;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Outcome;
import dev.seriatim.wire.EncodedFrame;
import dev.seriatim.wire.ResponseFrame;
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
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Callers, a host that keeps a record, loses connections at any moment and breaks them, and the
 * stub's close or cancelling race each other on one resumable {@link Session}, over and over,
 * without a network between them. Each call is executed at most once, and exactly once if the stub
 * is closed.
 *
 * <p>A seed chooses the delays; the interleaving is the machine's.
 */
@SuppressWarnings("ThreadPriorityCheck") // The threads yield to disturb each other.
final class ResumeRaceTest {
  private static final int ROUNDS = 1_000;
  private static final int CALLERS = 2;
  private static final int CALLS = 6;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

  @Test
  void everyCallIsExecutedOnceHoweverOftenItsConnectionIsLost() {
    Seeds.each(ROUNDS, seed -> new Round(seed).run());
  }

  private static final class Round extends Channel {
    private final long seed;
    private final boolean cancels;
    private final boolean repeats; // Each outcome of a caller's call has another call made.
    private final int losses;
    private final FakeScheduler scheduler = new FakeScheduler();
    private final Session session;
    private final Queue<String> breaches = new ConcurrentLinkedQueue<>();
    private final Queue<FakeCall> begun = new ConcurrentLinkedQueue<>();
    private final List<Recorded> calls = new ArrayList<>(); // Guarded by itself.

    // The host's record.
    private final List<Long> executed = new ArrayList<>();
    private int connections;
    private long acknowledged;

    Round(long seed) {
      Random random = new Random(seed);
      this.seed = seed;
      this.cancels = random.nextInt(3) == 0;
      this.repeats = random.nextBoolean();
      this.losses = random.nextInt(8);
      this.session =
          new Session(
              this,
              null,
              ClientOptions.builder()
                  .maxUnansweredFrames(1 + random.nextInt(2))
                  .maxFrameInvocations(1 + random.nextInt(4))
                  .scheduler(scheduler)
                  .build(),
              new Opening(Open.newBuilder().setNamespace("ECHO").setName("foo").build(), null),
              null,
              ResumeOptions.builder()
                  .resumeTimeout(FakeScheduler.NEVER)
                  .resumeBackoff(Duration.ofMillis(1))
                  .maxResumeBackoff(Duration.ofMillis(1))
                  .maxResumesWithoutProgress(Integer.MAX_VALUE)
                  .build());
    }

    void run() throws Exception {
      Random random = new Random(~seed);
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < CALLERS; i++) {
        Random callers = new Random(seed * CALLERS + i);
        threads.add(new Thread(() -> call(callers), "caller " + i));
      }
      Random enders = new Random(seed * 31);
      List<Thread> callers = List.copyOf(threads);
      threads.add(new Thread(() -> end(callers, enders), "ender"));
      threads.forEach(Thread::start);
      serve(random);
      for (Thread thread : threads) {
        thread.join();
      }
      check();
    }

    private void call(Random random) {
      for (int i = 0; i < CALLS; i++) {
        pause(random);
        submit(repeats);
      }
    }

    private void submit(boolean again) {
      Recorded call = new Recorded(again);
      synchronized (calls) {
        calls.add(call);
      }
      session.submit(call);
    }

    private void end(List<Thread> callers, Random random) {
      if (cancels) {
        for (int i = random.nextInt(200); i > 0; i--) {
          pause(random);
        }
        session.cancel("enough");
        return;
      }
      for (Thread caller : callers) {
        try {
          caller.join();
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
      }
      session.close();
    }

    // ---- the host -----------------------------------------------------------------------------

    private void serve(Random random) {
      long began = System.nanoTime();
      int lost = 0;
      FakeCall call = null;
      while (!session.whenEnded().hasCome()) {
        if (System.nanoTime() - began > PATIENCE_NANOS) {
          throw new AssertionError(what() + ": the end never came, breaches " + breaches);
        }
        scheduler.advance(1); // Pauses, and what listeners gather.
        if (call == null) {
          call = begun.poll();
          pause(random);
        } else if (call.cancelled) {
          call.close(Status.CANCELLED);
          call = null;
        } else if (lost < losses && random.nextInt(12) == 0) {
          lost++;
          lose(call, random);
          call = null;
        } else if (call.serve(random)) {
          call = null;
        }
      }
    }

    private void lose(FakeCall call, Random random) {
      if (call.opened && !call.over && random.nextInt(3) == 0) {
        call.tellOutcomes(executed.size());
        call.send(
            ConnectResponse.newBuilder()
                .setBroken(
                    FakeHost.broken(Code.ABORTED, Reasons.OBJECT_RESET, executed.size())
                        .setRetryable(true)));
        pause(random);
        call.close(Status.ABORTED);
      } else if (!call.opened && random.nextInt(3) == 0) {
        call.send(
            ConnectResponse.newBuilder()
                .setBroken(
                    FakeHost.broken(Code.UNAVAILABLE, Reasons.HOST_DRAINING, 0)
                        .setRetryable(true)));
        call.close(Status.UNAVAILABLE);
      } else {
        call.close(random.nextBoolean() ? Status.UNAVAILABLE : Status.OK);
      }
    }

    private void check() throws Exception {
      if (!session.awaitEnd(PATIENCE_NANOS, TimeUnit.NANOSECONDS)) {
        throw new AssertionError(what() + ": the end never came");
      }
      assertWithMessage(what()).that(breaches).isEmpty();
      assertWithMessage(what()).that(executed).containsNoDuplicates();
      synchronized (calls) {
        for (Recorded call : calls) {
          String which = what() + ": call " + call.sequence();
          assertWithMessage("%s: ends", which).that(call.ends()).isEqualTo(1);
          CallFailure failure = call.failure();
          boolean ran = executed.contains(call.sequence());
          if (failure == null) {
            assertWithMessage("%s succeeded: executed", which).that(ran).isTrue();
          } else if (failure.fate() == Fate.NOT_EXECUTED) {
            assertWithMessage("%s, %s: executed", which, failure).that(ran).isFalse();
          }
          if (!cancels && failure != null) { // Made by a listener, behind the close.
            assertWithMessage(which).that(failure.reason()).isEqualTo(Reasons.STUB_CLOSED);
          }
        }
      }
      assertWithMessage("%s: broken", what())
          .that(session.isBroken())
          .isEqualTo(session.cause() != null);
      if (!cancels) {
        assertWithMessage("%s: broken", what()).that(session.isBroken()).isFalse();
      }
    }

    private String what() {
      return "seed " + seed + (cancels ? ", cancelled" : ", closed") + ", losses " + losses;
    }

    @Override
    @SuppressWarnings("unchecked") // There is only one method.
    public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
      return (ClientCall<Q, R>) new FakeCall(this);
    }

    @Override
    public String authority() {
      return "the test";
    }

    /** One of the callers' calls; with its outcome comes another one, perhaps. */
    private final class Recorded extends CountedCall {
      private final boolean again;

      Recorded(boolean again) {
        super(null);
        this.again = again;
      }

      @Override
      void succeed(ByteString result) {
        super.succeed(result);
        if (again) {
          submit(false);
        }
      }
    }
  }

  /** One connection: what the client sends is served by the round's thread. */
  private static final class FakeCall extends RacedClientCall<ResponseFrame> {
    private final Round round;
    private final Queue<ConnectRequest> frames = new ConcurrentLinkedQueue<>();

    // The host's.
    private boolean begun;
    private boolean opened;
    private boolean over;
    private long received;
    private long told;

    FakeCall(Round round) {
      this.round = round;
    }

    @Override
    void breach(String what) {
      round.breaches.add(what);
    }

    // ---- the host -----------------------------------------------------------------------------

    /** Does something. True if the call has ended. */
    boolean serve(Random random) {
      if (!ready) {
        ready = true;
        receiver().onReady();
      }
      ConnectRequest frame = frames.poll();
      if (frame != null) {
        read(frame);
      }
      if (begun && !opened && random.nextBoolean()) {
        open();
      }
      if (opened) {
        while (round.executed.size() < received && random.nextInt(3) > 0) {
          round.executed.add(round.executed.size() + 1L);
        }
        if (random.nextBoolean()) {
          tellOutcomes(told + random.nextInt((int) (round.executed.size() - told) + 1));
        }
      }
      pause(random);
      if (halfClosed && frames.isEmpty()) {
        if (told < round.executed.size() || round.executed.size() < received) {
          breach("half-closed with " + told + " answered of " + received);
        }
        if (round.acknowledged < told) {
          breach("half-closed with " + round.acknowledged + " acknowledged of " + told);
        }
        close(Status.OK);
        return true;
      }
      return false;
    }

    private void read(ConnectRequest frame) {
      if (frame.hasOpen() == begun) {
        breach(begun ? "a second open" : "no open in the first frame");
      }
      if (frame.hasOpen()) {
        begin(frame.getOpen().getSession());
      }
      if (frame.getInvocationsCount() > 0 && round.connections > 1 && !opened) {
        breach("invocations before 'opened'");
      }
      for (Invocation invocation : frame.getInvocationsList()) {
        received++;
        if (invocation.getSequence() != received) {
          breach("invocation " + invocation.getSequence() + ", expected " + received);
        }
      }
      long acknowledged = frame.getAcknowledgedThrough();
      if (acknowledged > round.executed.size() || acknowledged < round.acknowledged) {
        breach("acknowledged " + acknowledged + " of " + round.executed.size());
      }
      round.acknowledged = acknowledged;
    }

    private void begin(dev.seriatim.v1.Session session) {
      begun = true;
      if (session.getConnection() <= round.connections || session.getId().size() != 16) {
        breach("connection " + session.getConnection() + " after " + round.connections);
      }
      round.connections = session.getConnection();
      told = session.getAnsweredThrough();
      if (told > round.executed.size() || told < round.acknowledged) {
        breach("answered " + told + " of " + round.executed.size());
      }
    }

    private void open() {
      opened = true;
      if (round.connections > 1) {
        received = round.executed.size();
      }
      send(
          ConnectResponse.newBuilder()
              .setOpened(
                  Opened.newBuilder()
                      .setId("0".repeat(64))
                      .setSession(
                          OpenedSession.newBuilder().setCompletedThrough(round.executed.size()))));
    }

    void tellOutcomes(long through) {
      if (through > told) {
        ConnectResponse.Builder frame = ConnectResponse.newBuilder();
        while (told < through) {
          frame.addOutcomes(Outcome.newBuilder().setSequence(++told).setMessage(ByteString.EMPTY));
        }
        send(frame);
      }
    }

    void send(ConnectResponse.Builder frame) {
      receiver().onMessage(ResponseFrame.MARSHALLER.parse(frame.build().toByteString().newInput()));
    }

    void close(Status status) {
      over = true;
      ready = false;
      receiver().onClose(status, new Metadata());
    }

    // ---- the client ---------------------------------------------------------------------------

    @Override
    public void start(Listener<ResponseFrame> responseListener, Metadata headers) {
      super.start(responseListener, headers);
      round.begun.add(this);
    }

    @Override
    public boolean isReady() {
      enter();
      boolean is = ready;
      Thread.yield();
      leave();
      return is;
    }

    @Override
    public void sendMessage(EncodedFrame frame) {
      enter();
      if (halfClosed) {
        breach("a frame behind the half-close");
      }
      try {
        frames.add(ConnectRequest.parseFrom(EncodedFrame.MARSHALLER.stream(frame)));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      Thread.yield();
      leave();
    }
  }
}
