package dev.seriatim.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One of three hosts is ended by SIGTERM, in turn, and started again, while stubs call through a
 * fourth that stays: how long that takes, and how long the stubs stand still whose objects move.
 */
final class Moves implements Group {
  private static final int HOSTS = 3;
  private static final int STUBS = 1_000;
  private static final int HEAP = 256;

  private static final Duration CALM = Duration.ofMillis(250);
  private static final Duration LOOK = Duration.ofSeconds(1);
  private static final int MOST_LOOKS = 30;

  private final Rounds leaves = new Rounds();
  private final Rounds leaveStalls = new Rounds();
  private final Rounds joins = new Rounds();
  private final Rounds joinStalls = new Rounds();
  private final Rounds both = new Rounds();
  private final Rounds broken = new Rounds();
  private final List<Duration> stalls = new ArrayList<>();

  @Override
  public String name() {
    return "moves";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    bench.progress("starting four hosts on one PostgreSQL");
    try (ClusterHosts hosts = ClusterHosts.start(bench.scratch(), HOSTS + 1, HEAP);
        PacedStubs stubs = new PacedStubs(hosts.edge(), STUBS)) {
      awaitAnswers(stubs);
      hosts.awaitEven();
      // What is compiled by then is compiled; the hosts that start again begin cold.
      Thread.sleep(bench.firstWarmUp());
      for (int round = 0; round < bench.rounds(); round++) {
        restart(bench, round, hosts, stubs);
      }
    }
    report(bench);
  }

  private void restart(Bench bench, int round, ClusterHosts hosts, PacedStubs stubs)
      throws Exception {
    int host = round % HOSTS + 1;
    awaitCalm(bench, round, stubs);
    stubs.forget();
    int[] before = hosts.owners();
    long began = System.nanoTime();
    hosts.terminate(host);
    Duration leave = since(began);
    Patience.await(
        "a host for each slot", () -> Arrays.stream(hosts.owners()).noneMatch(o -> o == 0));
    int[] between = hosts.owners();
    awaitAnswers(stubs);
    Stalls ofLeave = new Stalls(stubs, before, between);
    int lost = stubs.broken();

    awaitCalm(bench, round, stubs);
    stubs.forget();
    long started = System.nanoTime();
    hosts.restart(host, HEAP);
    hosts.awaitEven();
    Duration join = since(started);
    awaitAnswers(stubs);
    Stalls ofJoin = new Stalls(stubs, between, hosts.owners());

    bench.progress(
        round,
        "host %d ended after %,d ms, stalls %s; had its share again after %,d ms more, stalls %s; %d broken"
            .formatted(
                host, leave.toMillis(), ofLeave, join.toMillis(), ofJoin, lost + stubs.broken()));
    leaves.add(millis(leave));
    leaveStalls.add(millis(ofLeave.longest));
    joins.add(millis(join));
    joinStalls.add(millis(ofJoin.longest));
    both.add(millis(leave.plus(join)));
    broken.add(lost + stubs.broken());
    stalls.addAll(ofLeave.probes);
    stalls.addAll(ofJoin.probes);
  }

  /** What stands still before anything has moved would count as stalls of moves. */
  private static void awaitCalm(Bench bench, int round, PacedStubs stubs)
      throws InterruptedException {
    for (int look = 0; look < MOST_LOOKS; look++) {
      stubs.forget();
      Thread.sleep(LOOK);
      if (stubs.allAnsweredWithin(CALM)) {
        return;
      }
    }
    bench.progress(
        round, "some stub waits for longer than " + CALM + " for an answer, and no host moves");
  }

  /** How long the stubs stood still whose objects moved. */
  private static final class Stalls {
    private final List<Duration> probes;
    private final Duration longest;

    private Stalls(PacedStubs stubs, int[] before, int[] after) {
      probes = stubs.longest(/* onlyProbes= */ true, before, after).stream().sorted().toList();
      longest =
          stubs.longest(/* onlyProbes= */ false, before, after).stream()
              .max(Duration::compareTo)
              .orElse(Duration.ZERO);
    }

    @Override
    public String toString() {
      return "of %d probes p50 %d ms, p99 %d ms, longest of all %d ms"
          .formatted(
              probes.size(),
              part(probes, 0.5).toMillis(),
              part(probes, 0.99).toMillis(),
              longest.toMillis());
    }
  }

  private static Duration part(List<Duration> sorted, double part) {
    return sorted.isEmpty() ? Duration.ZERO : sorted.get((int) Math.ceil(part * sorted.size()) - 1);
  }

  private void report(Bench bench) {
    Results results = bench.results();
    List<Duration> sorted = stalls.stream().sorted().toList();
    Rounds p50 = new Rounds();
    p50.add(millis(part(sorted, 0.5)));
    Rounds p99 = new Rounds();
    p99.add(millis(part(sorted, 0.99)));
    results.add(
        Figure.ofHighest(
                "SIGTERM of one of three hosts to its end, %,d stubs through another, highest"
                    .formatted(STUBS),
                leaves,
                "ms")
            .atMost(10_000));
    results.add(
        Figure.ofHighest("the same, longest stall of a stub", leaveStalls, "ms").atMost(500));
    results.add(
        Figure.ofHighest("start of a third host to its share of slots, highest", joins, "ms")
            .atMost(15_000));
    results.add(
        Figure.ofHighest("the same, longest stall of a stub", joinStalls, "ms").atMost(500));
    results.add(
        Figure.ofHighest("end of a host to its share after its restart, highest", both, "ms")
            .atMost(40_000.0 / HOSTS));
    results.add(
        Figure.ofHighest("stubs that broke in a restart, highest", broken, "stubs").atMost(0));
    results.add(Figure.of("stall of a stub whose object moves, p50", p50, "ms").atMost(50));
    results.add(Figure.of("stall of a stub whose object moves, p99", p99, "ms").atMost(250));
  }

  // ---- time

  private static void awaitAnswers(PacedStubs stubs) throws Exception {
    try {
      Patience.await("an answer to each stub", stubs::allAnswered);
    } catch (IOException e) {
      throw new IOException("the last failure: " + stubs.lastFailure(), e);
    }
  }

  private static Duration since(long began) {
    return Duration.ofNanos(System.nanoTime() - began);
  }

  private static double millis(Duration time) {
    return time.toNanos() / 1e6;
  }
}
