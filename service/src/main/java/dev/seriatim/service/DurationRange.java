package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;

import java.time.Duration;

/** How long a limit in time may be. Longer ones can't be counted, and added up, in nanoseconds. */
final class DurationRange {
  static final Duration LONGEST = Duration.ofDays(36_500);

  private DurationRange() {}

  static Duration positive(String name, Duration duration) {
    return checked(name, duration, duration.isPositive(), "more than zero");
  }

  static Duration notNegative(String name, Duration duration) {
    return checked(name, duration, !duration.isNegative(), "zero or more");
  }

  static Duration atLeast(Duration least, String name, Duration duration) {
    return checked(name, duration, duration.compareTo(least) >= 0, "at least " + least);
  }

  private static Duration checked(String name, Duration duration, boolean enough, String least) {
    checkArgument(
        enough && duration.compareTo(LONGEST) <= 0,
        "%s: %s, expected %s and at most %s days",
        name,
        duration,
        least,
        LONGEST.toDays());
    return duration;
  }
}
