package dev.seriatim.benchmarks;

/** Equal loads on more and more objects, with a stub each, beside as many bare streams. */
final class ManyObjects implements Group {
  private static final int MANY = 10_000;

  @Override
  public String name() {
    return "objects";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    for (int inFlight : bench.inFlight(16, 256, 10_000)) {
      measure(bench, inFlight);
    }
    for (int inFlight : bench.inFlight(256)) {
      EachCall.measure(bench, inFlight);
    }
  }

  private static void measure(Bench bench, int inFlight) throws Exception {
    HostProcess host = bench.host();
    Results results = bench.results();
    Curves rates = results.byObjects();
    String at = ", %,d in flight".formatted(inFlight);
    String objects = "Seriatim" + at;
    String streams = "bare streams" + at;
    for (int round = 0; round < bench.rounds(); round++) {
      for (int count : new int[] {1, 100, MANY}) {
        Load.Opener bare = BareLoads.streams(host.barePort(), Loads.SMALL, count);
        Load.Opener ours = StubLoads.echo(host.memoryPort(), Loads.SMALL, count);
        String times = "%,d × ".formatted(count);
        rates.at(streams, count).add(bench.run(round, times + "stream", bare, inFlight).rate());
        rates.at(objects, count).add(bench.run(round, times + "stub", ours, inFlight).rate());
      }
    }
    Rounds one = rates.at(objects, 1);
    Rounds many = rates.at(objects, MANY);
    Rounds manyStreams = rates.at(streams, MANY);
    results.add(
        Figure.of("100 objects" + at, rates.at(objects, 100), "calls/s", "1 object", one)
            .atLeast(0.8));
    results.add(Figure.of("10,000 objects" + at, many, "calls/s", "1 object", one).atLeast(0.8));
    results.add(
        Figure.of("10,000 objects" + at, many, "calls/s", "10,000 bare streams", manyStreams));
    results.add(
        Figure.of(
            "10,000 bare streams" + at,
            manyStreams,
            "calls/s",
            "1 bare stream",
            rates.at(streams, 1)));
  }
}
