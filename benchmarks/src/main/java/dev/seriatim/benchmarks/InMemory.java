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
    boolean timed = bench.inFlight(1).length > 0;
    addDirect(results, timed);
    addFuture(results, timed);
  }

  private static void addDirect(Results results, boolean timed) {
    Curves rates = results.throughput();
    rates.beside(BARE_STREAM, DIRECT, 4096).map(f -> f.atLeast(2.5)).ifPresent(results::add);
    rates.beside(BARE_UNARY, DIRECT, 4096).map(f -> f.atLeast(15)).ifPresent(results::add);
    rates.beside(BARE_STREAM, DIRECT, 256).map(f -> f.atLeast(1.2)).ifPresent(results::add);
    rates.beside(BARE_STREAM, DIRECT, 16).ifPresent(results::add);
    if (timed) {
      Latency stream = results.latency(BARE_STREAM);
      results.add(p50(DIRECT, results.latency(DIRECT), stream).atMost(1.15));
      results.add(p99(DIRECT, results.latency(DIRECT), stream).atMost(1.3));
    }
  }

  private static void addFuture(Results results, boolean timed) {
    Curves rates = results.throughput();
    rates.beside(BARE_STREAM, FUTURE, 4096).map(f -> f.atLeast(2)).ifPresent(results::add);
    rates.beside(BARE_UNARY, FUTURE, 4096).ifPresent(results::add);
    rates.beside(BARE_STREAM, FUTURE, 256).ifPresent(results::add);
    rates.beside(BARE_STREAM, FUTURE, 16).ifPresent(results::add);
    if (timed) {
      Latency stream = results.latency(BARE_STREAM);
      results.add(p50(FUTURE, results.latency(FUTURE), stream));
      results.add(p99(FUTURE, results.latency(FUTURE), stream));
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
