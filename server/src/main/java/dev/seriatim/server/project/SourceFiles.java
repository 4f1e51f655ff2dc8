package dev.seriatim.server.project;

import com.google.common.collect.ImmutableList;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** The files that a project is compiled from. */
final class SourceFiles {
  private static final String SOURCES = "src";

  /** What tests are made of; the objects aren't. */
  private static final String TESTS = "src/test";

  /** How a project is built. */
  private static final ImmutableList<String> BUILD =
      ImmutableList.of("pom.xml", "build.gradle", "build.gradle.kts");

  private final Path project;

  SourceFiles(Path project) {
    this.project = project;
  }

  /** What tells one state of a file from another. */
  record State(FileTime saved, long bytes) {}

  /** All of them as they are now, by their names. */
  Map<Path, State> look() {
    Map<Path, State> found = new HashMap<>();
    for (String name : BUILD) {
      look(project.resolve(name), found);
    }
    Path tests = project.resolve(TESTS);
    try (Stream<Path> files = Files.walk(project.resolve(SOURCES))) {
      files.filter(file -> !file.startsWith(tests)).forEach(file -> look(file, found));
    } catch (IOException | UncheckedIOException e) {
      return found; // Something goes away this very moment; the next look finds the rest.
    }
    return found;
  }

  private static void look(Path file, Map<Path, State> found) {
    try {
      BasicFileAttributes of = Files.readAttributes(file, BasicFileAttributes.class);
      if (of.isRegularFile()) {
        found.put(file, new State(of.lastModifiedTime(), of.size()));
      }
    } catch (IOException e) {
      return; // It isn't there.
    }
  }
}
