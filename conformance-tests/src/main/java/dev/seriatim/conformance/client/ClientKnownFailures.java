package dev.seriatim.conformance.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.conformance.v1.ClientCase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** The cases that client libraries are known to fail. Immutable. */
final class ClientKnownFailures {
  /** Nothing is known to fail. */
  static final ClientKnownFailures NONE = new ClientKnownFailures(Set.of());

  private final Set<String> lines;

  private ClientKnownFailures(Set<String> lines) {
    this.lines = lines;
  }

  /**
   * Reads {@code LANGUAGE CASE} from each line; {@code #} begins a comment.
   *
   * @throws IllegalArgumentException if a line is something else, or there is no such case, so that
   *     the list can't grow stale
   */
  static ClientKnownFailures read(Path file) throws IOException {
    Set<String> names =
        ClientCaseFiles.load().stream().map(ClientCase::getName).collect(Collectors.toSet());
    Set<String> known = new HashSet<>();
    for (String line : Files.readAllLines(file, UTF_8)) {
      List<String> words = List.of(line.replaceFirst("#.*", "").strip().split("\\s+"));
      if (words.equals(List.of(""))) {
        continue;
      }
      if (words.size() != 2 || !names.contains(words.get(1))) {
        throw new IllegalArgumentException("'" + line.strip() + "', expected LANGUAGE CASE");
      }
      known.add(String.join(" ", words));
    }
    return new ClientKnownFailures(Set.copyOf(known));
  }

  /** The result as it counts for this library. */
  ClientResult judge(String language, ClientResult result) {
    return lines.contains(language + " " + result.testCase().getName()) ? result.known() : result;
  }
}
