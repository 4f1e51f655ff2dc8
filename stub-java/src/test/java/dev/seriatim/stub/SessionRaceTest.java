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
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/**
 * Callers, a transport that is ready only now and then, and the end of the call race each other on
 * one {@link Session}, over and over, without a network between them. There is no timer either: a
 * call that isn't sent when it could be stays unsent, and is missed.
 *
 * <p>A seed chooses the delays; the interleaving is the machine's.
 */
@SuppressWarnings("ThreadPriorityCheck") // The threads yield to disturb each other.
final class SessionRaceTest {
  private static final int ROUNDS = 1_500;
  private static final int CALLERS = 2;
  private static final int CALLS = 5;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private enum End {
    CLOSE,
    CANCEL,
    LOST
  }

  @Test
  void everyCallLeavesWhenItMayAndEndsOnce() {
    Seeds.each(ROUNDS, seed -> new Round(seed).run());
  }

  private static final class Round extends Channel {
    private final long seed;
    private final End end;
    private final boolean repeats; // Each outcome of a caller's call has another call made.
    private final FakeCall fake;
    private final Session session;
    private final Queue<String> breaches = new ConcurrentLinkedQueue<>();
    private final List<Recorded> calls = new ArrayList<>(); // Guarded by itself.

    Round(long seed) {
      Random random = new Random(seed);
      this.seed = seed;
      this.end = List.of(End.values()).get(random.nextInt(End.values().length));
      this.repeats = random.nextBoolean();
      this.fake = new FakeCall(random.nextLong());
      this.session =
          new Session(
              this,
              null,
              ClientOptions.builder()
                  .maxUnansweredFrames(1 + random.nextInt(2))
                  .maxFrameInvocations(1 + random.nextInt(4))
                  .scheduler(new FakeScheduler())
                  .build(),
              new Opening(Open.newBuilder().setNamespace("ECHO").setName("foo").build(), null),
              null,
              null);
    }

    void run() throws Exception {
      Thread[] callers = new Thread[CALLERS];
      for (int i = 0; i < CALLERS; i++) {
        Random random = new Random(seed * CALLERS + i);
        callers[i] = new Thread(() -> call(random), "caller " + i);
      }
      for (Thread caller : callers) {
        caller.start();
      }
      int expected = CALLERS * CALLS * (repeats ? 2 : 1);
      Random random = new Random(~seed);
      int answers = end == End.CLOSE ? expected : random.nextInt(expected);
      answer(answers, random);
      switch (end) {
        case CLOSE -> session.close();
        case CANCEL -> {
          Thread canceller = new Thread(() -> session.cancel("enough"), "canceller");
          canceller.start();
          until(() -> fake.cancelled, "the cancelling");
          fake.receiver().onClose(Status.CANCELLED, new Metadata());
        }
        case LOST -> fake.receiver().onClose(Status.UNAVAILABLE, new Metadata());
      }
      if (end == End.CLOSE) {
        until(() -> fake.halfClosed, "the half-close");
        fake.receiver().onClose(Status.OK, new Metadata());
      }
      for (Thread caller : callers) {
        caller.join();
      }
      if (!session.awaitEnd(PATIENCE_NANOS, TimeUnit.NANOSECONDS)) {
        throw new AssertionError(what() + ": the end never came");
      }
      check(answers);
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

    /** The transport's thread: it reads so many calls, answers them, and is ready now and then. */
    private void answer(int answers, Random random) {
      until(fake::hasBegun, "the start of the call");
      int answered = 0;
      boolean opened = false;
      while (answered < answers) {
        if (!fake.ready) {
          pause(random);
          fake.ready = true;
          fake.receiver().onReady();
        }
        int from = answered;
        until(() -> fake.sent.get() > from || !fake.ready, "invocation " + (from + 1));
        int through = Math.min(fake.sent.get(), answers);
        if (through == answered) {
          continue;
        }
        ConnectResponse.Builder frame = ConnectResponse.newBuilder();
        if (!opened) {
          opened = true;
          frame.setOpened(Opened.newBuilder().setId("0".repeat(64)));
        }
        while (answered < through) {
          frame.addOutcomes(
              Outcome.newBuilder().setSequence(++answered).setMessage(ByteString.EMPTY));
        }
        fake.receiver().onMessage(response(frame.build()));
      }
      fake.ready = true; // For what is left, if anything is.
      fake.receiver().onReady();
    }

    private void check(int answers) {
      assertWithMessage(what()).that(breaches).isEmpty();
      assertWithMessage(what()).that(fake.breaches).isEmpty();
      int succeeded = 0;
      synchronized (calls) {
        for (Recorded call : calls) {
          assertWithMessage("%s: ends of call %s", what(), call.sequence())
              .that(call.ends())
              .isEqualTo(1);
          CallFailure failure = call.failure();
          if (failure == null) {
            succeeded++;
          } else if (call.sequence() == 0 || call.sequence() > fake.sent.get()) {
            assertWithMessage("%s: the fate of call %s, which wasn't sent", what(), call.sequence())
                .that(failure.fate())
                .isEqualTo(Fate.NOT_EXECUTED);
          } else {
            assertWithMessage("%s: the fate of call %s, which was sent", what(), call.sequence())
                .that(failure.fate())
                .isEqualTo(Fate.UNKNOWN);
          }
        }
      }
      assertWithMessage("%s: answered calls", what()).that(succeeded).isEqualTo(answers);
    }

    private String what() {
      return "seed " + seed + ", " + end;
    }

    private void until(BooleanSupplier condition, String what) {
      long began = System.nanoTime();
      while (!condition.getAsBoolean()) {
        if (System.nanoTime() - began > PATIENCE_NANOS) {
          throw new AssertionError(what() + ": " + what + " never came");
        }
        Thread.yield();
      }
    }

    @Override
    @SuppressWarnings("unchecked") // There is only one method.
    public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
      return (ClientCall<Q, R>) fake;
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

  /** The transport's end of the call: notes what is sent. */
  private static final class FakeCall extends RacedClientCall<ResponseFrame> {
    private final Queue<String> breaches = new ConcurrentLinkedQueue<>();
    private final AtomicInteger sent = new AtomicInteger();
    private final Random random; // The writer's.

    FakeCall(long seed) {
      random = new Random(seed);
    }

    @Override
    void breach(String what) {
      breaches.add(what);
    }

    @Override
    public boolean isReady() {
      enter();
      boolean was = ready;
      if (!was && random.nextInt(4) == 0) {
        // As it may: it becomes ready just when the writer has found that it isn't.
        ready = true;
        receiver().onReady();
      }
      pause(random);
      leave();
      return was;
    }

    @Override
    public void sendMessage(EncodedFrame frame) {
      enter();
      for (Invocation invocation : request(frame).getInvocationsList()) {
        if (invocation.getSequence() != sent.get() + 1) {
          breach("invocation %d, expected %d".formatted(invocation.getSequence(), sent.get() + 1));
        }
        sent.incrementAndGet();
      }
      if (halfClosed) {
        breach("a frame behind the half-close");
      }
      if (random.nextInt(3) == 0) {
        ready = false;
      }
      pause(random);
      leave();
    }

    private static ConnectRequest request(EncodedFrame frame) {
      try {
        return ConnectRequest.parseFrom(EncodedFrame.MARSHALLER.stream(frame));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static ResponseFrame response(ConnectResponse frame) {
    return ResponseFrame.MARSHALLER.parse(frame.toByteString().newInput());
  }
}
