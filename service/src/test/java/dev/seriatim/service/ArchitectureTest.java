package dev.seriatim.service;

import static com.google.common.truth.Truth.assertWithMessage;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
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

/** The data flows one way through the packages, and what is internal stays so. */
@AnalyzeClasses(packages = "dev.seriatim.service", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
  private static final String ROOT = "dev.seriatim.service";

  /** A class that needs more has a second reason to exist. */
  private static final int MOST_LINES = 450;

  private static final Path SOURCES = Path.of("src", "main", "java"); // Of this module.

  @ArchTest
  static final ArchRule DATA_FLOWS_ONE_WAY =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage(ROOT + "..")
          .layer("api")
          .definedBy(ROOT)
          .layer("access")
          .definedBy(ROOT + ".access")
          .layer("connect")
          .definedBy(ROOT + ".connect")
          .layer("admin")
          .definedBy(ROOT + ".admin")
          .layer("placement")
          .definedBy(ROOT + ".placement")
          .layer("session")
          .definedBy(ROOT + ".session")
          .layer("caller")
          .definedBy(ROOT + ".caller")
          .layer("object")
          .definedBy(ROOT + ".object")
          .layer("dispatch")
          .definedBy(ROOT + ".dispatch")
          .layer("storage")
          .definedBy(ROOT + ".storage")
          .whereLayer("access")
          .mayOnlyBeAccessedByLayers("api")
          .whereLayer("admin")
          .mayOnlyBeAccessedByLayers("api")
          .whereLayer("connect")
          .mayOnlyBeAccessedByLayers("api")
          .whereLayer("placement")
          .mayOnlyBeAccessedByLayers("connect", "admin", "api")
          .whereLayer("object")
          .mayOnlyBeAccessedByLayers("placement", "connect", "admin", "api")
          .whereLayer("session")
          .mayOnlyBeAccessedByLayers("object", "placement", "connect", "admin", "api")
          .whereLayer("caller")
          .mayOnlyBeAccessedByLayers("object", "session", "connect", "admin", "api")
          .whereLayer("dispatch")
          .mayOnlyBeAccessedByLayers("object", "session", "caller", "connect", "admin", "api")
          .whereLayer("storage")
          .mayOnlyBeAccessedByLayers("object", "placement", "admin", "api");

  @ArchTest
  static final ArchRule DISPATCH_KNOWS_NOTHING_HERE =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".dispatch")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              ROOT,
              ROOT + ".connect",
              ROOT + ".placement",
              ROOT + ".session",
              ROOT + ".caller",
              ROOT + ".object",
              ROOT + ".storage");

  @ArchTest
  static final ArchRule SESSIONS_KNOW_NOTHING_THAT_CARRIES_THEM =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".session")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.grpc..",
              ROOT + ".connect",
              ROOT + ".placement",
              ROOT + ".object",
              ROOT + ".storage");

  @ArchTest
  static final ArchRule ACCESS_KNOWS_NOTHING_OF_THE_HOST =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".access")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              ROOT + ".connect",
              ROOT + ".placement",
              ROOT + ".session",
              ROOT + ".object",
              ROOT + ".caller",
              ROOT + ".dispatch",
              ROOT + ".storage");

  @ArchTest
  static final ArchRule CALLERS_ARE_KNOWN_WHATEVER_CARRIES_THEIR_CALLS =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".caller")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              ROOT + ".connect",
              ROOT + ".placement",
              ROOT + ".session",
              ROOT + ".object",
              ROOT + ".storage");

  @ArchTest
  static final ArchRule STORAGE_KNOWS_ONLY_THE_API_OF_OBJECTS =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".storage")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              ROOT + ".connect",
              ROOT + ".placement",
              ROOT + ".session",
              ROOT + ".object",
              ROOT + ".caller",
              ROOT + ".dispatch");

  @ArchTest
  static final ArchRule ONLY_THE_HOST_REACHES_INSIDE =
      noClasses()
          .that()
          .resideInAPackage(ROOT)
          .and()
          .haveNameNotMatching(
              ".*\\.(Backups|DurableObjectHost|HostParts|Internal.*|LocalObjects|Statistics)(\\$.*)?")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              ROOT + ".connect",
              ROOT + ".placement",
              ROOT + ".session",
              ROOT + ".object",
              ROOT + ".caller",
              ROOT + ".dispatch",
              ROOT + ".storage");

  @ArchTest
  static final ArchRule A_LIBRARY_BRINGS_NO_COMMAND_LINE_AND_NO_LOG =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("picocli..", "ch.qos.logback..", "org.slf4j.bridge..");

  @ArchTest
  static final ArchRule THREADS_KNOW_NOTHING_HERE =
      noClasses()
          .that()
          .resideInAPackage(ROOT + ".threads")
          .should()
          .dependOnClassesThat(
              resideInAPackage(ROOT + "..").and(not(resideInAPackage(ROOT + ".threads"))));

  /**
   * A thread that lives as long as its host outlives what is thrown on it. Those that may start
   * threads in another way start them for one task each, or hand them to what looks after them.
   */
  @ArchTest
  static final ArchRule LASTING_THREADS_ENDURE =
      noClasses()
          .that()
          .haveNameNotMatching(
              ".*\\.(threads\\.Enduring|object\\.HostThreads|object\\.CarrierWatch"
                  + "|connect\\.Connections|access\\.JwtKeys|storage\\.AlarmCounts|storage\\.SqliteLibrary)(\\$.*)?")
          .should()
          .callMethod(Thread.class, "ofPlatform")
          .orShould()
          .callMethod(Thread.class, "ofVirtual")
          .orShould()
          .callMethod(Thread.class, "startVirtualThread", Runnable.class)
          .orShould()
          .callConstructorWhere(target(owner(assignableTo(Thread.class))));

  /** What a timer repeats it repeats no more once it has thrown. */
  @ArchTest
  static final ArchRule WHAT_IS_REPEATED_ENDURES =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName(ROOT + ".object.TurnWatch") // Enduring.task
          .should()
          .callMethodWhere(target(nameMatching("scheduleAtFixedRate|scheduleWithFixedDelay")));

  @ArchTest
  static final ArchRule INTERNAL_PACKAGES_HAVE_NO_CYCLES =
      slices().matching(ROOT + ".(*)..").should().beFreeOfCycles();

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
