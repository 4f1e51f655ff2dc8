package dev.seriatim.server.cli;

import com.google.gson.JsonObject;
import dev.seriatim.service.Backups;
import dev.seriatim.service.StorageException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Puts a backup into a data directory. Needs no host, and refuses a directory that one is using.
 */
@Command(
    name = "restore",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description =
        "Puts a backup, which 'backup' has made, in the place of the database in a data directory"
            + " that no host is using. The database that is there is kept beside it, and nothing is"
            + " changed unless the backup is sound.",
    footer = {"", RestoreCommand.ENDS})
final class RestoreCommand implements Callable<Integer> {
  static final String ENDS =
      "Ends with 0 if the backup is in its place, and 1 if nothing was changed.";

  @Spec private @Nullable CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "The backup.")
  private Path file = Path.of("");

  @Option(
      names = "--data",
      paramLabel = "DIR",
      required = true,
      description = "Where to, as for 'serve'; made if it isn't there.")
  private Path data = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "table",
      description = "table, or json: an object a line. Default: ${DEFAULT-VALUE}")
  private OutputFormat output = OutputFormat.TABLE;

  @Override
  public Integer call() {
    QuietLog.begin();
    CommandSpec of = Objects.requireNonNull(spec);
    PrintWriter out = of.commandLine().getOut();
    Backups.Restored done;
    try {
      done = Backups.restore(file, data);
    } catch (StorageException e) {
      of.commandLine().getErr().println(e.getMessage());
      return ExitStatus.FAILED;
    }
    String before = done.before().map(Path::toString).orElse("");
    if (output == OutputFormat.JSON) {
      JsonObject line = new JsonObject();
      line.addProperty("database", done.database().toString());
      line.addProperty("objects", done.objects());
      line.addProperty("before", before);
      out.println(line);
    } else {
      out.println("%,d objects in %s".formatted(done.objects(), done.database()));
      if (!before.isEmpty()) {
        out.println("what was there is kept in " + before);
      }
    }
    return ExitStatus.OK;
  }
}
