package dev.seriatim.server.project;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.base.Joiner;
import com.google.common.collect.ImmutableList;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Compiles a project, by Maven or by a command of the user's. For one thread. */
final class Build {
  private static final String CLASSES = "target/classes";
  private static final String CLASS_PATH = "target/seriatim-class-path";

  /** Writes down what the objects need. */
  private static final ImmutableList<String> LIST_CLASS_PATH =
      ImmutableList.of(
          "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
          "-DincludeScope=runtime", // Not what the host has.
          "-Dmdep.outputFile=" + CLASS_PATH);

  private final Path project;

  /** The user's; null for Maven. */
  private final @Nullable String command;

  /** The pom whose class path is known. */
  private @Nullable FileTime listed;

  Build(Path project, @Nullable String command) {
    this.project = project;
    this.command = command;
  }

  /**
   * What came of it.
   *
   * @param succeeded whether there is code to be served
   * @param output all that the build has printed
   */
  record Result(boolean succeeded, String output) {}

  /** Compiles. Blocks for as long as that takes. */
  Result compile() throws IOException, InterruptedException {
    if (command != null) {
      return run(List.of("sh", "-c", command));
    }
    FileTime pom = Files.getLastModifiedTime(project.resolve("pom.xml"));
    boolean lists = !pom.equals(listed);
    Result result = run(lists ? join(maven(), LIST_CLASS_PATH) : maven());
    if (result.succeeded() && lists) {
      listed = pom;
    }
    return result;
  }

  private List<String> maven() {
    String wrapper = "mvnw";
    return List.of(
        Files.isExecutable(project.resolve(wrapper)) ? "./" + wrapper : "mvn",
        "-q",
        "--batch-mode",
        "compile");
  }

  private static List<String> join(List<String> first, List<String> second) {
    return ImmutableList.<String>builder().addAll(first).addAll(second).build();
  }

  private Result run(List<String> line) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(line).directory(project.toFile()).redirectErrorStream(true);
    // Maven on the Java that this is, unless the user says another; if it has a compiler.
    Path home = Path.of(System.getProperty("java.home"));
    if (Files.isExecutable(home.resolve("bin").resolve("javac"))) {
      builder.environment().putIfAbsent("JAVA_HOME", home.toString());
    }
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Result(process.waitFor() == 0, output);
  }

  /** Where the code is that Maven has compiled, as {@code --objects} takes it. */
  String place() throws IOException {
    String needed = Files.readString(project.resolve(CLASS_PATH)).strip();
    String classes = project.resolve(CLASSES).toString();
    return needed.isEmpty()
        ? classes
        : Joiner.on(',').join(classes, needed.replace(File.pathSeparatorChar, ','));
  }
}
