package dev.seriatim.benchmarks;

/** One stub on a shared call that has no other, beside one on a call of its own. */
final class OneLane {
  private OneLane() {}

  static void measure(Bench bench, int inFlight) throws Exception {
    int port = bench.host().memoryPort();
    Load.Opener own = StubLoads.echo(port, Loads.SMALL, 1);
    Load.Opener lane = StubLoads.echo(port, Loads.SMALL, 1, /* sharedCalls= */ 1);
    Rounds ownRates = new Rounds();
    Rounds laneRates = new Rounds();
    Latency ownTimes = new Latency();
    Latency laneTimes = new Latency();
    for (int round = 0; round < bench.rounds(); round++) {
      Run ofOwn = bench.run(round, "one stub on a call of its own", own, inFlight);
      Run ofLane = bench.run(round, "one stub on a lane", lane, inFlight);
      ownRates.add(ofOwn.rate());
      laneRates.add(ofLane.rate());
      if (inFlight == 1) {
        ownTimes.add(ofOwn);
        laneTimes.add(ofLane);
      }
    }
    String beside = "on a call of its own";
    bench
        .results()
        .add(
            inFlight == 1
                ? Figure.of(
                        "one stub on a lane, one at a time, p50",
                        laneTimes.p50(),
                        "µs",
                        beside,
                        ownTimes.p50())
                    .atMost(1.05)
                : Figure.of(
                        "one stub on a lane, %,d in flight".formatted(inFlight),
                        laneRates,
                        "calls/s",
                        beside,
                        ownRates)
                    .atLeast(0.95));
  }
}
