package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import io.grpc.MethodDescriptor;
import java.time.Duration;

/**
 * Calls through a stub that outlives its connections, beside the same calls through one that
 * doesn't.
 */
final class Resumable implements Group {
  @Override
  public String name() {
    return "resumable";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    HostProcess host = bench.host();
    MethodDescriptor<Payload, Payload> increment = BenchGrpc.getIncrementMethod();
    for (int inFlight : bench.inFlight(1, 4096)) {
      beside(
          bench,
          inFlight,
          "resumable, in memory",
          host.memoryPort(),
          BenchObject.NAMESPACE,
          BenchGrpc.getEchoMethod(),
          inFlight == 1 ? 1.03 : 0.95);
      beside(
          bench,
          inFlight,
          "resumable, durable",
          host.durablePort(),
          BenchObject.NAMESPACE,
          increment,
          inFlight == 1 ? 1.08 : 0.75);
      beside(
          bench,
          inFlight,
          "resumable, durable, a row for each call",
          host.durablePort(),
          RowsObject.NAMESPACE,
          increment,
          inFlight == 1 ? 1.08 : 0.85);
    }
    keys(bench);
    afterCut(bench);
    heap(bench);
  }

  private static void keys(Bench bench) throws Exception {
    Latency plain = new Latency();
    Latency keyed = new Latency();
    for (int round = -1; round < bench.rounds(); round++) {
      // An object of their own in each round: an object remembers only so many keys.
      String name = "keys-" + round;
      int port = bench.host().durablePort();
      Load.Opener without = StubLoads.headerIncrement(port, name, /* keys= */ false);
      Load.Opener with = StubLoads.headerIncrement(port, name + "-kept", /* keys= */ true);
      if (round < 0) {
        ClosedLoop.run(without, 1, Duration.ZERO, bench.firstWarmUp());
        ClosedLoop.run(with, 1, Duration.ZERO, bench.firstWarmUp());
      } else {
        plain.add(bench.run(round, "durable header call", without, 1));
        keyed.add(bench.run(round, "durable header call with an idempotency key", with, 1));
      }
    }
    bench
        .results()
        .add(
            Figure.of(
                    "idempotency key, durable, one at a time, p50",
                    keyed.p50(),
                    "µs",
                    "header call without",
                    plain.p50())
                .atMost(1.15));
  }

  private static void afterCut(Bench bench) throws Exception {
    Latency connecting = new Latency();
    Latency resuming = new Latency();
    try (Reconnections reconnections = new Reconnections(bench.host())) {
      Run _ = reconnections.bare(bench.cuts());
      Run _ = reconnections.resumable(bench.cuts());
      for (int round = 0; round < bench.rounds(); round++) {
        bench.progress(round, "connecting a bare stream, %d times".formatted(bench.cuts()));
        connecting.add(reconnections.bare(bench.cuts()));
        bench.progress(round, "cutting a resumable stub, %d times".formatted(bench.cuts()));
        resuming.add(reconnections.resumable(bench.cuts()));
      }
    }
    bench
        .results()
        .add(
            Figure.of(
                    "resumable, from a cut to the next outcome, p50",
                    resuming.p50(),
                    "µs",
                    "connecting a bare stream and one echo",
                    connecting.p50())
                .atMost(2));
  }

  private static void heap(Bench bench) throws Exception {
    Rounds plain = new Rounds();
    Rounds resumable = new Rounds();
    try (IdleHeap heap = new IdleHeap(bench.host())) {
      for (int round = 0; round < bench.rounds(); round++) {
        String one = "idle-resumable-" + round;
        bench.progress(round, "heap of %,d idle stubs".formatted(IdleHeap.IDLE));
        plain.add(heap.ofStub(i -> one + "-" + i, /* sharedCalls= */ 0));
        bench.progress(round, "heap of %,d idle resumable stubs".formatted(IdleHeap.IDLE));
        resumable.add(heap.ofResumableStub(i -> one + "-" + i));
      }
    }
    bench
        .results()
        .add(
            Figure.of(
                    "idle resumable stub's heap on the host",
                    resumable,
                    "bytes",
                    "idle stub",
                    plain)
                .atMost(1.15));
  }

  private static void beside(
      Bench bench,
      int inFlight,
      String what,
      int port,
      String namespace,
      MethodDescriptor<Payload, Payload> method,
      double target)
      throws Exception {
    Load.Opener plain = StubLoads.beside(port, namespace, method, /* resumable= */ false);
    Load.Opener resumable = StubLoads.beside(port, namespace, method, /* resumable= */ true);
    bench.warmUp(resumable);
    Rounds plainRates = new Rounds();
    Rounds rates = new Rounds();
    Latency plainTimes = new Latency();
    Latency times = new Latency();
    for (int round = 0; round < bench.rounds(); round++) {
      Run ofPlain = bench.run(round, "plain, for " + what, plain, inFlight);
      Run run = bench.run(round, what, resumable, inFlight);
      plainRates.add(ofPlain.rate());
      rates.add(run.rate());
      if (inFlight == 1) {
        plainTimes.add(ofPlain);
        times.add(run);
      }
    }
    bench
        .results()
        .add(
            inFlight == 1
                ? Figure.of(
                        what + ", one at a time, p50", times.p50(), "µs", "plain", plainTimes.p50())
                    .atMost(target)
                : Figure.of(
                        "%s, %,d in flight".formatted(what, inFlight),
                        rates,
                        "calls/s",
                        "plain",
                        plainRates)
                    .atLeast(target));
  }
}
