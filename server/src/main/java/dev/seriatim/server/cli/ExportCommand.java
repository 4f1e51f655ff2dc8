package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ExportObjectsResponse;
import io.grpc.ManagedChannel;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes objects to a file. */
@Command(
    name = "export",
    description =
        "Writes objects to a file, each as it was between two turns: for seriatim import, into"
            + " another store or another host.")
final class ExportCommand extends AdminCommand {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "FILE",
      defaultValue = "-",
      description = "Where to; - is standard output. Default: ${DEFAULT-VALUE}")
  private String file = "-";

  @Option(
      names = "--objects",
      paramLabel = Filter.LABEL,
      description = "Only those of a namespace, and only those whose names begin so.")
  private @Nullable String which;

  @Option(
      names = "--object",
      paramLabel = ObjectArgument.LABEL,
      converter = ObjectArgument.Converter.class,
      description = "Only this one.")
  private @Nullable ObjectArgument object;

  @Override
  int run(ManagedChannel channel) throws IOException {
    ExportObjectsRequest request = request(which, object);
    long objects;
    if (file.equals("-")) {
      objects = write(channel, request, new FileOutputStream(FileDescriptor.out));
    } else {
      try (PartialFile to = PartialFile.of(Path.of(file))) {
        objects = write(channel, request, to.stream());
        to.complete();
      }
    }
    err().println("%,d objects".formatted(objects));
    return ExitStatus.OK;
  }

  static ExportObjectsRequest request(@Nullable String which, @Nullable ObjectArgument object) {
    if (which != null && object != null) {
      throw CommandFailure.usage("--objects and --object, expected one of them");
    }
    Filter filter = Filter.parse(which);
    ExportObjectsRequest.Builder request =
        ExportObjectsRequest.newBuilder()
            .setNamespace(filter.namespace())
            .setNamePrefix(filter.prefix());
    if (object != null) {
      request.setObject(object.toProto());
    }
    return request.build();
  }

  private long write(ManagedChannel channel, ExportObjectsRequest request, OutputStream to)
      throws IOException {
    Iterator<ExportObjectsResponse> parts = endless(channel).exportObjects(request);
    long objects = 0;
    try (BufferedOutputStream buffered = new BufferedOutputStream(to, 1 << 16)) {
      Snapshots.Writer writer = new Snapshots.Writer(buffered, isJson());
      while (parts.hasNext()) {
        ExportObjectsResponse part = parts.next();
        writer.write(part.getPart());
        if (!part.getPart().getMore()) {
          objects++;
        }
      }
      writer.end();
    }
    return objects;
  }
}
