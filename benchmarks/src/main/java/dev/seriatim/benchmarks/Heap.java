package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BareGrpc;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntFunction;

/** What streams, stubs and objects hold of the host's heap while they are idle. */
final class Heap implements Group {
  private static final int IDLE = 10_000;

  /** What is open: a stub that nobody has any more would be closed by itself. */
  private static final List<DurableObjectStub> OPEN = new ArrayList<>();

  @Override
  public String name() {
    return "heap";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    HostProcess host = bench.host();
    Rounds streams = new Rounds();
    Rounds stubs = new Rounds();
    Rounds lanes = new Rounds();
    Rounds both = new Rounds();
    ManagedChannel control = Loads.connect(host.barePort());
    try {
      BareGrpc.BareBlockingStub heap = BareGrpc.newBlockingStub(control);
      for (int round = 0; round < bench.rounds(); round++) {
        bench.progress(round, "heap of %,d idle streams".formatted(IDLE));
        streams.add(bytesOfOne(heap, () -> idleStreams(host)));
        bench.progress(round, "heap of %,d idle stubs on one object".formatted(IDLE));
        String one = "idle-" + round;
        stubs.add(bytesOfOne(heap, () -> idleStubs(host, i -> one, /* sharedCalls= */ 0)));
        bench.progress(round, "heap of %,d idle stubs on one shared call".formatted(IDLE));
        lanes.add(bytesOfOne(heap, () -> idleStubs(host, i -> one, /* sharedCalls= */ 1)));
        bench.progress(round, "heap of %,d idle objects, with a stub each".formatted(IDLE));
        both.add(bytesOfOne(heap, () -> idleStubs(host, i -> one + "-" + i, 0)));
      }
    } finally {
      control.shutdownNow();
    }
    Results results = bench.results();
    results.add(
        Figure.of("idle stub's heap on the host", stubs, "bytes", "idle bare stream", streams)
            .atMost(1.5));
    results.add(
        Figure.of("idle stub's heap on the host, on a shared call", lanes, "bytes").atMost(500));
    results.add(Figure.of("idle object's heap", both.minus(stubs), "bytes").atMost(1024));
  }

  private interface Opening {
    /** Opens something {@link #IDLE} times, all on the channel that it gives back. */
    ManagedChannel open() throws InterruptedException;
  }

  private static double bytesOfOne(BareGrpc.BareBlockingStub heap, Opening opening)
      throws InterruptedException {
    long before = settledHeap(heap);
    ManagedChannel channel = opening.open();
    long after = settledHeap(heap);
    channel.shutdownNow();
    OPEN.clear();
    return (after - before) / (double) IDLE;
  }

  /** The host's heap when it has finished with what was before: when two readings agree. */
  private static long settledHeap(BareGrpc.BareBlockingStub heap) throws InterruptedException {
    long last = Long.MAX_VALUE;
    for (int i = 0; i < 50; i++) {
      long now = heap.usedHeap(Payload.getDefaultInstance()).getBytes();
      if (Math.abs(now - last) < IDLE) {
        return now;
      }
      last = now;
      Thread.sleep(100);
    }
    return last;
  }

  private static ManagedChannel idleStreams(HostProcess host) throws InterruptedException {
    ManagedChannel channel = Loads.connect(host.barePort());
    CountDownLatch answered = new CountDownLatch(IDLE);
    for (int i = 0; i < IDLE; i++) {
      ClientCall<Payload, Payload> call =
          channel.newCall(BareGrpc.getStreamMethod(), CallOptions.DEFAULT);
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onMessage(Payload message) {
              answered.countDown();
            }
          },
          new Metadata());
      call.request(1);
      call.sendMessage(Loads.payload(Loads.SMALL));
    }
    answered.await();
    return channel;
  }

  /** Stubs that have made one call each, on the objects of these names. */
  private static ManagedChannel idleStubs(
      HostProcess host, IntFunction<String> names, int sharedCalls) throws InterruptedException {
    ManagedChannel channel = Loads.connect(host.memoryPort());
    CountDownLatch answered = new CountDownLatch(IDLE);
    DurableObjectNamespace objects =
        StubLoads.namespace(channel, BenchObject.NAMESPACE, sharedCalls);
    for (int i = 0; i < IDLE; i++) {
      DurableObjectStub stub = objects.getByName(names.apply(i));
      OPEN.add(stub);
      stub.call(BenchGrpc.getEchoMethod(), Loads.payload(Loads.SMALL))
          .addListener(answered::countDown, Runnable::run);
    }
    answered.await();
    return channel;
  }
}
