package dev.seriatim.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.base.Splitter;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.DynamicMessage;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Method;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Calls an object. */
@Command(
    name = "call",
    description = {
      "Calls an object: one stub, in order.",
      "",
      "  seriatim call COUNTER/foo Increment amount=5 , Increment amount=2 , Get",
      "",
      "A field's value is JSON if the field takes it, and else a text. a.b=VALUE is a field of a"
          + " message or an entry of a map, FIELD:=JSON is always JSON, a field of many is given"
          + " several times or as a JSON list, and - behind a method is all of its fields as JSON"
          + " from standard input. Each outcome is printed as JSON, in one line. If the stub"
          + " breaks, a table on standard error says of each call whether it ran, failed, never"
          + " started, or is unknown. Without a method, tells which there are."
    })
final class CallCommand extends HostCommand {
  private static final Duration END = Duration.ofSeconds(5);

  @Parameters(
      index = "0",
      paramLabel = ObjectArgument.LABEL,
      converter = ObjectArgument.Converter.class,
      description = "The object, by its name or as NAMESPACE/id:HEX.")
  private @Nullable ObjectArgument object;

  @Parameters(
      index = "1..*",
      paramLabel = "METHOD [FIELD=VALUE]... [,]",
      hideParamSyntax = true,
      description = "What is called, with its fields. A , that stands alone begins another call.")
  private List<String> words = new ArrayList<>();

  @Option(
      names = {"-H", "--header"},
      paramLabel = "KEY:VALUE",
      description = "Metadata of each call. May be repeated.")
  private List<String> headers = new ArrayList<>();

  @Option(
      names = "--idempotency-key",
      paramLabel = "KEY",
      description =
          "Executed once for this key, whoever sends it again. Of several calls, the second one's"
              + " is KEY:2, and so on.")
  private @Nullable String idempotencyKey;

  @Option(
      names = "--resumable",
      description = "Goes on over a lost connection, a restart or a failover.")
  private boolean resumable;

  @Option(
      names = "--descriptors",
      paramLabel = "FILE",
      description =
          "What the messages are, for a host that doesn't tell: a FileDescriptorSet with imports,"
              + " as protoc and buf make it.")
  private @Nullable Path descriptors;

  private final Reader input;

  CallCommand() {
    this(new InputStreamReader(System.in, UTF_8));
  }

  CallCommand(Reader input) {
    this.input = input;
  }

