package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.stub.FakeHost.await;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Callers, the host and the end of the stub race each other, many times over. What each thread does
 * follows from the seed; only the threads' interleaving doesn't.
 */
@Timeout(120)
final class ManyThreadsTest {
  private static final int THREADS = 4;
  private static final int CALLS = 300;

  /** How a run ends, by its seed. */
  private enum End {
    CLOSE,
    BROKEN,
    LOST,
    CANCEL
  }

  @Test
  void everyCallHasOneEndAndTheFatesAreTrue() {
    Seeds.each(LongStream.rangeClosed(1, 20), 0, ManyThreadsTest::play);
  }

  private static void play(long seed) throws Exception {
    Random random = new Random(seed);
    End end = End.values()[Math.floorMod(seed, End.values().length)];
    long endAfter = end == End.CLOSE ? Long.MAX_VALUE : 1 + random.nextInt(THREADS * CALLS);
    try (FakeHost host = new FakeHost()) {
      DurableObjectStub stub =
          host.client(
                  ClientOptions.builder()
                      .maxUnansweredFrames(1 + random.nextInt(4))
                      .maxFrameInvocations(1 + random.nextInt(16))
                      .build())
              .namespace("ECHO")
              .getByName("foo");
      AtomicReferenceArray<ListenableFuture<EchoMessage>> calls =
          new AtomicReferenceArray<>(THREADS * CALLS);
      AtomicInteger completions = new AtomicInteger();
      CountDownLatch callersDone = new CountDownLatch(THREADS);
      CountDownLatch allDone = new CountDownLatch(THREADS * CALLS);
      for (int t = 0; t < THREADS; t++) {
        int thread = t;
        long threadSeed = random.nextLong();
        new Thread(
                () -> {
                  Random mine = new Random(threadSeed);
                  for (int i = 0; i < CALLS; i++) {
                    int id = thread * CALLS + i;
                    EchoMessage request = FakeHost.number(id);
                    ListenableFuture<EchoMessage> call =
                        mine.nextBoolean()
                            ? stub.call(EchoGrpc.getEchoMethod(), request)
                            : EchoGrpc.newFutureStub(stub.channel()).echo(request);
                    calls.set(id, call);
                    call.addListener(
                        () -> {
                          completions.incrementAndGet();
                          allDone.countDown();
                        },
                        Runnable::run);
                    if (mine.nextInt(20) == 0) {
                      Thread.onSpinWait();
                    }
                  }
                  callersDone.countDown();
                },
                "caller " + t)
            .start();
      }

      // The host: answers what comes, in frames of any size, until the end.
      FakeHost.Stub accepted = host.accept().opened("foo");
      List<Invocation> seen = new ArrayList<>();
      long answered = 0;
      boolean ended = false;
      while (!ended && answered < THREADS * CALLS) {
        ConnectRequest frame = accepted.frame();
        seen.addAll(frame.getInvocationsList());
        while (!ended && answered < seen.size()) {
          long through =
              Math.min(answered + 1 + random.nextInt(seen.size() - (int) answered), endAfter - 1);
          ConnectResponse.Builder outcomes = ConnectResponse.newBuilder();
          for (long sequence = answered + 1; sequence <= through; sequence++) {
            outcomes.addOutcomes(
                dev.seriatim.v1.Outcome.newBuilder()
                    .setSequence(sequence)
                    .setMessage(seen.get((int) sequence - 1).getMessage()));
          }
          answered = through;
          ended = answered == endAfter - 1;
          if (ended && end == End.BROKEN) {
            // The outcomes and the break may share a frame.
            accepted.send(
                outcomes
                    .setBroken(FakeHost.broken(Code.INTERNAL, "OBJECT_EXCEPTION", answered))
                    .build());
            accepted.end(Status.INTERNAL);
          } else {
            accepted.send(outcomes.build());
            if (ended && end == End.LOST) {
              accepted.end(Status.UNAVAILABLE);
            } else if (ended) {
              stub.cancel("enough");
            }
          }
        }
      }
      await(callersDone, "the end of the callers");
      if (end == End.CLOSE) {
        stub.close();
        assertThat(accepted.end()).isEqualTo("half-closed");
        accepted.end(Status.OK);
      }
      assertThat(stub.awaitEnd(java.time.Duration.ofSeconds(60))).isTrue();
      await(allDone, "the completion of every call");
      assertThat(completions.get()).isEqualTo(THREADS * CALLS);
      assertThat(stub.isBroken()).isEqualTo(end != End.CLOSE);

      assertThatNumbersAreGaplessAndKeepProgramOrder(seen);
      int succeeded = 0;
      for (int id = 0; id < THREADS * CALLS; id++) {
        ListenableFuture<EchoMessage> call = calls.get(id);
        try {
          assertThat(FakeHost.get(call).getNumber()).isEqualTo(id);
          succeeded++;
        } catch (java.util.concurrent.ExecutionException e) {
          CallFailure failure = CallFailure.of(e).orElseThrow();
          boolean mayBeUnknown = end == End.LOST || end == End.CANCEL;
          if (failure.sequence() == 0 || !mayBeUnknown) {
            assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
          }
          if (failure.sequence() > 0 && failure.sequence() <= seen.size() && mayBeUnknown) {
            assertWithMessage("fate of %s, which was sent", failure.sequence())
                .that(failure.fate())
                .isEqualTo(Fate.UNKNOWN);
          }
        }
      }
      if (end == End.CANCEL) {
        assertThat((long) succeeded).isAtMost(answered); // Outcomes may cross the cancelling.
      } else {
        assertThat((long) succeeded).isEqualTo(answered);
      }
    }
  }

  private static void assertThatNumbersAreGaplessAndKeepProgramOrder(List<Invocation> seen)
      throws Exception {
    long[] lastOfThread = new long[THREADS];
    java.util.Arrays.fill(lastOfThread, -1);
    for (int i = 0; i < seen.size(); i++) {
      assertThat(seen.get(i).getSequence()).isEqualTo(i + 1);
      int id = (int) EchoMessage.parseFrom(seen.get(i).getMessage()).getNumber();
      assertThat(id % CALLS).isGreaterThan((int) lastOfThread[id / CALLS]);
      lastOfThread[id / CALLS] = id % CALLS;
    }
  }
}
