package dev.seriatim.benchmarks;

/** Equal loads on more and more objects, with a stub each, beside as many bare streams. */
final class ManyObjects implements Group {
  private static final int MANY = 10_000;
  private static final int MUCH = 10_000;

  @Override
  public String name() {
    return "objects";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    for (int inFlight : bench.inFlight(16, 256, MUCH)) {
      measure(bench, inFlight);
    }
    for (int inFlight : bench.inFlight(1, 4096)) {
      OneLane.measure(bench, inFlight);
    }
    for (int inFlight : bench.inFlight(256)) {
      EachCall.measure(bench, inFlight);
    }
  }

  private static void measure(Bench bench, int inFlight) throws Exception {
    HostProcess host = bench.host();
    Curves rates = bench.results().byObjects();
    String at = ", %,d in flight".formatted(inFlight);
    String own = "Seriatim" + at;
    String shared = "Seriatim, on a shared call" + at;
    String streams = "bare streams" + at;
    for (int round = 0; round < bench.rounds(); round++) {
      for (int count : new int[] {1, 100, MANY}) {
        int port = host.memoryPort();
        Load.Opener bare = BareLoads.streams(host.barePort(), Loads.SMALL, count);
        Load.Opener onOwn = StubLoads.echo(port, Loads.SMALL, count);
        Load.Opener onShared = StubLoads.echo(port, Loads.SMALL, count, /* sharedCalls= */ 1);
        String times = "%,d × ".formatted(count);
        rates.at(streams, count).add(bench.run(round, times + "stream", bare, inFlight).rate());
        rates.at(own, count).add(bench.run(round, times + "stub", onOwn, inFlight).rate());
        rates.at(shared, count).add(bench.run(round, times + "lane", onShared, inFlight).rate());
      }
    }
    addOnShared(bench.results(), inFlight, shared, own, streams);
    addOnOwn(bench.results(), inFlight, own, streams);
  }

  private static void addOnShared(
      Results results, int inFlight, String shared, String own, String streams) {
    Curves rates = results.byObjects();
    Rounds one = rates.at(own, 1);
    Rounds many = rates.at(shared, MANY);
    String figure = "10,000 objects on a shared call, %,d in flight".formatted(inFlight);
    results.add(Figure.of(figure, many, "calls/s", "1 object", one).atLeast(0.4));
    results.add(
        Figure.of(figure, many, "calls/s", "10,000 bare streams", rates.at(streams, MANY))
            .atLeast(inFlight == MUCH ? 5 : 3));
    results.add(
        Figure.of(
            "100 objects on a shared call, %,d in flight".formatted(inFlight),
            rates.at(shared, 100),
            "calls/s",
            "1 object",
            one));
  }

  private static void addOnOwn(Results results, int inFlight, String own, String streams) {
    Curves rates = results.byObjects();
    String at = ", %,d in flight".formatted(inFlight);
    Rounds many = rates.at(own, MANY);
    Rounds manyStreams = rates.at(streams, MANY);
    results.add(
        Figure.of("100 objects" + at, rates.at(own, 100), "calls/s", "1 object", rates.at(own, 1)));
    results.add(Figure.of("10,000 objects" + at, many, "calls/s", "1 object", rates.at(own, 1)));
    results.add(
        Figure.of("10,000 objects" + at, many, "calls/s", "10,000 bare streams", manyStreams)
            .atLeast(0.9));
    results.add(
        Figure.of(
            "10,000 bare streams" + at,
            manyStreams,
            "calls/s",
            "1 bare stream",
            rates.at(streams, 1)));
  }
}
