package dev.seriatim.benchmarks;

/**
 * What a counter must say, to which one caller adds 1 after the other: as much as was answered, and
 * perhaps what was called without anybody knowing what became of it. Such a call may have been
 * counted, or be counted at any time until {@link #settle}. Not safe for several threads.
 */
final class Tally {
  /** What an answer says about those before it. */
  enum Finding {
    RIGHT,
    /** Fewer were counted than were known to be: an answered one is lost. */
    LOST,
    /**
     * More were counted than were made: one counts twice, or though it was said to have no effect.
     */
    DOUBLED
  }

  private long counted;
  private long unknown;

  /** A call was answered with this sum. */
  Finding answered(long sum) {
    long others = sum - counted - 1;
    Finding finding =
        others < 0 ? Finding.LOST : others > unknown ? Finding.DOUBLED : Finding.RIGHT;
    if (others > 0) {
      unknown = Math.max(0, unknown - others); // So many of them were counted.
    }
    counted = sum; // So that what is wrong is told once.
    return finding;
  }

  /** A call was counted, and its sum isn't known. */
  void completed() {
    counted++;
  }

  /** A call was lost, and nobody knows what became of it. */
  void lostSight() {
    unknown++;
  }

  /** What isn't counted by now never will be: whoever could do it is dead. */
  void settle() {
    unknown = 0;
  }
}
