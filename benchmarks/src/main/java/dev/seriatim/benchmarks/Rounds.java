package dev.seriatim.benchmarks;

import java.util.Arrays;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.DoubleStream;

/** The values of one measurement in all rounds so far. */
final class Rounds {
  private double[] values = {};

  Rounds() {}

  private Rounds(double[] values) {
    this.values = values;
  }

  void add(double value) {
    values = Arrays.copyOf(values, values.length + 1);
    values[values.length - 1] = value;
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
    return with(other, (a, b) -> a / b).median();
  }

  /** The ratios, in ascending order. */
  DoubleStream ratiosTo(Rounds other) {
    return Arrays.stream(with(other, (a, b) -> a / b).values).sorted();
  }

  /** The sums, round by round. */
  Rounds plus(Rounds other) {
    return with(other, Double::sum);
  }

  /** The differences, round by round. */
  Rounds minus(Rounds other) {
    return with(other, (a, b) -> a - b);
  }

  private Rounds with(Rounds other, DoubleBinaryOperator operator) {
    if (other.values.length != values.length) {
      throw new IllegalArgumentException(
          "%d rounds, expected %d".formatted(other.values.length, values.length));
    }
    double[] results = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      results[i] = operator.applyAsDouble(values[i], other.values[i]);
    }
    return new Rounds(results);
  }
}
