package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ExportObjectsResponse;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusException;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Copies objects. */
@Command(
    name = "copy",
    description = {
      "Copies an object to another name, or objects to another host, or both.",
      "",
      "  seriatim copy COUNTER/foo COUNTER/bar",
      "  seriatim copy --objects COUNTER/tenant- --to localhost:7080"
    })
final class CopyCommand extends AdminCommand {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "FROM",
      converter = ObjectArgument.Converter.class,
      description = "The object.")
  private @Nullable ObjectArgument from;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "AS",
      converter = ObjectArgument.Converter.class,
      description = "What the copy is called, in the same namespace.")
  private @Nullable ObjectArgument as;

  @Option(
      names = "--objects",
      paramLabel = Filter.LABEL,
      description = "Those of a namespace, and only those whose names begin so.")
  private @Nullable String which;

  @Option(
      names = "--to",
      paramLabel = "HOST:PORT",
      description = "The other host, for which token and TLS are the same.")
  private @Nullable String to;

  @Option(
      names = "--if-exists",
      paramLabel = "WHAT",
      defaultValue = "fail",
      description = "As of seriatim import. Default: ${DEFAULT-VALUE}")
  private Importing.There ifExists = Importing.There.FAIL;

  @Override
  int run(ManagedChannel channel) throws InterruptedException, StatusException {
    if (from == null && which == null && to == null) {
      throw CommandFailure.usage("nothing to copy, expected an object, or --to with --objects");
    }
    if (as == null && to == null) {
      throw CommandFailure.usage(
          "neither a name for the copy nor --to, expected one of them: it would be the same"
              + " object");
    }
    if (as != null && (from == null || as.name() == null)) {
      throw CommandFailure.usage("'%s', expected NAMESPACE/NAME".formatted(as));
    }
    if (as != null && from != null && !as.namespace().equals(from.namespace())) {
      throw CommandFailure.usage(
          "'%s', expected an object of namespace %s".formatted(as, from.namespace()));
    }
    ExportObjectsRequest request = ExportCommand.request(which, from);
    ManagedChannel into = to == null ? channel : host().channel(to);
    try {
      return copy(channel, request, into);
    } finally {
      if (to != null) {
        into.shutdownNow();
      }
    }
  }

  private int copy(ManagedChannel channel, ExportObjectsRequest request, ManagedChannel into)
      throws InterruptedException, StatusException {
    String id = as == null ? "" : idOf(into, as);
    Iterator<ExportObjectsResponse> parts = endless(channel).exportObjects(request);
    boolean some = parts.hasNext(); // An object that isn't there is told before anything else.
    Importing importing = new Importing(into, ifExists.asked());
    try {
      while (some) {
        ObjectSnapshot part = parts.next().getPart();
        if (as != null) {
          part = part.toBuilder().setId(id).setName(String.valueOf(as.name())).build();
        }
        some = importing.send(part) && parts.hasNext();
      }
    } catch (RuntimeException e) {
      importing.cancel("what is copied can't be read");
      throw e;
    }
    ImportObjectsResponse done = importing.end();
    if (isJson()) {
      printJson(done);
    } else {
      out()
          .println(
              "%,d objects copied, %,d were there"
                  .formatted(done.getImported(), done.getSkipped()));
    }
    return ExitStatus.OK;
  }

  private String idOf(ManagedChannel channel, ObjectArgument object) {
    DescribeNamespaceResponse namespace =
        DurableObjectsGrpc.newBlockingStub(channel)
            .withDeadlineAfter(timeoutNanos(), TimeUnit.NANOSECONDS)
            .describeNamespace(
                DescribeNamespaceRequest.newBuilder().setName(object.namespace()).build());
    try {
      return new DurableObjectIds(namespace.getUniqueKey())
          .fromName(String.valueOf(object.name()))
          .toString();
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()));
    }
  }
}
