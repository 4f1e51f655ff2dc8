package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.BackupRequest;
import dev.seriatim.admin.v1.BackupResponse;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Copies the store of a host. */
@Command(
    name = "backup",
    description =
        "Writes a copy of the host's whole store to a file, while it goes on: every object as it"
            + " was between two turns. SQLite only; PostgreSQL has its own tools.")
final class BackupCommand extends AdminCommand {
  @Parameters(paramLabel = "FILE", description = "Where to; must not be there yet.")
  private Path file = Path.of("");

  @Override
  int run(ManagedChannel channel) throws IOException {
    long bytes = 0;
    try (PartialFile to = PartialFile.of(file)) {
      Iterator<BackupResponse> parts = endless(channel).backup(BackupRequest.getDefaultInstance());
      while (parts.hasNext()) {
        BackupResponse part = parts.next();
        part.getChunk().writeTo(to.stream());
        bytes += part.getChunk().size();
      }
      to.complete();
    }
    if (!isJson()) {
      out().println("%,d bytes in %s".formatted(bytes, file));
    }
    return ExitStatus.OK;
  }
}
