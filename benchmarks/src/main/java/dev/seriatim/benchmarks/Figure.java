package dev.seriatim.benchmarks;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One line of the result.
 *
 * @param value the median of the rounds, or the highest of them where the figure says so
 * @param low the lowest round
 * @param high the highest round
 * @param reference what it is held against, or empty
 * @param referenceValue the reference's median, in the same unit; null without a reference
 * @param ratio value to reference: the median of the rounds' ratios; null without a reference
 * @param target what the ratio, or the value if there is no reference, should be; or empty
 * @param met whether it is; null without a target
 */
record Figure(
    String figure,
    double value,
    double low,
    double high,
    String unit,
    String reference,
    @Nullable Double referenceValue,
    @Nullable Double ratio,
    String target,
    @Nullable Boolean met) {

  /** A figure that stands for itself. */
  static Figure of(String figure, Rounds rounds, String unit) {
    return new Figure(
        figure, rounds.median(), rounds.low(), rounds.high(), unit, "", null, null, "", null);
  }

  /** A figure of which the highest round counts. */
  static Figure ofHighest(String figure, Rounds rounds, String unit) {
    return new Figure(
        figure, rounds.high(), rounds.low(), rounds.high(), unit, "", null, null, "", null);
  }

  /** A figure that is held against a reference measured in the same rounds. */
  static Figure of(
      String figure, Rounds rounds, String unit, String reference, Rounds referenceRounds) {
    return new Figure(
        figure,
        rounds.median(),
        rounds.low(),
        rounds.high(),
        unit,
        reference,
        referenceRounds.median(),
        rounds.ratioTo(referenceRounds),
        "",
        null);
  }

  Figure atLeast(double target) {
    return withTarget("at least " + target(target), compared() >= target);
  }

  Figure atMost(double target) {
    return withTarget("at most " + target(target), compared() <= target);
  }

  private double compared() {
    return ratio == null ? value : ratio;
  }

  private String target(double target) {
    return ratio == null
        ? String.format(Locale.ROOT, "%,.0f %s", target, unit)
        : "%s ×".formatted(target);
  }

  private Figure withTarget(String text, boolean isMet) {
    return new Figure(
        figure, value, low, high, unit, reference, referenceValue, ratio, text, isMet);
  }
}
