package dev.seriatim.benchmarks;

import java.util.Arrays;

/** What came of running a load for a while. */
final class Run {
  private final double rate;
  private final long[] latencyNanos;
  private final double cpuMicros;

  /**
   * A run.
   *
   * @param rate answers, or rows, in a second
   * @param latencyNanos how long each took, in any order; empty if more than one was in flight
   */
  Run(double rate, long[] latencyNanos) {
    this(rate, latencyNanos, Double.NaN);
  }

  /**
   * A run whose processor time is known.
   *
   * @param cpuMicros what an answer took of it, of both processes
   */
  Run(double rate, long[] latencyNanos, double cpuMicros) {
    this.rate = rate;
    this.cpuMicros = cpuMicros;
    this.latencyNanos = latencyNanos.clone();
    Arrays.sort(this.latencyNanos);
  }

  double rate() {
    return rate;
  }

  /** What an answer took of both processes' processor time; NaN if that isn't known. */
  double cpuMicros() {
    return cpuMicros;
  }

  /** Whether there are latencies, since one call at a time was in flight. */
  boolean isTimed() {
    return latencyNanos.length > 0;
  }

  /** A quantile of the latencies, if one call was in flight. */
  double micros(double quantile) {
    return latencyNanos[(int) (quantile * (latencyNanos.length - 1))] / 1e3;
  }
}
