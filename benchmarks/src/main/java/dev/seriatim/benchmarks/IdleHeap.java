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

/** What one idle stream, or one idle stub, holds of the host's heap: the mean of many. */
final class IdleHeap implements AutoCloseable {
  /** How many are open at once. */
  static final int IDLE = 10_000;

  /** What is open: a stub that nobody has any more would be closed by itself. */
  private static final List<DurableObjectStub> OPEN = new ArrayList<>();

  private final HostProcess host;
  private final ManagedChannel control;
  private final BareGrpc.BareBlockingStub heap;

  IdleHeap(HostProcess host) {
    this.host = host;
    this.control = Loads.connect(host.barePort());
    this.heap = BareGrpc.newBlockingStub(control);
  }

  @Override
  public void close() {
    control.shutdownNow();
  }

  double ofStream() throws InterruptedException {
    return bytesOfOne(this::idleStreams);
  }

  /** Of a stub on the objects of these names. */
  double ofStub(IntFunction<String> names, int sharedCalls) throws InterruptedException {
    return bytesOfOne(() -> idleStubs(names, sharedCalls, /* resumable= */ false));
  }

  /** Of one that outlives its connections. */
  double ofResumableStub(IntFunction<String> names) throws InterruptedException {
    return bytesOfOne(() -> idleStubs(names, /* sharedCalls= */ 0, /* resumable= */ true));
  }

  private interface Opening {
    /** Opens something {@link #IDLE} times, all on the channel that it gives back. */
    ManagedChannel open() throws InterruptedException;
  }

  private double bytesOfOne(Opening opening) throws InterruptedException {
    long before = settledHeap();
    ManagedChannel channel = opening.open();
    long after = settledHeap();
    channel.shutdownNow();
    OPEN.clear();
    return (after - before) / (double) IDLE;
  }

  /** The host's heap when it has finished with what was before: when two readings agree. */
  private long settledHeap() throws InterruptedException {
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

  private ManagedChannel idleStreams() throws InterruptedException {
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
  private ManagedChannel idleStubs(IntFunction<String> names, int sharedCalls, boolean resumable)
      throws InterruptedException {
    ManagedChannel channel = Loads.connect(host.memoryPort());
    CountDownLatch answered = new CountDownLatch(IDLE);
    DurableObjectNamespace plain = StubLoads.namespace(channel, BenchObject.NAMESPACE, sharedCalls);
    DurableObjectNamespace objects = resumable ? plain.resumable() : plain;
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
