package dev.seriatim.benchmarks;

import java.time.Duration;

/** Calls through a host that has none of the objects, beside the same calls to the one that has. */
final class Edge implements Group {
  private static final int MANY = 10_000;

  @Override
  public String name() {
    return "cluster";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    bench.progress("starting two hosts on one PostgreSQL");
    try (ClusterHosts hosts = ClusterHosts.start(bench.scratch(), 2, 512)) {
      for (int port : new int[] {hosts.port(1), hosts.edge()}) {
        bench.warmUp(StubLoads.echo(port, Loads.SMALL, 1));
      }
      one(bench, hosts);
      many(bench, hosts);
      durable(bench, hosts);
    }
  }

  private static void one(Bench bench, ClusterHosts hosts) throws Exception {
    for (int inFlight : bench.inFlight(1, 256, 4096)) {
      Beside figures = new Beside(bench, hosts, "one stub through another host", inFlight);
      figures.measure(
          StubLoads.echo(hosts.port(1), Loads.SMALL, 1),
          StubLoads.echo(hosts.edge(), Loads.SMALL, 1));
      if (inFlight == 1) {
        figures.addTimes(2.1, 2.5);
      } else {
        figures.addRate(inFlight == 256 ? 0.5 : 0.7);
        figures.addCpu();
      }
    }
  }

  private static void many(Bench bench, ClusterHosts hosts) throws Exception {
    for (int inFlight : bench.inFlight(MANY)) {
      for (int shared : new int[] {0, 1}) {
        Beside figures =
            new Beside(
                bench,
                hosts,
                "10,000 stubs through another host" + (shared == 0 ? "" : ", on a shared call"),
                inFlight);
        figures.measure(
            StubLoads.echo(hosts.port(1), Loads.SMALL, MANY, shared),
            StubLoads.echo(hosts.edge(), Loads.SMALL, MANY, shared));
        figures.addRate(0.6);
        figures.addCpu();
      }
    }
  }

  private static void durable(Bench bench, ClusterHosts hosts) throws Exception {
    for (int inFlight : bench.inFlight(4096)) {
      Beside figures =
          new Beside(bench, hosts, "durable on PostgreSQL, through another host", inFlight);
      figures.measure(
          StubLoads.increment(hosts.port(1), BenchObject.NAMESPACE),
          StubLoads.increment(hosts.edge(), BenchObject.NAMESPACE));
      figures.addRate(0.85);
    }
  }

  /** One load twice: to the host that has the objects, and through the other one. */
  private static final class Beside {
    private final Bench bench;
    private final ClusterHosts hosts;
    private final String what;
    private final int inFlight;
    private final Rounds direct = new Rounds();
    private final Rounds through = new Rounds();
    private final Rounds directCpu = new Rounds();
    private final Rounds throughCpu = new Rounds();
    private final Latency directTimes = new Latency();
    private final Latency throughTimes = new Latency();

    private Beside(Bench bench, ClusterHosts hosts, String what, int inFlight) {
      this.bench = bench;
      this.hosts = hosts;
      this.what = what;
      this.inFlight = inFlight;
    }

    private void measure(Load.Opener toOwner, Load.Opener toEdge) throws Exception {
      for (int round = 0; round < bench.rounds(); round++) {
        measure(round, "direct, for " + what, toOwner, direct, directCpu, directTimes);
        measure(round, what, toEdge, through, throughCpu, throughTimes);
      }
    }

    private void measure(
        int round, String load, Load.Opener opener, Rounds rates, Rounds cpu, Latency times)
        throws Exception {
      Duration before = hosts.cpu();
      long begun = System.nanoTime();
      Run run = bench.run(round, load, opener, inFlight);
      // The calls of the warm-up count, too: they come about as fast.
      double calls = run.rate() * (System.nanoTime() - begun) / 1e9;
      rates.add(run.rate());
      cpu.add(hosts.cpu().minus(before).toNanos() / 1e3 / calls);
      if (inFlight == 1) {
        times.add(run);
      }
    }

    private String at() {
      return ", %,d in flight".formatted(inFlight);
    }

    private void addRate(double least) {
      bench
          .results()
          .add(Figure.of(what + at(), through, "calls/s", "direct", direct).atLeast(least));
    }

    private void addCpu() {
      bench
          .results()
          .add(
              Figure.of(
                      what + at() + ", hosts' processor time",
                      throughCpu,
                      "µs",
                      "direct",
                      directCpu)
                  .atMost(1.5));
    }

    private void addTimes(double p50, double p99) {
      String one = what + ", one at a time, ";
      bench
          .results()
          .add(
              Figure.of(one + "p50", throughTimes.p50(), "µs", "direct", directTimes.p50())
                  .atMost(p50));
      bench
          .results()
          .add(
              Figure.of(one + "p99", throughTimes.p99(), "µs", "direct", directTimes.p99())
                  .atMost(p99));
    }
  }
}
