package dev.seriatim.server.project;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code new}: makes a project with an object, its test, and clients. Asks no network. */
@Command(
    name = "new",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Makes a project with an object of your own, a test of it, and clients if you like.",
      "",
      "  seriatim new my-objects",
      "  seriatim new my-objects --package org.acme.things --client go,python,typescript"
    })
public final class NewCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "FOLDER",
      description = "Where it will be; there is nothing yet. Its last part is the project's name.")
  private @Nullable Path folder;

  @Option(
      names = "--package",
      paramLabel = "PACKAGE",
      description = "The package of its Java code and messages. Default: com.example and the name.")
  private @Nullable String packageName;

  @Option(
      names = "--client",
      paramLabel = "LANGUAGE",
      split = ",",
      description =
          "Add a client: ${COMPLETION-CANDIDATES}. May be repeated, or several with commas between"
              + " them.")
  private List<ClientLanguage> clients = new ArrayList<>();

  @Spec private @Nullable CommandSpec spec;

  /** Of the command line. */
  public NewCommand() {}

  @Override
  public Integer call() {
    Path at = requireNonNull(folder);
    Path last = at.toAbsolutePath().normalize().getFileName();
    try {
      ProjectName project = ProjectName.of(String.valueOf(last), Optional.ofNullable(packageName));
      refuseWhatIsThere(at);
      Template.of(project).writeTo(at, new TreeSet<>(clients));
      tell(at);
      return 0;
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      spec().commandLine().getErr().println("can't write '" + at + "': " + e);
      return 1;
    }
  }

  private void refuseWhatIsThere(Path at) throws IOException {
    if (Files.isDirectory(at)) {
      try (DirectoryStream<Path> there = Files.newDirectoryStream(at)) {
        for (Path file : there) {
          throw usage(
              "'%s' is there, with %s in it, expected nothing or an empty folder"
                  .formatted(at, file.getFileName()));
        }
      }
    } else if (Files.exists(at)) {
      throw usage("'%s' is a file, expected nothing or an empty folder".formatted(at));
    }
  }

  private void tell(Path at) {
    PrintWriter out = spec().commandLine().getOut();
    out.printf("%s is there. Go on with:%n%n", at);
    out.printf("  cd %s%n", at);
    out.println("  mvn verify      # compile, and run the tests");
    out.println("  seriatim dev    # serve it, and the new code after each save");
    out.println("  seriatim call COUNTER/foo Increment amount=5 , Get");
    for (ClientLanguage client : new TreeSet<>(clients)) {
      out.printf("%nA client in %s: %s/README.md%n", client, client.folder());
    }
    out.flush();
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec().commandLine(), message);
  }

  private CommandSpec spec() {
    return requireNonNull(spec);
  }
}
