package dev.seriatim.server.cli;

import com.google.protobuf.util.Durations;
import dev.seriatim.admin.v1.GetHostRequest;
import dev.seriatim.admin.v1.GetHostResponse;
import io.grpc.ManagedChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows a host. */
@Command(name = "host", description = "Shows what a host is, and how it does.")
final class HostInfoCommand extends AdminCommand {
  @Option(names = "--options", description = "Also its limits and other options.")
  private boolean options;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      defaultValue = "",
      description = "Which of a cluster, by one of the names under 'hosts'. Default: --target's.")
  private String name = "";

  @Override
  int run(ManagedChannel channel) {
    GetHostResponse host =
        admin(channel).getHost(GetHostRequest.newBuilder().setHost(name).build());
    if (isJson()) {
      printJson(host);
      return ExitStatus.OK;
    }
    out().println(name.isEmpty() ? host().target() : name);
    TextTable facts = new TextTable("", "");
    facts.add(
        "version",
        host.getVersion() + (host.getCommit().isEmpty() ? "" : " (" + host.getCommit() + ")"));
    facts.add("since", instant(host.getStarted()));
    if (!host.getHost().isEmpty()) {
      facts.add("name", host.getHost());
      facts.add("slots", "%,d of 1,024".formatted(host.getSlots()));
      facts.add("hosts", String.join(", ", host.getHostsList()));
    }
    facts.add("store", host.getStore());
    facts.add("state", host.getDraining() ? "draining" : host.getServing() ? "serving" : "waits");
    if (host.hasLeaseLeft()) {
      facts.add("lease", "%,d ms left".formatted(Durations.toMillis(host.getLeaseLeft())));
    }
    facts.add("stubs", "%,d".formatted(host.getStubs()));
    facts.add("live objects", "%,d".formatted(host.getLiveObjects()));
    host.getMemoryMap().entrySet().stream()
        .sorted(java.util.Map.Entry.comparingByKey())
        .forEach(each -> facts.add(each.getKey(), "%,d bytes".formatted(each.getValue())));
    if (options) {
      host.getOptionsMap().entrySet().stream()
          .sorted(java.util.Map.Entry.comparingByKey())
          .forEach(each -> facts.add(each.getKey(), each.getValue()));
    }
    facts.print(out(), false);
    return ExitStatus.OK;
  }
}
