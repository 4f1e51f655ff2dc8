package dev.seriatim.benchmarks;

import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import io.grpc.MethodDescriptor;

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
