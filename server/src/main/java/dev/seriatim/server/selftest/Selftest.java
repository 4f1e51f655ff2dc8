package dev.seriatim.server.selftest;

import static java.util.Objects.requireNonNull;

import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.server.serve.Serve;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.InsecureChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PipedReader;
import java.io.PipedWriter;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Serves and calls, all of it in one process, and fails if that doesn't work. */
@Command(
    name = "selftest",
    hidden = true,
    mixinStandardHelpOptions = true,
    description = "Serves an object of its own on a free port, calls it, and drains.")
public final class Selftest implements Callable<Integer> {
  private static final String LISTENING = "listening on ";
  private static final int OBJECTS = 10;

  @Option(
      names = "--calls",
      paramLabel = "N",
      defaultValue = "10000",
      description = "How many calls to make. Default: ${DEFAULT-VALUE}")
  private int calls = 10_000;

  @Option(
      names = "--start-only",
      description = "Tell how long it took from the start of the JVM to the first answer, and end.")
  private boolean startOnly;

  @Parameters(
      paramLabel = "OPTION",
      description =
          "Behind --: more options of serve, such as --store and --cluster. The store should be"
              + " empty and nobody else's: what is kept in it stays.")
  private List<String> more = List.of();

  @Spec private @Nullable CommandSpec spec;

  /** Of the command line. */
  public Selftest() {}

  @Override
  public Integer call() {
    CommandLine line = requireNonNull(spec).commandLine();
    try {
      run(line.getOut());
      return 0; // The server drains on the way out.
    } catch (Exception e) {
      e.printStackTrace(line.getErr());
      line.getErr().flush();
      // The server would end the JVM as if all had been well.
      Runtime.getRuntime().halt(1);
      throw new AssertionError(e);
    }
  }

  private void run(PrintWriter out) throws Exception {
    Path home = Files.createTempDirectory("seriatim-selftest");
    Path providers = home.resolve("META-INF/services/" + DurableObjectProvider.class.getName());
    Files.createDirectories(requireNonNull(providers.getParent()));
    Files.writeString(providers, SelftestObjects.class.getName());
    PipedWriter told = new PipedWriter();
    BufferedReader lines = new BufferedReader(new PipedReader(told));
    Thread.ofPlatform().daemon().name("selftest-server").start(() -> serve(home, told));
    String target = target(lines);
    Thread.ofVirtual().start(() -> lines.lines().forEach(out::println));
    try (DurableObjects objects =
        DurableObjects.connect(target, InsecureChannelCredentials.create())) {
      check(ask(objects, "first", ""), HealthCheckResponse.ServingStatus.SERVING);
      out.printf("first answer %d ms after the start%n", sinceStart());
      if (!startOnly) {
        callMuch(objects);
        out.printf("%d calls answered%n", calls);
      }
    }
  }

  /** Until the end of the JVM, if the host starts. */
  private void serve(Path home, PipedWriter told) {
    try (PrintWriter out = new PrintWriter(told, /* autoFlush= */ true)) {
      int _ = Serve.command(Map.of()).setOut(out).execute(options(home));
    }
  }

  private String[] options(Path home) {
    List<String> options = new ArrayList<>(List.of("--listen=127.0.0.1:0", "--objects=" + home));
    if (more.stream()
        .noneMatch(option -> option.equals("--store") || option.startsWith("--store="))) {
      options.add("--data=" + home.resolve("data"));
    }
    options.addAll(more);
    return options.toArray(String[]::new);
  }

  private static String target(BufferedReader lines) throws IOException {
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.startsWith(LISTENING)) {
        return line.substring(LISTENING.length());
      }
    }
    throw new IllegalStateException("the server never said that it listens");
  }

  private static long sinceStart() {
    return System.currentTimeMillis()
        - ProcessHandle.current().info().startInstant().orElseThrow().toEpochMilli();
  }

  private static HealthCheckResponse.ServingStatus ask(
      DurableObjects objects, String name, String text) {
    try (DurableObjectStub stub = objects.namespace(SelftestObjects.NAMESPACE).getByName(name)) {
      return HealthGrpc.newBlockingStub(stub.channel()).check(request(text)).getStatus();
    }
  }

  private void callMuch(DurableObjects objects) throws InterruptedException, ExecutionException {
    List<DurableObjectStub> stubs = new ArrayList<>();
    List<ListenableFuture<HealthCheckResponse>> answers = new ArrayList<>();
    for (int i = 0; i < OBJECTS; i++) {
      stubs.add(objects.namespace(SelftestObjects.NAMESPACE).getByName("object " + i));
    }
    for (int i = 0; i < calls; i++) {
      DurableObjectStub stub = stubs.get(i % OBJECTS);
      answers.add(HealthGrpc.newFutureStub(stub.channel()).check(request("call")));
    }
    for (HealthCheckResponse answer : Futures.allAsList(answers).get()) {
      if (answer.getStatus() == HealthCheckResponse.ServingStatus.UNKNOWN) {
        throw new IllegalStateException("an object answered " + answer);
      }
    }
    stubs.forEach(DurableObjectStub::close);
  }

  private static HealthCheckRequest request(String text) {
    return HealthCheckRequest.newBuilder().setService(text).build();
  }

  private static void check(
      HealthCheckResponse.ServingStatus found, HealthCheckResponse.ServingStatus expected) {
    if (found != expected) {
      throw new IllegalStateException("an object answered " + found + ", expected " + expected);
    }
  }
}
