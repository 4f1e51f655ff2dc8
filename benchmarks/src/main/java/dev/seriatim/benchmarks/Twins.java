package dev.seriatim.benchmarks;

import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One load twice: with something that costs little, and without it. They take turns in many short
 * rounds, and in turn which of them is first, so that what else the machine does meets both.
 */
final class Twins {
  private final Bench bench;
  private final String what;
  private final String twin;
  private final int inFlight;
  private final Rounds without = new Rounds();
  private final Rounds with = new Rounds();
  private final Rounds cpuWithout = new Rounds();
  private final Rounds cpuWith = new Rounds();

  private Twins(Bench bench, String what, String twin, int inFlight) {
    this.bench = bench;
    this.what = what;
    this.twin = twin;
    this.inFlight = inFlight;
  }

  /**
   * Measures calls per second and processor time of both.
   *
   * @param what the figure
   * @param twin the one beside
   * @param least what the ratio of calls per second should be at least; null without a target
   */
  static void measure(
      Bench bench,
      String what,
      Load.Opener load,
      String twin,
      Load.Opener twinLoad,
      int inFlight,
      @Nullable Double least)
      throws Exception {
    for (int wanted : bench.inFlight(inFlight)) {
      bench.warmUp(twinLoad);
      bench.warmUp(load);
      Twins twins = new Twins(bench, what, twin, wanted);
      for (int round = 0; round < bench.shortRounds(); round++) {
        if (round % 2 == 0) {
          twins.without(round, twinLoad);
          twins.with(round, load);
        } else {
          twins.with(round, load);
          twins.without(round, twinLoad);
        }
      }
      twins.add(least);
    }
  }

  private void with(int round, Load.Opener load) throws Exception {
    Run run = bench.runShortly(round, what, load, inFlight);
    with.add(run.rate());
    cpuWith.add(run.cpuMicros());
  }

  private void without(int round, Load.Opener load) throws Exception {
    Run run = bench.runShortly(round, twin, load, inFlight);
    without.add(run.rate());
    cpuWithout.add(run.cpuMicros());
  }

  private void add(@Nullable Double least) {
    String figure = "%s, %,d in flight".formatted(what, inFlight);
    bench.progress(
        "%s: ratios %s"
            .formatted(
                figure,
                with.ratiosTo(without)
                    .mapToObj(ratio -> String.format(Locale.ROOT, "%.3f", ratio))
                    .collect(Collectors.joining(" "))));
    Figure rate = Figure.of(figure, with, "calls/s", twin, without);
    bench.results().add(least == null ? rate : rate.atLeast(least));
    bench.results().add(Figure.of(figure + ", processor time", cpuWith, "µs", twin, cpuWithout));
  }
}
