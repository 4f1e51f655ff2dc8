package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertWithMessage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Rules of the house that nothing else holds. */
final class ArchitectureTest {
  /** A class that needs more has a second reason to exist. */
  private static final int MOST_LINES = 450;

  private static final Path SOURCES = Path.of("src", "main", "java"); // Of this module.

  @Test
  void noSourceFileIsLong() throws IOException {
    List<Path> sources;
    try (Stream<Path> files = Files.walk(SOURCES)) {
      sources = files.filter(file -> file.toString().endsWith(".java")).toList();
    }
    assertWithMessage("sources in %s", SOURCES.toAbsolutePath()).that(sources).isNotEmpty();
    for (Path source : sources) {
      assertWithMessage("lines of %s", source)
          .that(Files.readAllLines(source).size())
          .isAtMost(MOST_LINES);
    }
  }
}
