package dev.seriatim.conformance;

import com.google.common.base.CharMatcher;
import com.google.common.base.Splitter;
import com.google.common.collect.ImmutableMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The tokens that the runner has, by the callers whose they are: see {@code Case.requires}. */
final class CallerTokens {
  private CallerTokens() {}

  /**
   * Reads a file with a caller and its token on each line.
   *
   * @throws IllegalArgumentException if a line is something else; the message doesn't say what
   */
  static Map<String, String> read(Path file) throws IOException {
    ImmutableMap.Builder<String, String> tokens = ImmutableMap.builder();
    int number = 0;
    for (String line : Files.readAllLines(file)) {
      number++;
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      List<String> words =
          Splitter.on(CharMatcher.whitespace()).omitEmptyStrings().splitToList(line);
      if (words.size() != 2) {
        throw new IllegalArgumentException(
            "line %d has %d words, expected a caller and its token"
                .formatted(number, words.size()));
      }
      tokens.put(words.get(0), words.get(1));
    }
    return tokens.buildOrThrow();
  }
}
