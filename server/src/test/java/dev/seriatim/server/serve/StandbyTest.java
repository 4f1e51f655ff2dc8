package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.storage.PostgresServer;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A second server on the same store, which only stands by. Both are processes of their own. Leases
 * are long enough for a host to be alive in the eyes of the other while processes start, which may
 * take seconds from it.
 */
@Timeout(value = 900, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class StandbyTest {
  @TempDir private Path directory;
  private final List<ServerProcess> servers = new ArrayList<>();
  private final List<ManagedChannel> channels = new ArrayList<>();

  /** Objects that say what they are told. */
  public static final class Objects implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace("PROBE", ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo));
    }
  }

  @AfterEach
  void close() {
    channels.forEach(ManagedChannel::shutdownNow);
    servers.forEach(ServerProcess::close);
  }

  @Test
  void itTakesOverWhenTheFirstDrains() throws Exception {
    String url = PostgresServer.shared().newSchema();
    standsByAndTakesOver(ServerProcess::terminate, "--store", url, "--lease", "120");
  }

  @Test
  void itTakesOverWhenTheFirstDies() throws Exception {
    String url = PostgresServer.shared().newSchema();
    standsByAndTakesOver(
        ServerProcess::kill, "--store", url, "--lease", "15", "--lease-renewal", "1");
  }

  @Test
  void likewiseOverOneDirectory() throws Exception {
    standsByAndTakesOver(ServerProcess::kill, "--data", directory.resolve("data").toString());
  }

  /** Nothing is waited for less than the default: without --standby it would end. */
  private void standsByAndTakesOver(Consumer<ServerProcess> end, String... store) throws Exception {
    ServerProcess first = start(store);
    ManagedChannel toFirst = channel(first);
    awaitHealth(toFirst, ServingStatus.SERVING);
    List<String> standby = new ArrayList<>(List.of(store));
    standby.addAll(List.of("--standby", "--ownership-wait", "0"));
    ServerProcess second = start(standby.toArray(String[]::new));
    ManagedChannel toSecond = channel(second);
    assertThat(health(toSecond)).isEqualTo(ServingStatus.NOT_SERVING);
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> call(toSecond, "before"));
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
    call(toFirst, "a");
    // One that waits can be told to go, too.
    ServerProcess third = start(standby.toArray(String[]::new));
    third.terminate();
    assertThat(third.exitValue()).isEqualTo(0);
    end.accept(first);
    awaitHealth(toSecond, ServingStatus.SERVING);
    call(toSecond, "b");
  }

  private ServerProcess start(String... options) throws IOException {
    ServerProcess server = ServerProcess.start(directory, Objects.class, List.of(options));
    servers.add(server);
    return server;
  }

  private ManagedChannel channel(ServerProcess server) {
    ManagedChannel channel = server.channel();
    channels.add(channel);
    return channel;
  }

  private static void awaitHealth(ManagedChannel channel, ServingStatus status) {
    Wait.until(ServerProcess.PATIENCE, () -> health(channel) == status, status::toString);
  }

  private static ServingStatus health(ManagedChannel channel) {
    return HealthGrpc.newBlockingStub(channel)
        .check(HealthCheckRequest.getDefaultInstance())
        .getStatus();
  }

  private static void call(ManagedChannel channel, String word) {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/a");
    var _ =
        ProbeGrpc.newBlockingStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
            .do_(Probe.words(word));
  }
}
