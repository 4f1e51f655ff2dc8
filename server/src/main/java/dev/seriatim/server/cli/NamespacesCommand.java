package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListNamespacesResponse;
import dev.seriatim.admin.v1.Namespace;
import io.grpc.ManagedChannel;
import picocli.CommandLine.Command;

/** Lists the namespaces. */
@Command(name = "namespaces", description = "Lists the namespaces, served or only stored.")
final class NamespacesCommand extends AdminCommand {
  @Override
  int run(ManagedChannel channel) {
    ListNamespacesResponse answer =
        admin(channel).listNamespaces(ListNamespacesRequest.getDefaultInstance());
    if (isJson()) {
      answer.getNamespacesList().forEach(this::printJson);
      return ExitStatus.OK;
    }
    TextTable table = new TextTable("NAMESPACE", "STORED", "LIVE", "SERVICE");
    for (Namespace namespace : answer.getNamespacesList()) {
      table.add(
          namespace.getName(),
          namespace.getStoredObjects(),
          namespace.getLiveObjects(),
          namespace.getServed() ? namespace.getService() : "(not served)");
    }
    table.print(out());
    return ExitStatus.OK;
  }
}
