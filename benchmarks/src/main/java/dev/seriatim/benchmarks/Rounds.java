package dev.seriatim.benchmarks;

import java.util.Arrays;

/** The values of one measurement in all rounds. */
final class Rounds {
  private final double[] values;

  Rounds(int rounds) {
    values = new double[rounds];
  }

  void set(int round, double value) {
    values[round] = value;
  }

  double median() {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  double low() {
    return Arrays.stream(values).min().orElse(Double.NaN);
  }

  double high() {
    return Arrays.stream(values).max().orElse(Double.NaN);
  }

  /** The median of the ratios round by round, which holds when the machine's speed drifts. */
  double ratioTo(Rounds other) {
    Rounds ratios = new Rounds(values.length);
    for (int i = 0; i < values.length; i++) {
      ratios.set(i, values[i] / other.values[i]);
    }
    return ratios.median();
  }
}
