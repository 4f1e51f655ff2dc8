package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Work comes in just when an object is about to rest, or a stub has nothing more to run, many times
 * over: it must be run, by one thread at a time. With turns that begin on the thread which brings
 * the work, and without.
 *
 * <p>A seed chooses the calls; the interleaving is the machine's.
 */
@SuppressWarnings("ThreadPriorityCheck") // The threads yield only if the machine is busy.
final class WakeUpRaceTest {
  private static final int CLIENTS = 2;
  private static final int CALLS = 8_000;
  private static final int STUBS = 300;

  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final Queue<String> breaches = new ConcurrentLinkedQueue<>();
  private final AtomicInteger inside = new AtomicInteger();

  private interface Client {
    void play(Random random) throws Exception;
  }

  /** Each call is made as soon as the outcome of the one before is there: the object rests then. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatComesWhileTheObjectGoesToRestIsRun(boolean borrows) {
    Seeds.each(1, seed -> callAsItGoesToRest(borrows, seed));
  }

  private void callAsItGoesToRest(boolean borrows, long seed) throws Exception {
    try (TestObjects objects = objects(borrows, Duration.ofHours(1), this::alone)) {
      objects.stopEvictor();
      play(
          seed,
          random -> {
            CountingAttachment attachment = new CountingAttachment();
            // A client on an object of its own meets it as it goes to rest, and not each other.
            Session stub = objects.open(random.nextBoolean() ? "a" : "b", attachment);
            for (int i = 1; i <= CALLS; i++) {
              boolean pauses = random.nextInt(8) == 0;
              attachment.reading = !pauses;
              boolean round = random.nextInt(4) == 0 && objects.directory.beginRound();
              stub.add(TestObjects.invocations(i, "x"), 1);
              if (round) {
                spin(random.nextInt(200));
                objects.directory.endRound();
              }
              if (pauses) {
                stub.add(TestObjects.invocations(++i, "y"), 1);
                spin(random.nextInt(2_000));
                attachment.reading = true;
                stub.onReady();
              }
              int sent = i;
              until(() -> attachment.outcomes == sent, "outcome " + sent);
              spin(random.nextInt(1 << random.nextInt(8)));
            }
            stub.halfClose();
            until(() -> attachment.closed, "the end of a stub");
          });
    }
  }

  /** Turns end just when they are cut off; the object goes on, with the old thread or a new one. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anObjectWhoseTurnsAreCutOffGoesOn(boolean borrows) {
    Seeds.each(1, seed -> callWhileTurnsAreCutOff(borrows, seed));
  }

  private void callWhileTurnsAreCutOff(boolean borrows, long seed) throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    try (TestObjects objects =
        objects(borrows, Duration.ofMillis(20), WakeUpRaceTest::longEnough)) {
      Thread cutter = Thread.ofPlatform().start(() -> cutOff(objects, over, new Random(seed)));
      try {
        play(
            seed,
            random -> {
              for (int i = 0; i < STUBS; i++) {
                RecordingAttachment attachment = new RecordingAttachment();
                Session stub = objects.open("a", attachment);
                boolean round = random.nextInt(4) == 0 && objects.directory.beginRound();
                for (int call = 1; call <= 4; call++) {
                  stub.add(TestObjects.invocations(call, "x"), 1);
                  spin(random.nextInt(500));
                }
                if (round) {
                  objects.directory.endRound();
                }
                end(stub, attachment);
              }
              if (Thread.interrupted()) {
                breaches.add("a client's thread was interrupted for a turn");
              }
            });
      } finally {
        over.set(true);
        cutter.join();
      }
      Wait.until(() -> objects.directory.objects().isEmpty(), "the end of the object");
    }
  }

  /** Tells at once, and without a lock, what has come: the client is to be as quick as it can. */
  private static final class CountingAttachment implements Attachment {
    volatile boolean reading = true;
    volatile long outcomes;
    volatile boolean closed;

    @Override
    public boolean isReady() {
      return reading;
    }

    @Override
    public void send(List<Outcome> sent, @Nullable Broken broken) {
      if (!sent.isEmpty()) {
        outcomes = sent.getLast().sequence();
      }
    }

    @Override
    public void close(Status status) {
      closed = true;
    }
  }

  private static TestObjects objects(boolean borrows, Duration idleLimit, Probe.Method method) {
    TestObjects objects =
        new TestObjects(
            HostLimits.builder().idleLimit(idleLimit).maxUnreadOutcomeBytes(1).build(),
            Probe.doing(method),
            StorageEngine.open(StorageOptions.memory()),
            borrows ? requireNonNull(MountedThread.Starter.find()) : null);
    objects.prove("Do");
    return objects;
  }

  private void alone(Probe probe, Words request, StreamObserver<Words> reply) {
    if (inside.incrementAndGet() != 1) {
      breaches.add("two turns at once");
    }
    inside.decrementAndGet();
    Probe.echo(probe, request, reply);
  }

  private static void longEnough(Probe probe, Words request, StreamObserver<Words> reply) {
    spin(50);
    Probe.echo(probe, request, reply);
  }

  private static void cutOff(TestObjects objects, AtomicBoolean over, Random random) {
    BreakCause cause = BreakCause.of(BreakReason.OBJECT_RESET, "cut off by a test");
    while (!over.get()) {
      for (LiveObject object : objects.directory.objects()) {
        object.cutOff().running(cause);
      }
      spin(random.nextInt(2_000));
    }
  }

  private void play(long seed, Client client) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      Random random = new Random(seed + i);
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      client.play(random);
                    } catch (Throwable e) {
                      breaches.add(String.valueOf(e));
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(breaches).isEmpty();
  }

  private void end(Session stub, RecordingAttachment attachment) {
    stub.halfClose();
    until(attachment::isClosed, "the end of a stub");
    breaches.addAll(attachment.breaches());
  }

  /** Waits without a pause, so as to be back at the very moment. */
  private static void until(BooleanSupplier condition, String what) {
    long end = System.nanoTime() + PATIENCE_NANOS;
    for (int i = 1; !condition.getAsBoolean(); i++) {
      if (i % 10_000 != 0) {
        Thread.onSpinWait();
      } else if (System.nanoTime() - end > 0) {
        throw new AssertionError("never came: " + what);
      } else {
        Thread.yield();
      }
    }
  }

  private static void spin(int times) {
    for (int i = 0; i < times; i++) {
      Thread.onSpinWait();
    }
  }
}
