package dev.seriatim.server.project;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.server.Main;
import dev.seriatim.server.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What {@code new} writes, and what it refuses. That it builds and runs, scripts/test-new tries.
 */
final class NewCommandTest {
  @TempDir private Path empty;

  private final StringWriter printed = new StringWriter();
  private final StringWriter complaints = new StringWriter();

  @Test
  void aProjectHasAnObjectAndATest() throws IOException {
    assertThat(make("my-objects")).isEqualTo(0);
    assertThat(files("my-objects"))
        .containsExactly(
            ".gitignore",
            "Dockerfile",
            "README.md",
            "pom.xml",
            "src/main/java/com/example/myobjects/Counter.java",
            "src/main/java/com/example/myobjects/Provider.java",
            "src/main/proto/counter.proto",
            "src/main/resources/META-INF/services/dev.seriatim.service.DurableObjectProvider",
            "src/test/java/com/example/myobjects/CounterTest.java");
    assertThat(Files.readString(empty.resolve("my-objects/pom.xml")))
        .contains("<version>" + Version.number() + "</version>");
    assertThat(printed.toString()).contains("cd " + empty.resolve("my-objects"));
  }

  @Test
  void itsPackageMayBeAnother() throws IOException {
    assertThat(make("things", "--package", "org.acme.things_2")).isEqualTo(0);
    assertThat(files("things")).contains("src/main/java/org/acme/things_2/Counter.java");
    assertThat(
            Files.readString(
                empty.resolve(
                    "things/src/main/resources/META-INF/services/"
                        + "dev.seriatim.service.DurableObjectProvider")))
        .isEqualTo("org.acme.things_2.Provider\n");
  }

  @Test
  void itHasAClientInEachLanguageThatIsAsked() throws IOException {
    assertThat(make("a", "--client", "typescript,go", "--client=python", "--client=go"))
        .isEqualTo(0);
    assertThat(files("a"))
        .containsAtLeast("client-go/main.go", "client-python/main.py", "client-typescript/main.ts");
    assertThat(printed.toString()).contains("client-python/README.md");
  }

  @Test
  void nothingIsLeftToBeFilledIn() throws IOException {
    assertThat(make("a", "--client", "go,python,typescript")).isEqualTo(0);
    for (String file : files("a")) {
      String text = Files.readString(empty.resolve("a").resolve(file));
      assertWithMessage(file).that(text).doesNotContain("{{");
      assertWithMessage(file).that(text).doesNotContain("SNAPSHOT}");
      assertWithMessage(file).that(text).doesNotContainMatch("version>\\$\\{(?!grpc|protobuf)");
    }
  }

  @Test
  void anEmptyFolderMayBeThere() throws IOException {
    Files.createDirectory(empty.resolve("a"));
    assertThat(make("a")).isEqualTo(0);
  }

  @Test
  void aFolderWithAnythingInItIsLeftAlone() throws IOException {
    Files.createDirectory(empty.resolve("a"));
    Files.writeString(empty.resolve("a/mine"), "");
    assertThat(make("a")).isEqualTo(2);
    assertThat(complaints.toString()).contains("with mine in it, expected");
    assertThat(files("a")).containsExactly("mine");
  }

  @Test
  void aFileIsNoFolder() throws IOException {
    Files.writeString(empty.resolve("a"), "");
    assertThat(make("a")).isEqualTo(2);
    assertThat(complaints.toString()).contains("is a file, expected");
  }

  @ParameterizedTest
  @ValueSource(strings = {"My-objects", "1st", "a.b", "a b", "-", "ä"})
  void aNameThatCannotBeIsRefused(String name) {
    assertThat(run("new", "--", empty.resolve(name).toString())).isEqualTo(2);
    assertThat(complaints.toString()).contains("name '" + name + "', expected 1 to 64 lower-case");
    assertThat(empty.toFile().list()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "org.acme.Things | expected lower-case letters",
        "org..acme | expected lower-case letters",
        "org.new.things | 'new' is a word of Java's own",
        "java.things | expected one that isn't below 'java'",
        "dev.seriatim.mine | expected one that isn't below 'dev.seriatim'",
        "io.grpc | expected one that isn't below 'io.grpc'"
      })
  void aPackageThatCannotBeIsRefused(String packageName, String message) {
    assertThat(make("a", "--package", packageName)).isEqualTo(2);
    assertThat(complaints.toString()).contains("package '" + packageName + "'");
    assertThat(complaints.toString()).contains(message);
    assertThat(empty.toFile().list()).isEmpty();
  }

  @Test
  void aNameThatIsAWordOfJavaNeedsAPackage() {
    assertThat(make("switch")).isEqualTo(2);
    assertThat(complaints.toString()).contains("expected --package another");
    assertThat(make("switch", "--package", "org.acme")).isEqualTo(0);
  }

  @Test
  void aLanguageThatIsNotThereIsRefused() {
    assertThat(make("a", "--client", "cobol")).isEqualTo(2);
    assertThat(complaints.toString()).contains("cobol");
    assertThat(complaints.toString()).contains("typescript");
  }

  private int make(String name, String... options) {
    return run(
        Stream.concat(Stream.of("new", empty.resolve(name).toString()), Stream.of(options))
            .toArray(String[]::new));
  }

  private int run(String... arguments) {
    return Main.commandLine()
        .setOut(new PrintWriter(printed, true))
        .setErr(new PrintWriter(complaints, true))
        .execute(arguments);
  }

  private List<String> files(String of) throws IOException {
    Path top = empty.resolve(of);
    try (Stream<Path> all = Files.walk(top)) {
      return all.filter(Files::isRegularFile)
          .map(file -> top.relativize(file).toString())
          .sorted()
          .toList();
    }
  }
}
