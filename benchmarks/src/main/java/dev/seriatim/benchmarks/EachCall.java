package dev.seriatim.benchmarks;

import java.util.List;

/** A stub that is opened for each call, or a header on each: beside bare unary calls. */
final class EachCall {
  private static final int NAMES = 10_000;

  private EachCall() {}

  /** One way to make calls, and what came of it. */
  private record Way(String name, double target, Load.Opener load, Rounds rates, Rounds cpuMicros) {
    Way(String name, double target, Load.Opener load) {
      this(name, target, load, new Rounds(), new Rounds());
    }
  }

  static void measure(Bench bench, int inFlight) throws Exception {
    HostProcess host = bench.host();
    int port = host.memoryPort();
    Way unary = new Way("bare unary", 1, BareLoads.unary(host.barePort(), Loads.SMALL));
    List<Way> ours =
        List.of(
            new Way("header call", 0.8, StubLoads.headerCall(port, Loads.SMALL, NAMES)),
            new Way(
                "stub for each call, on a call of its own",
                0.8,
                StubLoads.eachCall(port, Loads.SMALL, NAMES, /* sharedCalls= */ 0)),
            new Way(
                "stub for each call, on a shared call",
                3,
                StubLoads.eachCall(port, Loads.SMALL, NAMES, /* sharedCalls= */ 1)));
    for (int round = 0; round < bench.rounds(); round++) {
      run(bench, round, unary, inFlight);
      for (Way way : ours) {
        run(bench, round, way, inFlight);
      }
    }
    String at = ", 10,000 names, %,d in flight".formatted(inFlight);
    Results results = bench.results();
    for (Way way : ours) {
      results.add(
          Figure.of(way.name() + at, way.rates(), "calls/s", unary.name(), unary.rates())
              .atLeast(way.target()));
      results.add(
          Figure.of(
              way.name() + ", processor time of both processes",
              way.cpuMicros(),
              "µs",
              unary.name(),
              unary.cpuMicros()));
    }
  }

  private static void run(Bench bench, int round, Way way, int inFlight) throws Exception {
    Run run = bench.run(round, way.name(), way.load(), inFlight);
    way.rates().add(run.rate());
    way.cpuMicros().add(run.cpuMicros());
  }
}
