package dev.seriatim.stub;

import java.time.Duration;

/** How long a time among the options may be. Longer ones can't be added up in nanoseconds. */
final class DurationRange {
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private DurationRange() {}

  static Duration positive(String name, Duration value) {
    return checked(name, value, !value.isNegative() && !value.isZero(), "more than 0");
  }

  static Duration notNegative(String name, Duration value) {
    return checked(name, value, !value.isNegative(), "at least 0");
  }

  static Duration atLeastOneMilli(String name, Duration value) {
    return checked(name, value, value.compareTo(Duration.ofMillis(1)) >= 0, "at least 1 ms");
  }

  private static Duration checked(String name, Duration value, boolean enough, String least) {
    if (!enough || value.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          name
              + " "
              + value
              + ", expected "
              + least
              + " and at most "
              + LONGEST.toDays()
              + " days");
    }
    return value;
  }
}
