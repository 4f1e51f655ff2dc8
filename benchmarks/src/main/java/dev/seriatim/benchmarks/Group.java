package dev.seriatim.benchmarks;

import java.io.IOException;

/** The figures on one subject. Their loads take turns, round after round. */
interface Group {
  /** What {@code --only} calls it. */
  String name();

  /**
   * Installs what it needs, before anything is measured.
   *
   * @return false if that failed and the run can't go on; why has been said
   */
  default boolean prepare(Results results) throws IOException, InterruptedException {
    return true;
  }

  /** Whether it is left out unless {@code --only} names it. */
  default boolean isOnlyByName() {
    return false;
  }

  void measure(Bench bench) throws Exception;
}
