package dev.seriatim.benchmarks;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stubs on an object each, which call it now and again whether or not they were answered: how long
 * the longest call of each has taken is how long it has stood still. Some of them, the probes, call
 * so often that they see all of it; the others are the load. Each call is a durable turn.
 */
final class PacedStubs implements AutoCloseable {
  /** Every how many stubs one is a probe. */
  private static final int PROBES = 10;

  private static final Duration PROBE_PACE = Duration.ofMillis(25);
  private static final Duration PACE = Duration.ofMillis(500);

  private final ManagedChannel channel;
  private final ScheduledExecutorService pace = Executors.newScheduledThreadPool(1);
  private final List<Paced> stubs = new ArrayList<>();
  private final AtomicLong answered = new AtomicLong();
  private final AtomicInteger broken = new AtomicInteger();
  private volatile String lastFailure = "none";

  /** One stub, and the next one on the same object if it breaks. */
  private final class Paced {
    private final DurableObjectNamespace namespace;
    private final String name;
    private final int slot;
    private final boolean probe;
    private final AtomicLong longest = new AtomicLong();

    /** Only the thread of the pace writes it. */
    private DurableObjectStub stub;

    private Paced(DurableObjectNamespace namespace, String name, boolean probe) {
      this.namespace = namespace;
      this.name = name;
      this.slot = Slots.of(namespace.idFromName(name));
      this.probe = probe;
      this.stub = namespace.getByName(name);
    }

    private void call() {
      if (stub.isBroken()) {
        broken.incrementAndGet();
        stub = namespace.getByName(name);
      }
      long began = System.nanoTime();
      Futures.addCallback(
          stub.call(BenchGrpc.getIncrementMethod(), Loads.payload(Loads.SMALL)),
          new FutureCallback<Payload>() {
            @Override
            public void onSuccess(Payload answer) {
              answered.incrementAndGet();
              longest.accumulateAndGet(System.nanoTime() - began, Math::max);
            }

            @Override
            public void onFailure(Throwable failure) {
              // Its stub is broken, which is counted.
              lastFailure = failure.toString();
            }
          },
          MoreExecutors.directExecutor());
    }
  }

  /** Opens so many through the host at this port, half of them on shared calls; they call on. */
  PacedStubs(int port, int count) {
    channel = Loads.connect(port);
    List<DurableObjectNamespace> namespaces =
        List.of(
            StubLoads.namespace(channel, BenchObject.NAMESPACE),
            StubLoads.namespace(channel, BenchObject.NAMESPACE, 2));
    for (int number = 0; number < count; number++) {
      // Odd and even ones among the probes, too.
      DurableObjectNamespace namespace = namespaces.get(number / PROBES % 2);
      Paced stub = new Paced(namespace, "moves-" + number, number % PROBES == 0);
      stubs.add(stub);
      long each = (stub.probe ? PROBE_PACE : PACE).toNanos();
      var _ =
          pace.scheduleAtFixedRate(stub::call, each * number / count, each, TimeUnit.NANOSECONDS);
    }
  }

  /** Forgets how long calls have taken so far, and what broke. */
  void forget() {
    stubs.forEach(stub -> stub.longest.set(0));
    broken.set(0);
  }

  /** How many calls were answered so far. */
  long answered() {
    return answered.get();
  }

  /** Which stubs have broken since. */
  int broken() {
    return broken.get();
  }

  /** What the last call was told that failed. */
  String lastFailure() {
    return lastFailure;
  }

  /** Whether each has had an answer since. */
  boolean allAnswered() {
    return stubs.stream().allMatch(stub -> stub.longest.get() > 0);
  }

  /** Whether each has had an answer since, and none has waited for longer than this. */
  boolean allAnsweredWithin(Duration limit) {
    return stubs.stream()
        .mapToLong(stub -> stub.longest.get())
        .allMatch(longest -> longest > 0 && longest <= limit.toNanos());
  }

  /** The longest call of each stub since whose slot has moved, or of the probes among them. */
  List<Duration> longest(boolean onlyProbes, int[] ownersBefore, int[] ownersNow) {
    return stubs.stream()
        .filter(stub -> stub.probe || !onlyProbes)
        .filter(stub -> ownersBefore[stub.slot] != ownersNow[stub.slot])
        .map(stub -> Duration.ofNanos(stub.longest.get()))
        .toList();
  }

  @Override
  public void close() {
    pace.shutdownNow();
    channel.shutdownNow();
  }
}
