package dev.seriatim.server.cli;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code 100ms}, {@code 2.5s}, {@code 10m}, {@code 1h}, {@code 7d}. */
final class DurationConverter implements ITypeConverter<Duration> {
  private static final Pattern FORM = Pattern.compile("([0-9]{1,9}(?:\\.[0-9]{1,9})?)(ms|s|m|h|d)");

  @Override
  public Duration convert(String text) {
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches()) {
      throw new TypeConversionException(
          "'%s', expected a number with ms, s, m, h or d, such as 2.5s".formatted(text));
    }
    double unit =
        switch (matcher.group(2)) {
          case "ms" -> 1e6;
          case "s" -> 1e9;
          case "m" -> 60e9;
          case "h" -> 3_600e9;
          default -> 86_400e9;
        };
    return Duration.ofNanos((long) (Double.parseDouble(matcher.group(1)) * unit));
  }

  /** A duration as it is read, with no more digits than tell something. */
  static String text(Duration duration) {
    double millis = duration.toNanos() / 1e6;
    if (millis < 1_000) {
      return "%.3gms".formatted(millis);
    }
    double seconds = millis / 1e3;
    return seconds < 120
        ? "%.3gs".formatted(seconds)
        : seconds < 7_200
            ? "%.0fm".formatted(seconds / 60)
            : seconds < 172_800
                ? "%.0fh".formatted(seconds / 3_600)
                : "%.0fd".formatted(seconds / 86_400);
  }
}
