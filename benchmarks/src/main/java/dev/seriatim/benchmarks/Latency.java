package dev.seriatim.benchmarks;

/** How long the calls of one load take, one at a time, in all rounds so far. */
final class Latency {
  private final Rounds p50 = new Rounds();
  private final Rounds p99 = new Rounds();
  private final double[] lastMicros = new double[100];

  void add(Run run) {
    p50.add(run.micros(0.5));
    p99.add(run.micros(0.99));
    for (int percent = 0; percent < lastMicros.length; percent++) {
      lastMicros[percent] = run.micros(percent / 100.0);
    }
  }

  /** The medians, in µs. */
  Rounds p50() {
    return p50;
  }

  /** The 99th percentiles, in µs. */
  Rounds p99() {
    return p99;
  }

  /** A percentile of the last round, in µs, from 0 to 99. */
  double lastMicros(int percent) {
    return lastMicros[percent];
  }
}
