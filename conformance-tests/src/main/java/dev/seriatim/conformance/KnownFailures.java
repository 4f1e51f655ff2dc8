package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.conformance.v1.Case;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Collectors;

/** The names of cases that a host is known to fail. */
final class KnownFailures {
  private KnownFailures() {}

  /**
   * Reads the names: one a line; {@code #} begins a comment.
   *
   * @throws IllegalArgumentException if there is no such case, so that the list can't grow stale
   */
  static Set<String> read(Path file) throws IOException {
    Set<String> cases =
        CaseFiles.load().stream().map(Case::getName).collect(Collectors.toUnmodifiableSet());
    Set<String> known = new LinkedHashSet<>();
    for (String line : Files.readAllLines(file, UTF_8)) {
      String name = line.replaceFirst("#.*", "").strip();
      if (name.isEmpty()) {
        continue;
      }
      if (!cases.contains(name)) {
        throw new IllegalArgumentException("there is no case '" + name + "'");
      }
      known.add(name);
    }
    return known;
  }
}
