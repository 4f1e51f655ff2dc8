package dev.seriatim.benchmarks;

import java.util.List;
import java.util.stream.Stream;

/** How long the calls of one load take, one at a time, in all rounds so far. */
final class Latency {
  private final List<Rounds> micros = Stream.generate(Rounds::new).limit(100).toList();

  void add(Run run) {
    for (int percent = 0; percent < micros.size(); percent++) {
      micros.get(percent).add(run.micros(percent / 100.0));
    }
  }

  /** The medians, in µs. */
  Rounds p50() {
    return micros(50);
  }

  /** The 99th percentiles, in µs. */
  Rounds p99() {
    return micros(99);
  }

  /** A percentile, from 0 to 99, in µs. */
  Rounds micros(int percent) {
    return micros.get(percent);
  }
}
