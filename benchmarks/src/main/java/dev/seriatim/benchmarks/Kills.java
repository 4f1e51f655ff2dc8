package dev.seriatim.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.Random;

/**
 * One of three hosts is ended by SIGKILL, in turn and at a random moment, while stubs call through
 * a fourth that stays: how long it takes until every object has answered again, and whether all
 * that was answered before is still there, once. Then the host is started again.
 */
final class Kills implements Group {
  private static final int HOSTS = 3;
  private static final int STUBS = 1_000;
  private static final int HEAP = 256;

  /** Within so long behind the time at which all is well a host is killed. */
  private static final Duration MOMENT = Duration.ofSeconds(2);

  private final Rounds firsts = new Rounds();
  private final Rounds returns = new Rounds();
  private final Rounds lost = new Rounds();
  private final Rounds doubled = new Rounds();
  private final Rounds unknown = new Rounds();
  private final Random random = new Random();

  @Override
  public String name() {
    return "kills";
  }

  @Override
  public boolean isOnlyByName() {
    return true; // A round takes half a minute, and few of them say nothing.
  }

  @Override
  public void measure(Bench bench) throws Exception {
    bench.progress("starting four hosts on one PostgreSQL");
    try (ClusterHosts hosts = ClusterHosts.start(bench.scratch(), HOSTS + 1, HEAP);
        CountingStubs stubs = new CountingStubs(hosts.edge(), STUBS)) {
      awaitAnswers(stubs);
      hosts.awaitEven();
      // What is compiled by then is compiled; the hosts that start again begin cold.
      Thread.sleep(bench.firstWarmUp());
      for (int round = 0; round < bench.rounds(); round++) {
        kill(bench, round, hosts, stubs);
      }
    }
    report(bench);
  }

  private void kill(Bench bench, int round, ClusterHosts hosts, CountingStubs stubs)
      throws Exception {
    int host = round % HOSTS + 1;
    long answeredBefore = stubs.answered();
    int unknownBefore = stubs.unknown();
    int lostBefore = stubs.lost();
    int doubledBefore = stubs.doubled();
    Thread.sleep(random.nextLong(MOMENT.toMillis()));
    long struck = System.nanoTime();
    hosts.kill(host);
    stubs.forget(); // What the host may have answered itself, too.
    awaitAnswers(stubs);
    Duration first = stubs.lastAnswer(struck);

    long started = System.nanoTime();
    hosts.restart(host, HEAP);
    hosts.awaitEven();
    Duration back = Duration.ofNanos(System.nanoTime() - started);
    stubs.forget();
    awaitAnswers(stubs); // Of objects that have moved, too: what they say is held to what was.
    stubs.settle();

    firsts.add(first.toNanos() / 1e6);
    returns.add(back.toNanos() / 1e6);
    lost.add(stubs.lost() - lostBefore);
    doubled.add(stubs.doubled() - doubledBefore);
    unknown.add(stubs.unknown() - unknownBefore);
    bench.progress(
        round,
        "host %d killed, every object had answered after %,d ms; had its share again after %,d ms more; %,d calls answered, %d unknown, %d lost, %d doubled"
            .formatted(
                host,
                first.toMillis(),
                back.toMillis(),
                stubs.answered() - answeredBefore,
                stubs.unknown() - unknownBefore,
                stubs.lost() - lostBefore,
                stubs.doubled() - doubledBefore));
  }

  private void report(Bench bench) {
    Results results = bench.results();
    results.add(
        Figure.ofHighest(
                "SIGKILL of one of three hosts to the first answer of each of %,d objects, highest"
                    .formatted(STUBS),
                firsts,
                "ms")
            .atMost(12_000));
    results.add(Figure.of("the same, median of the rounds", firsts, "ms"));
    results.add(
        Figure.ofHighest("answered calls that were lost, highest", lost, "calls").atMost(0));
    results.add(
        Figure.ofHighest("calls that were counted twice, highest", doubled, "calls").atMost(0));
    results.add(Figure.ofHighest("calls of unknown fate, highest", unknown, "calls"));
    results.add(
        Figure.ofHighest("start of a killed host to its share of slots, highest", returns, "ms"));
  }

  private static void awaitAnswers(CountingStubs stubs) throws Exception {
    try {
      Patience.await("an answer of each object", () -> stubs.silent() == 0);
    } catch (IOException e) {
      throw new IOException(
          "%d of %,d objects are silent; the last failure: %s"
              .formatted(stubs.silent(), STUBS, stubs.lastFailure()),
          e);
    }
  }
}
