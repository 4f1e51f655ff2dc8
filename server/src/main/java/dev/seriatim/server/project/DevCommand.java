package dev.seriatim.server.project;

import static java.util.Objects.requireNonNull;

import dev.seriatim.server.serve.Serve;
import dev.seriatim.server.serve.ServedCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/** {@code dev}: serves the objects of a project, and their new code after each save. */
@Command(
    name = "dev",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    customSynopsis = "seriatim dev [--build=COMMAND --objects=PLACE] [OPTION OF serve...]",
    description = {
      "Compiles the project in this folder and serves its objects. After each save it compiles"
          + " again, and open stubs run the new code. If that doesn't compile, or can't be served,"
          + " it says why, and the code as it was goes on."
    })
public final class DevCommand implements Callable<Integer> {
  /** How often the sources are looked at; what is saved in between is compiled together. */
  private static final Duration LOOK = Duration.ofMillis(200);

  @Option(
      names = "--build",
      paramLabel = "COMMAND",
      description =
          "What compiles, in a shell; --objects says where its classes are then. Default: ./mvnw or"
              + " mvn.")
  private @Nullable String command;

  @Option(
      names = "--objects",
      paramLabel = "PLACE",
      description =
          "Where the classes are, and what they need, as for serve. Default: target/classes, and"
              + " what the pom.xml has in the scope runtime.")
  private List<String> objects = new ArrayList<>();

  @Unmatched private List<String> serveOptions = new ArrayList<>();

  @Spec private @Nullable CommandSpec spec;

  private final Path project = Path.of("");
  private final SourceFiles sources = new SourceFiles(project.toAbsolutePath());
  private final Copies copies = new Copies();

  /** Of the command line. */
  public DevCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (command == null && !Files.isReadable(project.resolve("pom.xml"))) {
      throw usage("there is no pom.xml in this folder, expected one, or --build and --objects");
    }
    if (command != null && objects.isEmpty()) {
      throw usage("--build without --objects, expected the place of the classes that it makes");
    }
    Build build = new Build(project.toAbsolutePath(), command);
    Saves<Map<Path, SourceFiles.State>> saves = new Saves<>(sources.look());
    List<String> places = compile(build);
    while (places == null) {
      awaitSave(saves);
      places = compile(build);
    }
    List<String> arguments = new ArrayList<>();
    for (String place : places) {
      arguments.addAll(List.of("--objects", place));
    }
    arguments.addAll(serveOptions);
    return Serve.command(System.getenv(), code -> start(() -> follow(build, saves, code)))
        .setOut(out())
        .setErr(err())
        .execute(arguments.toArray(String[]::new));
  }

  /** Where the compiled classes are, for --objects; null if they weren't compiled. */
  private @Nullable List<String> compile(Build build) throws IOException, InterruptedException {
    Build.Result result = build.compile();
    if (!result.succeeded()) {
      err().println(result.output().strip());
      err().println("not compiled, as above: save it mended");
      return null;
    }
    List<String> places = new ArrayList<>();
    for (String place : objects.isEmpty() ? List.of(build.place()) : objects) {
      places.add(copies.copy(place));
    }
    return places;
  }

  private static void start(Runnable task) {
    Thread.ofPlatform().daemon().name("seriatim-dev").start(task);
  }

  private void follow(Build build, Saves<Map<Path, SourceFiles.State>> saves, ServedCode code) {
    try {
      while (true) {
        awaitSave(saves);
        reload(build, code);
      }
    } catch (InterruptedException e) {
      return; // Nobody does that.
    }
  }

  private void reload(Build build, ServedCode code) throws InterruptedException {
    try {
      List<String> places = compile(build);
      if (places != null) {
        code.replaceBy(places).forEach(served -> out().println("again " + served));
        out().flush();
        return;
      }
    } catch (IOException | IllegalArgumentException e) {
      err().println(e.getMessage());
    }
    err().println("the code as it was goes on");
  }

  private void awaitSave(Saves<Map<Path, SourceFiles.State>> saves) throws InterruptedException {
    do {
      Thread.sleep(LOOK);
    } while (!saves.look(sources.look()));
  }

  private ParameterException usage(String message) {
    return new ParameterException(commandLine(), message);
  }

  private CommandLine commandLine() {
    return requireNonNull(spec).commandLine();
  }

  private PrintWriter out() {
    return commandLine().getOut();
  }

  private PrintWriter err() {
    return commandLine().getErr();
  }
}
