package dev.seriatim.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hashing;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.service.Authenticators;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Policy;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * What it costs to know callers: calls with a token to a host that has a policy, beside the same
 * calls to one that asks nobody. The hosts are in one process.
 */
final class Callers implements Group {
  private static final String TOKEN = "benchmarks-token";

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /** So that there is something to look through. */
  private static final String POLICY =
      """
      {"rules": [
        {"who": ["group:nobody"], "namespaces": ["COUNTER"], "objects": ["${name}"]},
        {"who": ["group:benchmarks"], "namespaces": ["BENCH"], "methods": ["Echo", "Increment"],
         "objects": ["${name}-*"]},
        {"who": ["group:operators"], "admin": ["*"]}
      ]}
      """;

  @Override
  public String name() {
    return "callers";
  }

  @Override
  public void measure(Bench bench) throws Exception {
    bench.progress("starting hosts with and without callers");
    Path directory = bench.scratch().directory("callers");
    try (JavaProcess hosts =
        JavaProcess.start(
            bench.scratch(),
            Callers.class,
            directory,
            bench.hostOptions("callers"),
            Map.of(),
            directory.toString())) {
      int open = hosts.port(0);
      int guarded = hosts.port(1);
      checkThatNobodyElseMay(guarded);
      Twins.measure(
          bench,
          "a verified caller and a policy, direct call",
          StubLoads.echo(guarded, Loads.SMALL, credentials()),
          "without",
          StubLoads.echo(open, Loads.SMALL, credentials()),
          4096,
          0.99);
      Twins.measure(
          bench,
          "a verified caller and a policy, calls with a header",
          StubLoads.headerCall(guarded, Loads.SMALL, 1, credentials()),
          "without",
          StubLoads.headerCall(open, Loads.SMALL, 1, credentials()),
          256,
          /* least= */ null);
    }
  }

  private static Metadata credentials() {
    Metadata credentials = new Metadata();
    credentials.put(AUTHORIZATION, "Bearer " + TOKEN);
    return credentials;
  }

  /** A run in which anyone may call measures nothing. */
  private static void checkThatNobodyElseMay(int port) throws InterruptedException {
    ManagedChannel channel = Loads.connect(port);
    try {
      var _ =
          BenchGrpc.newBlockingStub(
                  StubLoads.namespace(channel, BenchObject.NAMESPACE)
                      .getByName("bench-0")
                      .channel())
              .echo(Loads.payload(Loads.SMALL));
      throw new IllegalStateException("the host with callers serves whom it doesn't know");
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.UNAUTHENTICATED) {
        throw e;
      }
    } finally {
      channel.shutdownNow();
    }
  }

  /** Runs the hosts: one that asks nobody, and one with tokens and a policy in this directory. */
  public static void main(String[] arguments) throws Exception {
    HostProcess.quiet();
    Path tokens = Path.of(arguments[0], "tokens");
    Path policy = Path.of(arguments[0], "policy.json");
    Files.writeString(
        tokens,
        "{\"sha256\": \"%s\", \"name\": \"bench\", \"groups\": [\"benchmarks\"]}%n"
            .formatted(Hashing.sha256().hashString(TOKEN, UTF_8)));
    Files.writeString(policy, POLICY);
    DurableObjectHost open = HostProcess.host().build().start();
    DurableObjectHost guarded =
        HostProcess.host()
            .authenticator(Authenticators.tokens(tokens))
            .authorizer(Policy.read(policy))
            .build()
            .start();
    JavaProcess.serve(open.port(), guarded.port());
    guarded.close();
    open.close();
    System.exit(0);
  }
}
