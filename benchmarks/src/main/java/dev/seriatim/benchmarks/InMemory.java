package dev.seriatim.benchmarks;

import static dev.seriatim.benchmarks.MemoryLoads.BARE_STREAM;
import static dev.seriatim.benchmarks.MemoryLoads.BARE_UNARY;
import static dev.seriatim.benchmarks.MemoryLoads.DIRECT;
import static dev.seriatim.benchmarks.MemoryLoads.FUTURE;

import java.util.Map;

/** Calls on one object that touch no storage, by calls in flight. */
final class InMemory implements Group {
  @Override
  public String name() {
    return "memory";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    Results results = bench.results();
    Curves rates = results.throughput();
    Map<String, Load.Opener> loads = MemoryLoads.of(bench.host(), Loads.SMALL);
    for (int round = 0; round < bench.rounds(); round++) {
      for (int inFlight : bench.inFlight(1, 16, 256, 4096)) {
        for (var load : loads.entrySet()) {
          Run run = bench.run(round, load.getKey(), load.getValue(), inFlight);
          rates.at(load.getKey(), inFlight).add(run.rate());
          if (inFlight == 1) {
            results.latency(load.getKey()).add(run);
          }
        }
      }
    }
    rates.beside(BARE_STREAM, DIRECT, 4096).map(f -> f.atLeast(2.5)).ifPresent(results::add);
    rates.beside(BARE_UNARY, DIRECT, 4096).map(f -> f.atLeast(15)).ifPresent(results::add);
    rates.beside(BARE_STREAM, DIRECT, 256).map(f -> f.atLeast(1.2)).ifPresent(results::add);
    rates.beside(BARE_STREAM, DIRECT, 16).ifPresent(results::add);
    rates.beside(BARE_STREAM, FUTURE, 4096).map(f -> f.atLeast(2)).ifPresent(results::add);
    rates.beside(BARE_UNARY, FUTURE, 4096).ifPresent(results::add);
    rates.beside(BARE_STREAM, FUTURE, 256).ifPresent(results::add);
    rates.beside(BARE_STREAM, FUTURE, 16).ifPresent(results::add);
    if (bench.inFlight(1).length > 0) {
      Latency stream = results.latency(BARE_STREAM);
      Latency direct = results.latency(DIRECT);
      Latency future = results.latency(FUTURE);
      results.add(p50(DIRECT, direct, stream).atMost(1.15));
      results.add(p99(DIRECT, direct, stream).atMost(1.3));
      results.add(p50(FUTURE, future, stream));
      results.add(p99(FUTURE, future, stream));
    }
  }

  private static Figure p50(String load, Latency latency, Latency stream) {
    String figure = load + ", one at a time, p50";
    return Figure.of(figure, latency.p50(), "µs", BARE_STREAM, stream.p50());
  }

  private static Figure p99(String load, Latency latency, Latency stream) {
    String figure = load + ", one at a time, p99";
    return Figure.of(figure, latency.p99(), "µs", BARE_STREAM, stream.p99());
  }
}
