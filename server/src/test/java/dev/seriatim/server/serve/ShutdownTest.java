package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.storage.PostgresServer;
import dev.seriatim.service.storage.TcpProxy;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server program when it gets SIGTERM, as a process of its own. */
@Timeout(value = 900, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class ShutdownTest {
  private static final Logger logger = LoggerFactory.getLogger(ShutdownTest.class);

  /** As gRPC has them. */
  private static final java.util.logging.Logger jdkLogger =
      java.util.logging.Logger.getLogger(ShutdownTest.class.getName());

  @TempDir private Path directory;
  private final List<ServerProcess> servers = new ArrayList<>();

  /** Objects whose alarm runs until it is cut off, and says so in the log. */
  public static final class Objects implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace(
          "PROBE",
          ProbeGrpc.getServiceDescriptor(),
          Probe.doing(
              (probe, request, reply) -> {
                probe.state().storage().setAlarm(Instant.EPOCH);
                Probe.echo(probe, request, reply);
              },
              (probe, alarm) -> {
                System.out.println("the alarm runs, after failures: " + alarm.retries());
                try {
                  new CountDownLatch(1).await();
                } finally {
                  logger.warn("said in the drain");
                  jdkLogger.warning("said to the JDK in the drain");
                }
              }));
    }
  }

  @AfterEach
  void kill() {
    servers.forEach(ServerProcess::close);
  }

  @Test
  void whatIsLoggedInTheDrainIsNotLost() throws Exception {
    ServerProcess first = start("--drain-limit", "0.3");
    setAlarm(first);
    first.await("the alarm runs, after failures: 0");
    first.terminate();
    assertThat(first.exitValue()).isEqualTo(0);
    first.await("drained");
    first.await("0 stubs and 1 other turns had not ended at the drain limit of PT0.3S");
    first.await("WARN  dev.seriatim.server.serve.ShutdownTest: said in the drain");
    first.await("WARN  dev.seriatim.server.serve.ShutdownTest: said to the JDK in the drain");
    // It was cut off, which isn't counted.
    start("--drain-limit", "0.3").await("the alarm runs, after failures: 0");
  }

  @Test
  void aStoreThatSaysNothingDoesNotHoldUpTheEnd() throws Exception {
    PostgresServer database = PostgresServer.shared();
    try (TcpProxy wire = new TcpProxy(database)) {
      ServerProcess server =
          ServerProcess.start(
              directory,
              Objects.class,
              List.of("--store", wire.url(database.newSchema()), "--drain-limit", "0.3"));
      servers.add(server);
      setAlarm(server);
      server.await("the alarm runs, after failures: 0");
      wire.silence();
      server.terminate();
      // By itself: its last end, which would have it end with 1, isn't waited for.
      assertThat(server.exitValue()).isEqualTo(0);
      server.await("drained");
    }
  }

  @Test
  void theDefaultsLeaveTimeBeforeKubernetesKills() {
    Duration longest =
        HostLimits.defaults().drainLimit().plus(Serve.AFTER_DRAIN_LIMIT).plusSeconds(1);
    assertThat(longest).isLessThan(Duration.ofSeconds(30));
    // The last frames, and what is not committed yet, have their time.
    assertThat(Serve.AFTER_DRAIN_LIMIT)
        .isGreaterThan(StorageOptions.memory().storePatience().plusSeconds(3));
  }

  private ServerProcess start(String... options) throws IOException {
    List<String> all = new ArrayList<>(List.of("--data", directory.resolve("data").toString()));
    all.addAll(List.of(options));
    ServerProcess server = ServerProcess.start(directory, Objects.class, all);
    servers.add(server);
    return server;
  }

  private static void setAlarm(ServerProcess server) {
    ManagedChannel channel = server.channel();
    try {
      Metadata headers = new Metadata();
      headers.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/a");
      var _ =
          ProbeGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
              .do_(Probe.words("set"));
    } finally {
      channel.shutdownNow();
    }
  }
}
