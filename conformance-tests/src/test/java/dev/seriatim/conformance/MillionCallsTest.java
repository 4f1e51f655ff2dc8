package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.conformance.HostUnderTest.Transport;
import dev.seriatim.conformance.v1.AppendRequest;
import dev.seriatim.conformance.v1.AppendResponse;
import dev.seriatim.conformance.v1.ProbeGrpc;
import dev.seriatim.service.Seeds;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A million calls from 8 threads on 64 objects, over one connection. The objects' own journals show
 * that none was lost, doubled or reordered, and that no two turns of an object overlapped.
 *
 * <p>Which object a call goes to, and through which stub, is drawn from a seed, so that a failure
 * can be played again.
 */
final class MillionCallsTest {
  private static final int THREADS = 8;
  private static final int OBJECTS = 64;
  private static final int CALLS_PER_THREAD = 125_000;
  private static final int UNANSWERED_PER_THREAD = 4_000;
  private static final long SEED = 20_261_123;

  /** A stub, and how many calls one thread has made on it. */
  private static final class Line {
    private final DurableObjectStub stub;
    private final String label;
    private int made;

    /** Written by the thread that the stub's outcomes come on. */
    private volatile long lastLength;

    Line(DurableObjectStub stub, String label) {
      this.stub = stub;
      this.label = label;
    }
  }

  private final Queue<String> faults = new ConcurrentLinkedQueue<>();

  @Test
  @Timeout(300)
  void noneIsLostDoubledReorderedOrOverlapped() {
    Seeds.each(LongStream.of(SEED), 0, this::callAMillionTimes);
  }

  private void callAMillionTimes(long seed) throws Exception {
    try (HostUnderTest host = HostUnderTest.start(Transport.LOOPBACK, Set.of());
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      ManagedChannel channel = host.connect();
      try {
        DurableObjects objects = DurableObjects.on(channel);
        List<DurableObjectStub> shared = new ArrayList<>();
        for (int object = 0; object < OBJECTS; object++) {
          shared.add(stub(objects, object));
        }
        List<List<Line>> lines = new ArrayList<>();
        List<Future<?>> done = new ArrayList<>();
        for (int thread = 0; thread < THREADS; thread++) {
          List<Line> own = new ArrayList<>();
          for (int object = 0; object < OBJECTS; object++) {
            own.add(new Line(stub(objects, object), "own-" + thread));
            own.add(new Line(shared.get(object), "shared-" + thread));
          }
          lines.add(own);
          Random random = new Random(seed + thread);
          done.add(threads.submit(() -> callAll(own, random)));
        }
        for (Future<?> thread : done) {
          thread.get();
        }
        assertThat(faults).isEmpty();
        checkJournals(host, shared, lines);
      } finally {
        channel.shutdownNow();
      }
    }
  }

  private static DurableObjectStub stub(DurableObjects objects, int object) {
    return objects.namespace("PROBE").getByName("million-" + object);
  }

  private Void callAll(List<Line> lines, Random random) throws InterruptedException {
    Semaphore room = new Semaphore(UNANSWERED_PER_THREAD);
    for (int call = 0; call < CALLS_PER_THREAD && faults.isEmpty(); call++) {
      Line line = lines.get(random.nextInt(lines.size()));
      String mark = line.label + '/' + ++line.made;
      if (!room.tryAcquire(60, TimeUnit.SECONDS)) {
        faults.add("no outcome came for a minute, before " + mark);
        return null;
      }
      ListenableFuture<AppendResponse> reply =
          line.stub.call(
              ProbeGrpc.getAppendMethod(), AppendRequest.newBuilder().setMark(mark).build());
      Futures.addCallback(reply, new Reply(room, line, mark), MoreExecutors.directExecutor());
    }
    if (faults.isEmpty() && !room.tryAcquire(UNANSWERED_PER_THREAD, 60, TimeUnit.SECONDS)) {
      faults.add("the last outcomes never came");
    }
    return null;
  }

  private final class Reply implements FutureCallback<AppendResponse> {
    private final Semaphore room;
    private final Line line;
    private final String mark;

    Reply(Semaphore room, Line line, String mark) {
      this.room = room;
      this.line = line;
      this.mark = mark;
    }

    @Override
    public void onSuccess(AppendResponse response) {
      if (!response.getMark().equals(mark)) {
        faults.add(mark + " was answered with " + response.getMark());
      }
      if (response.getLength() <= line.lastLength) {
        faults.add(mark + " ran at " + response.getLength() + ", behind " + line.lastLength);
      }
      line.lastLength = response.getLength();
      room.release();
    }

    @Override
    public void onFailure(Throwable thrown) {
      faults.add(mark + " failed: " + thrown);
      room.release();
    }
  }

  private static void checkJournals(
      HostUnderTest host, List<DurableObjectStub> objects, List<List<Line>> lines) {
    int total = 0;
    for (int object = 0; object < OBJECTS; object++) {
      ProbeWorld.Evidence evidence = host.world().evidence(objects.get(object).id().toString());
      assertThat(evidence.overlaps()).isEqualTo(0);
      assertThat(evidence.instances()).isEqualTo(1);
      Map<String, Integer> seen = new HashMap<>();
      for (String mark : evidence.marks()) {
        int slash = mark.indexOf('/');
        int expected = seen.merge(mark.substring(0, slash), 1, Integer::sum);
        if (Integer.parseInt(mark.substring(slash + 1)) != expected) {
          throw new AssertionError(
              "object %d ran %s where %d of it was expected".formatted(object, mark, expected));
        }
        total++;
      }
      for (List<Line> thread : lines) {
        for (Line line : thread.subList(2 * object, 2 * object + 2)) {
          assertThat(seen.getOrDefault(line.label, 0)).isEqualTo(line.made);
        }
      }
    }
    assertThat(total).isEqualTo(THREADS * CALLS_PER_THREAD);
  }
}