  @Override
  int run(ManagedChannel channel) throws IOException, InterruptedException, StatusException {
    ObjectArgument called = Objects.requireNonNull(object);
    DescribeNamespaceResponse namespace =
        DurableObjectsGrpc.newBlockingStub(channel)
            .withDeadlineAfter(timeoutNanos(), TimeUnit.NANOSECONDS)
            .describeNamespace(
                DescribeNamespaceRequest.newBuilder().setName(called.namespace()).build());
    Optional<ServiceTypes> types = types(channel, namespace.getService());
    if (words.isEmpty()) {
      types.ifPresentOrElse(known -> list(called, known), () -> list(called, namespace));
      return ExitStatus.OK;
    }
    ServiceTypes known =
        types.orElseThrow(
            () ->
                CommandFailure.usage(
                    "the host doesn't tell what the messages of %s are: give --descriptors"
                        .formatted(namespace.getService())));
    List<PlannedCall> calls = PlannedCall.parse(words, known, input);
    List<Metadata> with = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      with.add(metadata(i, calls.size()));
    }
    DurableObjects objects = DurableObjects.on(channel);
    CallReport report = new CallReport(known, isJson(), out(), err());
    DurableObjectStub stub = open(objects, called);
    try {
      make(calls, with, stub, report);
    } finally {
      stub.close();
    }
    boolean _ = stub.awaitEnd(END);
    return report.end();
  }

  private DurableObjectStub open(DurableObjects objects, ObjectArgument called) {
    try {
      DurableObjectNamespace all = objects.namespace(called.namespace());
      DurableObjectNamespace namespace = resumable ? all.resumable() : all;
      return called.name() != null
          ? namespace.getByName(called.name())
          : namespace.get(namespace.idFromString(String.valueOf(called.id())));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()));
    }
  }

  /** Makes all calls before the first one is answered, as a program would. */
  private void make(
      List<PlannedCall> calls, List<Metadata> with, DurableObjectStub stub, CallReport report)
      throws InterruptedException {
    Duration timeout = host().timeout();
    List<ListenableFuture<DynamicMessage>> replies = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      CallOptions options =
          timeout == null
              ? CallOptions.DEFAULT
              : CallOptions.DEFAULT.withDeadlineAfter(
                  TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
      PlannedCall call = calls.get(i);
      replies.add(
          stub.call(ServiceTypes.callable(call.method()), call.argument(), options, with.get(i)));
    }
    for (int i = 0; i < calls.size(); i++) {
      try {
        report.answered(calls.get(i), replies.get(i).get());
      } catch (ExecutionException e) {
        report.failed(
            calls.get(i), CallFailure.of(e).orElseThrow(() -> new IllegalStateException(e)));
      }
    }
  }

  private Metadata metadata(int index, int count) {
    Metadata metadata = new Metadata();
    for (String header : headers) {
      List<String> parts = Splitter.on(':').limit(2).splitToList(header);
      if (parts.size() != 2) {
        throw CommandFailure.usage("--header '%s', expected KEY:VALUE".formatted(header));
      }
      try {
        metadata.put(
            Metadata.Key.of(parts.get(0), Metadata.ASCII_STRING_MARSHALLER), parts.get(1).strip());
      } catch (IllegalArgumentException e) {
        throw CommandFailure.usage("--header '%s': %s".formatted(header, e.getMessage()));
      }
    }
    if (idempotencyKey != null) {
      metadata.put(
          DurableObjectStub.IDEMPOTENCY_KEY,
          count == 1 || index == 0 ? idempotencyKey : idempotencyKey + ":" + (index + 1));
    }
    return metadata;
  }

  private Optional<ServiceTypes> types(ManagedChannel channel, String service)
      throws IOException, InterruptedException, StatusException {
    if (descriptors == null) {
      return Reflection.find(channel, service, timeoutNanos());
    }
    FileDescriptorSet set;
    try {
      set = FileDescriptorSet.parseFrom(Files.readAllBytes(descriptors));
    } catch (IOException e) {
      throw CommandFailure.usage("--descriptors '%s': %s".formatted(descriptors, e.getMessage()));
    }
    Optional<ServiceTypes> found = ServiceTypes.find(service, set);
    if (found.isEmpty()) {
      throw CommandFailure.usage(
          "--descriptors '%s' has no %s with all of its imports, expected it"
              .formatted(descriptors, service));
    }
    return found;
  }

  private void list(ObjectArgument called, ServiceTypes types) {
    if (isJson()) {
      types.methods().forEach(method -> out().println(MethodJson.of(method)));
      return;
    }
    out().println(called + " is a " + types.name());
    TextTable table = new TextTable("METHOD", "FIELDS", "REPLY");
    Set<Descriptor> inner = new LinkedHashSet<>();
    for (MethodDescriptor method : types.methods()) {
      table.add(
          method.getName(),
          FieldTypes.text(method.getInputType()),
          FieldTypes.text(method.getOutputType()));
      FieldTypes.addInner(method.getInputType(), inner);
      FieldTypes.addInner(method.getOutputType(), inner);
    }
    table.print(out());
    if (!inner.isEmpty()) {
      out().println();
      TextTable messages = new TextTable("MESSAGE", "FIELDS");
      inner.forEach(message -> messages.add(message.getName(), FieldTypes.text(message)));
      messages.print(out());
    }
  }

  /** All that is known without the types. */
  private void list(ObjectArgument called, DescribeNamespaceResponse namespace) {
    if (isJson()) {
      for (Method method : namespace.getMethodsList()) {
        out().println(JsonValues.text("method", method.getName()));
      }
      return;
    }
    out().println(called + " is a " + namespace.getService());
    TextTable table = new TextTable("METHOD", "TAKES", "REPLY");
    for (Method method : namespace.getMethodsList()) {
      table.add(method.getName(), method.getRequestType(), method.getResponseType());
    }
    table.print(out());
  }
}
