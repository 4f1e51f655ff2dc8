package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.base.Splitter;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.storage.PostgresServer;
import dev.seriatim.service.storage.TcpProxy;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is seen of the server program from outside, as a process of its own. */
@Timeout(value = 900, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class WatchedServerTest {
  private static final List<String> PAGES = List.of("--http", "127.0.0.1:0");

  @TempDir private Path directory;
  private final List<AutoCloseable> open = new ArrayList<>();

  /** Objects that say what they are told, throw at {@code throw}, and never end at {@code stay}. */
  public static final class Objects implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace(
          "PROBE",
          ProbeGrpc.getServiceDescriptor(),
          Probe.doing(
              (probe, request, reply) -> {
                switch (request.getText()) {
                  case "throw" -> throw new IllegalStateException("told to throw");
                  case "stay" -> {
                    System.out.println("stays");
                    new CountDownLatch(1).await();
                  }
                  default -> Probe.echo(probe, request, reply);
                }
              }));
    }
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : open.reversed()) {
      one.close();
    }
  }

  private ServerProcess start(List<String> ofJvm, List<String> pages, String... options)
      throws IOException {
    List<String> all = new ArrayList<>(pages);
    all.addAll(List.of(options));
    ServerProcess server = ServerProcess.start(directory, Objects.class, ofJvm, all);
    open.add(server);
    return server;
  }

  private ManagedChannel channel(ServerProcess server) {
    ManagedChannel channel = server.channel();
    open.add(channel::shutdownNow);
    return channel;
  }

  private DurableObjectStub stub(ManagedChannel channel, String name) {
    DurableObjects objects = DurableObjects.on(channel);
    open.add(objects);
    return objects.namespace("PROBE").getByName(name);
  }

  private static int status(ServerProcess server, String page) {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(URI.create("http://" + server.said("http on ") + page))
                  .build(),
              BodyHandlers.discarding())
          .statusCode();
    } catch (IOException e) {
      throw new AssertionError("the page " + page + " is not there", e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static ServingStatus health(ManagedChannel channel) {
    return HealthGrpc.newBlockingStub(channel)
        .check(HealthCheckRequest.getDefaultInstance())
        .getStatus();
  }

  @Test
  void readinessAndHealthFollowTheLease() throws Exception {
    PostgresServer database = PostgresServer.shared();
    TcpProxy wire = new TcpProxy(database);
    open.add(wire);
    ServerProcess server =
        start(
            List.of(),
            PAGES,
            "--store",
            wire.url(database.newSchema()),
            "--lease",
            "2",
            "--lease-renewal",
            "0.3");
    ManagedChannel channel = channel(server);
    Wait.until(() -> status(server, "/readyz") == 200, "the server is ready");
    // Each for itself: with so short a lease a slow machine may lose it, and have it again.
    Wait.until(() -> health(channel) == ServingStatus.SERVING, "the health is good");

    wire.silence();
    Wait.until(() -> status(server, "/readyz") == 503, "the server isn't ready any more");
    Wait.until(() -> health(channel) == ServingStatus.NOT_SERVING, "the health is bad");
    assertThat(status(server, "/livez")).isEqualTo(200);

    wire.speak();
    Wait.until(() -> status(server, "/readyz") == 200, "the server is ready again");
    Wait.until(() -> health(channel) == ServingStatus.SERVING, "the health is good again");
  }

  @Test
  void whoDrainsLivesAndIsNotReady() throws Exception {
    ServerProcess server = start(List.of(), PAGES, "--data", "memory", "--drain-limit", "120");
    ManagedChannel channel = channel(server);
    assertThat(status(server, "/readyz")).isEqualTo(200);
    var _ = stub(channel, "a").call(ProbeGrpc.getDoMethod(), Probe.words("stay"));
    server.await("stays");
    server.terminate();
    server.await("draining");
    Wait.until(() -> status(server, "/readyz") == 503, "the server isn't ready any more");
    assertThat(health(channel)).isEqualTo(ServingStatus.NOT_SERVING);
    assertThat(status(server, "/livez")).isEqualTo(200);
  }

  @Test
  void aBreakIsARecordWithAKeyForEachThing() throws Exception {
    ServerProcess server = start(List.of(), List.of(), "--data", "memory", "--log-format", "json");
    DurableObjectStub stub = stub(channel(server), "a name");
    assertThat(stub.call(ProbeGrpc.getDoMethod(), Probe.words("fine")).get().getText())
        .isEqualTo("fine");
    ExecutionException failure =
        assertThrows(
            ExecutionException.class,
            () -> stub.call(ProbeGrpc.getDoMethod(), Probe.words("throw")).get());
    assertThat(failure).hasMessageThat().contains("told to throw");
    server.await("the method threw");
    JsonObject record = JsonParser.parseString(server.line("the method threw")).getAsJsonObject();
    assertThat(record.get("message").getAsString()).isEqualTo("the method threw");
    assertThat(record.get("namespace").getAsString()).isEqualTo("PROBE");
    assertThat(record.get("object").getAsString()).isEqualTo("a name");
    assertThat(record.get("id").getAsString()).isEqualTo(stub.id().toString());
    assertThat(record.get("method").getAsString()).isEqualTo("Do");
    assertThat(record.get("sequence").getAsLong()).isEqualTo(2);
    assertThat(record.get("reason").getAsString()).isEqualTo("OBJECT_EXCEPTION");
    assertThat(record.get("error").getAsString()).isEqualTo("java.lang.IllegalStateException");
  }

  /** The classes of OpenTelemetry that the JVM loads for a server with these pages. */
  private List<String> loaded(String file, List<String> pages) throws Exception {
    Path log = directory.resolve(file);
    ServerProcess server =
        start(List.of("-Xlog:class+load:file=" + log), pages, "--data", "memory");
    DurableObjectStub stub = stub(channel(server), "a");
    assertThat(stub.call(ProbeGrpc.getDoMethod(), Probe.words("fine")).get().getText())
        .isEqualTo("fine");
    if (!pages.isEmpty()) {
      assertThat(status(server, "/metrics")).isEqualTo(200);
    }
    server.terminate();
    assertThat(server.exitValue()).isEqualTo(0);
    List<String> lines = Splitter.on('\n').splitToList(Files.readString(log));
    assertWithMessage("lines of %s", log).that(lines.size()).isAtLeast(1_000);
    return lines.stream().filter(line -> line.contains(" io.opentelemetry.")).toList();
  }

  @Test
  void whoWatchesNothingLoadsNothingForIt() throws Exception {
    assertThat(loaded("without.log", List.of())).isEmpty();
    assertThat(loaded("with.log", PAGES)).isNotEmpty();
  }
}
