package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.DrainResponse;
import io.grpc.ManagedChannel;
import picocli.CommandLine.Command;

/** Shuts a host down. */
@Command(
    name = "drain",
    description =
        "Shuts the host down as SIGTERM does: every stub finishes the turn that it is in, and is"
            + " told. Doesn't wait for that.")
final class DrainCommand extends AdminCommand {
  @Override
  int run(ManagedChannel channel) {
    DrainResponse _ = admin(channel).drain(DrainRequest.getDefaultInstance());
    if (!isJson()) {
      out().println(host().target() + " is draining");
    }
    return ExitStatus.OK;
  }
}
