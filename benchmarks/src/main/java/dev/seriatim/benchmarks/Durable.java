package dev.seriatim.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/** Calls on one object that are durable before they are answered, beside SQLite itself. */
final class Durable implements Group {
  private static final String BARE_SQLITE = "bare SQLite";
  private static final String DIRECT = "durable, direct call";
  private static final String FUTURE = "durable, future stub";
  private static final String ROWS = "durable, a row for each call";

  @Override
  public String name() {
    return "durable";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    Results results = bench.results();
    Curves rates = results.throughput();
    HostProcess host = bench.host();
    Load.Opener stream = BareLoads.stream(host.barePort(), Loads.SMALL);
    bench.progress("warming the store up");
    bench.warmUp(StubLoads.increment(host.durablePort(), BenchObject.NAMESPACE));
    Latency streams = new Latency();
    Latency commits = new Latency();
    try (SqliteReference sqlite = new SqliteReference(bench.scratch().directory("sqlite"))) {
      for (int round = 0; round < bench.rounds(); round++) {
        for (int inFlight : bench.inFlight(1, 16, 256, 4096)) {
          bench.progress(round, "%s, %,d at once".formatted(BARE_SQLITE, inFlight));
          Run commit = sqlite.run(inFlight, bench.time());
          rates.at(BARE_SQLITE, inFlight).add(commit.rate());
          if (inFlight == 1) {
            commits.add(commit);
            streams.add(bench.run(round, MemoryLoads.BARE_STREAM, stream, 1));
          }
          for (var load : loads(host).entrySet()) {
            Run run = bench.run(round, load.getKey(), load.getValue(), inFlight);
            rates.at(load.getKey(), inFlight).add(run.rate());
            if (inFlight == 1) {
              results.latency(load.getKey()).add(run);
            }
          }
        }
      }
    }
    rates.beside(BARE_SQLITE, DIRECT, 4096).map(f -> f.atLeast(0.5)).ifPresent(results::add);
    rates.beside(BARE_SQLITE, ROWS, 4096).map(f -> f.atLeast(0.5)).ifPresent(results::add);
    rates.beside(BARE_SQLITE, FUTURE, 4096).ifPresent(results::add);
    rates.beside(BARE_SQLITE, DIRECT, 256).ifPresent(results::add);
    rates.beside(BARE_SQLITE, ROWS, 256).ifPresent(results::add);
    if (bench.inFlight(1).length > 0) {
      Latency direct = results.latency(DIRECT);
      String oneAtATime = DIRECT + ", one at a time, ";
      String reference = "bare stream + one SQLite commit";
      Rounds p50 = streams.p50().plus(commits.p50());
      Rounds p99 = streams.p99().plus(commits.p99());
      results.add(Figure.of(oneAtATime + "p50", direct.p50(), "µs", reference, p50).atMost(1.2));
      results.add(Figure.of(oneAtATime + "p99", direct.p99(), "µs", reference, p99));
    }
  }

  private static Map<String, Load.Opener> loads(HostProcess host) {
    int port = host.durablePort();
    Map<String, Load.Opener> loads = new LinkedHashMap<>();
    loads.put(DIRECT, StubLoads.increment(port, BenchObject.NAMESPACE));
    loads.put(ROWS, StubLoads.increment(port, RowsObject.NAMESPACE));
    loads.put(FUTURE, StubLoads.futureIncrement(port));
    return loads;
  }
}
