package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.conformance.HostUnderTest.Transport;
import dev.seriatim.conformance.v1.AppendRequest;
import dev.seriatim.conformance.v1.AppendResponse;
import dev.seriatim.conformance.v1.ProbeGrpc;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.Fate;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Shuts a host down in the middle of a flood from many stubs, and accounts for each single call:
 * what was answered is what ran, and nothing is unknown (rules 8, 9 and 12).
 */
final class DrainUnderLoadTest {
  private static final int STUBS = 32;
  private static final int OBJECTS = 8;
  private static final int UNANSWERED_PER_STUB = 500;
  private static final int COMPLETED_BEFORE_DRAIN = 20_000;

  private final CountDownLatch underLoad = new CountDownLatch(COMPLETED_BEFORE_DRAIN);

  /** Each stub was answered once: one that isn't open yet can't be told of the drain. */
  private final CountDownLatch open = new CountDownLatch(STUBS);

  private final Queue<String> faults = new ConcurrentLinkedQueue<>();

  @ParameterizedTest
  @EnumSource
  @Timeout(180)
  void everyCallIsAccountedFor(Transport transport) throws Exception {
    try (HostUnderTest host = HostUnderTest.start(transport, Set.of());
        ExecutorService threads = Executors.newFixedThreadPool(STUBS)) {
      ManagedChannel channel = host.connect();
      try {
        DurableObjects objects = DurableObjects.on(channel);
        List<Flood> floods = new ArrayList<>();
        List<Future<?>> done = new ArrayList<>();
        for (int i = 0; i < STUBS; i++) {
          DurableObjectStub stub = objects.namespace("PROBE").getByName("drain-" + i % OBJECTS);
          Flood flood = new Flood(stub, "stub-" + i);
          stub.id(); // Asks the host for the namespace's key, which it can't once the host is gone.
          floods.add(flood);
          done.add(threads.submit(flood::run));
        }
        assertWithMessage("load").that(underLoad.await(60, TimeUnit.SECONDS)).isTrue();
        assertWithMessage("open stubs").that(open.await(60, TimeUnit.SECONDS)).isTrue();

        host.host().drain();

        for (Future<?> flood : done) {
          flood.get();
        }
        assertThat(faults).isEmpty();
        for (Flood flood : floods) {
          flood.check(host.world());
        }
      } finally {
        channel.shutdownNow();
      }
    }
  }

  /** One stub, called until it breaks. */
  private final class Flood {
    private final DurableObjectStub stub;
    private final String label;
    private final Semaphore room = new Semaphore(UNANSWERED_PER_STUB);
    private final AtomicInteger completed = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private int made;

    Flood(DurableObjectStub stub, String label) {
      this.stub = stub;
      this.label = label;
    }

    Void run() throws InterruptedException {
      while (failed.get() == 0) {
        if (!room.tryAcquire(60, TimeUnit.SECONDS)) {
          faults.add(label + ": no outcome came for a minute");
          return null;
        }
        int number = ++made;
        Futures.addCallback(
            stub.call(
                ProbeGrpc.getAppendMethod(),
                AppendRequest.newBuilder().setMark(label + '/' + number).build()),
            new FutureCallback<AppendResponse>() {
              @Override
              public void onSuccess(AppendResponse response) {
                if (failed.get() != 0 || completed.incrementAndGet() != number) {
                  faults.add(label + ": " + number + " completed out of order");
                }
                underLoad.countDown();
                if (number == 1) {
                  open.countDown();
                }
                room.release();
              }

              @Override
              public void onFailure(Throwable thrown) {
                failed.incrementAndGet();
                CallFailure failure = CallFailure.of(thrown).orElse(null);
                if (failure == null
                    || !failure.reason().equals("HOST_DRAINING")
                    || failure.fate() != Fate.NOT_EXECUTED) {
                  faults.add(
                      label
                          + ": "
                          + number
                          + " failed with "
                          + thrown
                          + (failure == null ? "" : ", fate " + failure.fate()));
                }
                room.release();
              }
            },
            MoreExecutors.directExecutor());
      }
      if (!room.tryAcquire(UNANSWERED_PER_STUB, 60, TimeUnit.SECONDS)) {
        faults.add(label + ": the last answers never came");
      }
      return null;
    }

    void check(ProbeWorld world) {
      List<String> ran =
          world.evidence(stub.id().toString()).marks().stream()
              .filter(mark -> mark.startsWith(label + '/'))
              .toList();
      assertThat(completed.get() + failed.get()).isEqualTo(made);
      assertWithMessage(label)
          .that(ran)
          .isEqualTo(
              IntStream.rangeClosed(1, completed.get())
                  .mapToObj(number -> label + '/' + number)
                  .toList());
    }
  }
}
