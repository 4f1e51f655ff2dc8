package dev.seriatim.conformance.attack;

import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * How long calls took.
 *
 * @param calls how many
 * @param p50 in milliseconds, as are the next two
 * @param failures how many of them failed
 * @param failure what the last one that failed said
 */
record Latencies(int calls, double p50, double p99, double max, int failures, String failure) {
  private static final int FIELDS = 6;

  static Latencies of(List<Long> nanos, int failures, String failure) {
    Collections.sort(nanos);
    return new Latencies(
        nanos.size(), at(nanos, 0.5), at(nanos, 0.99), at(nanos, 1), failures, failure);
  }

  private static double at(List<Long> sorted, double part) {
    if (sorted.isEmpty()) {
      return 0;
    }
    int index = (int) Math.ceil(part * sorted.size()) - 1;
    return sorted.get(Math.max(0, index)) / 1e6;
  }

  String format() {
    return calls
        + " "
        + p50
        + " "
        + p99
        + " "
        + max
        + " "
        + failures
        + " "
        + failure.replace('\n', ' ');
  }

  static Latencies parse(String line) {
    String[] fields = line.split(" ", FIELDS);
    return new Latencies(
        Integer.parseInt(fields[0]),
        Double.parseDouble(fields[1]),
        Double.parseDouble(fields[2]),
        Double.parseDouble(fields[3]),
        Integer.parseInt(fields[4]),
        fields[5]);
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%.1f / %.1f / %.0f ms", p50, p99, max);
  }
}
