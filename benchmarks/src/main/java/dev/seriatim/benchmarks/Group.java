package dev.seriatim.benchmarks;

/** The figures on one subject. Their loads take turns, round after round. */
interface Group {
  /** What {@code --only} calls it. */
  String name();

  void measure(Bench bench) throws Exception;
}
