package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.DrainRequest;
import dev.seriatim.admin.v1.DrainResponse;
import io.grpc.ManagedChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shuts a host down. */
@Command(
    name = "drain",
    description =
        "Shuts the host down as SIGTERM does: every stub finishes the turn that it is in, and is"
            + " told. Doesn't wait for that.")
final class DrainCommand extends AdminCommand {
  @Option(
      names = "--host",
      paramLabel = "HOST",
      defaultValue = "",
      description = "Which of a cluster, as 'seriatim host' names it. Default: --target's.")
  private String name = "";

  @Override
  int run(ManagedChannel channel) {
    DrainResponse _ = admin(channel).drain(DrainRequest.newBuilder().setHost(name).build());
    if (!isJson()) {
      out().println((name.isEmpty() ? host().target() : name) + " is draining");
    }
    return ExitStatus.OK;
  }
}
