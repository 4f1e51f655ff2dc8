package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ObjectSnapshot;
import io.grpc.ManagedChannel;
import io.grpc.StatusException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Reads objects from a file. */
@Command(
    name = "import",
    description =
        "Writes objects from a file of seriatim export, each in one turn. If it ends early, those"
            + " before are imported: --if-exists skip goes on.")
final class ImportCommand extends AdminCommand {
  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      defaultValue = "-",
      description = "Where from; - is standard input. Default: ${DEFAULT-VALUE}")
  private String file = "-";

  @Option(
      names = "--if-exists",
      paramLabel = "WHAT",
      defaultValue = "fail",
      description =
          "Of an object that has stored something: fail ends, skip leaves it, replace puts what"
              + " comes in its place. Default: ${DEFAULT-VALUE}")
  private Importing.There ifExists = Importing.There.FAIL;

  @Override
  int run(ManagedChannel channel) throws IOException, InterruptedException, StatusException {
    try (InputStream in = file.equals("-") ? System.in : Files.newInputStream(Path.of(file))) {
      Importing importing = null;
      try {
        Snapshots.Reader from = new Snapshots.Reader(in);
        importing = new Importing(channel, ifExists.asked());
        for (@Nullable ObjectSnapshot part = from.next(); part != null; part = from.next()) {
          if (!importing.send(part)) {
            break;
          }
        }
      } catch (NoSuchFileException e) {
        throw e;
      } catch (IOException e) {
        if (importing != null) {
          importing.cancel("what is imported can't be read");
        }
        throw CommandFailure.usage("'%s' %s".formatted(file, e.getMessage()));
      }
      return say(importing.end());
    } catch (NoSuchFileException e) {
      throw CommandFailure.usage("'%s': there is no such file".formatted(file));
    }
  }

  private int say(ImportObjectsResponse done) {
    if (isJson()) {
      printJson(done);
    } else {
      out()
          .println(
              "%,d objects imported, %,d were there"
                  .formatted(done.getImported(), done.getSkipped()));
    }
    return ExitStatus.OK;
  }
}
