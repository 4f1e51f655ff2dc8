package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ListObjectsResponse;
import dev.seriatim.admin.v1.ObjectSummary;
import io.grpc.ManagedChannel;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists objects, page by page. */
@Command(name = "objects", description = "Lists objects, by name: those stored, and those live.")
final class ObjectsCommand extends AdminCommand {
  private static final int PAGE = 1_000;

  @Parameters(
      arity = "0..1",
      paramLabel = Filter.LABEL,
      description = "Only those of a namespace, and only those whose names begin so.")
  private @Nullable String which;

  @Option(names = "--live", description = "Only those that are live.")
  private boolean live;

  @Option(names = "--alarm", description = "Only those with an alarm that is to run.")
  private boolean alarm;

  @Option(names = "--limit", paramLabel = "N", description = "Ends behind so many.")
  private long limit = Long.MAX_VALUE;

  @Override
  int run(ManagedChannel channel) {
    if (limit < 1) {
      throw CommandFailure.usage("--limit: %d, expected at least 1".formatted(limit));
    }
    Filter filter = Filter.parse(which);
    ListObjectsRequest.Builder request =
        ListObjectsRequest.newBuilder()
            .setNamespace(filter.namespace())
            .setNamePrefix(filter.prefix())
            .setLive(live)
            .setAlarm(alarm);
    TextTable table = new TextTable("STATE", "ALARM", "OBJECT");
    long left = limit;
    boolean first = true;
    while (true) {
      ListObjectsResponse page =
          admin(channel).listObjects(request.setPageSize((int) Math.min(left, PAGE)).build());
      left -= page.getObjectsCount();
      if (isJson()) {
        page.getObjectsList().forEach(this::printJson);
      } else {
        page.getObjectsList().forEach(object -> add(table, object));
        table.print(out(), first);
      }
      first = false;
      if (page.getNextPageToken().isEmpty() || left == 0 || isDone()) {
        return ExitStatus.OK;
      }
      request.setPageToken(page.getNextPageToken());
    }
  }

  private static void add(TextTable table, ObjectSummary object) {
    // Columns of one width, so that all pages are in line.
    String state =
        (object.getStored() ? "stored" : "      ") + (object.getLive() ? " live" : "     ");
    String alarm = object.hasAlarm() ? instant(object.getAlarm()).toString() : "-";
    table.add(state, "%-24s".formatted(alarm), text(object));
  }

  static String text(ObjectSummary object) {
    return ObjectArgument.text(
        object.getNamespace(), object.hasName() ? object.getName() : null, object.getId());
  }
}
