package dev.seriatim.server;

import static com.google.common.truth.Truth.assertWithMessage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The program is built on what others may embed, too. */
@AnalyzeClasses(packages = "dev.seriatim.server", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
  /** A class that needs more has a second reason to exist. */
  private static final int MOST_LINES = 450;

  private static final Path SOURCES = Path.of("src", "main", "java"); // Of this module.

  @ArchTest
  static final ArchRule THE_HOST_IS_USED_BY_ITS_API =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.seriatim.service.access..",
              "dev.seriatim.service.caller..",
              "dev.seriatim.service.connect..",
              "dev.seriatim.service.dispatch..",
              "dev.seriatim.service.object..",
              "dev.seriatim.service.session..",
              "dev.seriatim.service.storage..");

  @ArchTest
  static final ArchRule SUBCOMMANDS_HAVE_NO_CYCLES =
      slices().matching("dev.seriatim.server.(*)..").should().beFreeOfCycles();

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
