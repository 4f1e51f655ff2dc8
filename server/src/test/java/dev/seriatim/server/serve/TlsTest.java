package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.Probe;
import dev.seriatim.service.TestStub;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Open;
import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The server program over TLS: whom it lets in, and files that change while it runs. */
final class TlsTest {
  private static final long LIMIT_SECONDS = 30;

  /** The server itself doesn't see what changes before the test has it look. */
  private static final String NO_LOOKS = "--look-interval=3600";

  @TempDir private Path directory;
  private final List<ManagedChannel> channels = new ArrayList<>();

  /** Objects that reply with what they are asked. */
  public static final class Echoes implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace("PROBE", ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo));
    }
  }

  @AfterEach
  void close() throws InterruptedException {
    for (ManagedChannel channel : channels) {
      assertThat(channel.shutdownNow().awaitTermination(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    }
  }

  private OpenServer server(String... options) throws Exception {
    put("server.pem", "certificate");
    put("server.key", "key");
    put("ca.pem", "ca");
    List<String> all =
        new ArrayList<>(
            List.of(
                "--tls-certificate=" + file("certificate"), "--tls-key=" + file("key"), NO_LOOKS));
    all.addAll(List.of(options));
    return OpenServer.open(directory, Echoes.class, all.toArray(String[]::new));
  }

  private Path file(String name) {
    return directory.resolve(name);
  }

  /** As a secret of Kubernetes changes: by another file of that name. */
  private void put(String resource, String name) throws IOException {
    Path next = directory.resolve(name + ".next");
    try (InputStream in = resource(resource)) {
      Files.copy(in, next, StandardCopyOption.REPLACE_EXISTING);
    }
    Files.move(next, file(name), StandardCopyOption.REPLACE_EXISTING);
  }

  private static InputStream resource(String name) {
    return requireNonNull(TlsTest.class.getResourceAsStream("/tls/" + name), name);
  }

  private ManagedChannel channel(OpenServer server, String client) throws IOException {
    TlsChannelCredentials.Builder credentials =
        TlsChannelCredentials.newBuilder().trustManager(resource("ca.pem"));
    if (!client.equals("none")) {
      credentials.keyManager(resource(client + ".pem"), resource(client + ".key"));
    }
    return channel(server, credentials.build());
  }

  private ManagedChannel channel(OpenServer server, ChannelCredentials credentials) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.port(), credentials).build();
    channels.add(channel);
    return channel;
  }

  private static ServingStatus health(ManagedChannel channel, String service) {
    return HealthGrpc.newBlockingStub(channel)
        .withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS)
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }

  private static TestStub stub(ManagedChannel channel) {
    return new TestStub(
        channel, Open.newBuilder().setNamespace("PROBE").setName("x").build(), Integer.MAX_VALUE);
  }

  /** The serial number of what a new connection is shown. */
  private static String serial(OpenServer server) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (InputStream in = resource("ca.pem")) {
      trusted.setCertificateEntry(
          "ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory managers =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    try (SSLSocket socket =
        (SSLSocket)
            context
                .getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(LIMIT_SECONDS));
      socket.startHandshake();
      X509Certificate shown = (X509Certificate) socket.getSession().getPeerCertificates()[0];
      return shown.getSerialNumber().toString(16);
    }
  }

  @Test
  void newConnectionsGetTheNewCertificateAndOpenStubsLiveOn() throws Exception {
    try (OpenServer server = server()) {
      TestStub stub = stub(channel(server, "none"));
      assertThat(stub.ask("before")).isEqualTo("before");
      assertThat(serial(server)).isEqualTo("100b");
      assertThat(server.look()).isFalse();

      // The same key, which is what the library would miss.
      put("renewed-server.pem", "certificate");
      assertThat(server.look()).isTrue();
      assertThat(serial(server)).isEqualTo("100c");
      assertThat(stub.ask("renewed")).isEqualTo("renewed");

      // Another key; between the two files they don't belong together.
      put("next-server.pem", "certificate");
      assertThat(server.look()).isFalse();
      assertThat(serial(server)).isEqualTo("100c");
      put("next-server.key", "key");
      assertThat(server.look()).isTrue();
      assertThat(serial(server)).isEqualTo("100d");

      // Bad files.
      Files.writeString(file("certificate"), "no certificate");
      assertThat(server.look()).isFalse();
      Files.delete(file("certificate"));
      assertThat(server.look()).isFalse();
      assertThat(serial(server)).isEqualTo("100d");
      assertThat(stub.ask("after")).isEqualTo("after");
      assertThat(stub(channel(server, "none")).ask("new")).isEqualTo("new");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "require,  uri,     true",
    "require,  none,    false",
    "require,  foreign, false",
    "optional, uri,     true",
    "optional, foreign, false",
  })
  void clientsShowCertificates(String auth, String client, boolean served) throws Exception {
    try (OpenServer server =
        server("--tls-client-ca=" + directory.resolve("ca"), "--tls-client-auth=" + auth)) {
      ManagedChannel channel = channel(server, client);
      if (served) {
        assertThat(stub(channel).ask("x")).isEqualTo("x");
      } else {
        StatusRuntimeException refused =
            assertThrows(StatusRuntimeException.class, () -> health(channel, ""));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      }
    }
  }

  /** Where a certificate is optional there is a connection without one, but no caller. */
  @Test
  void whoShowsNoneWhereItIsOptionalIsNobody() throws Exception {
    try (OpenServer server =
        server("--tls-client-ca=" + directory.resolve("ca"), "--tls-client-auth=optional")) {
      ManagedChannel channel = channel(server, "none");

      assertThat(health(channel, "")).isEqualTo(ServingStatus.SERVING);
      stub(channel).broken("UNAUTHENTICATED");
    }
  }

  @Test
  void clientsAreVerifiedByTheAuthoritiesOfTheTime() throws Exception {
    try (OpenServer server = server("--tls-client-ca=" + directory.resolve("ca"))) {
      TestStub stub = stub(channel(server, "uri"));
      assertThat(stub.ask("before")).isEqualTo("before");

      put("other-ca.pem", "ca");
      assertThat(server.look()).isTrue();

      assertThat(stub(channel(server, "foreign")).ask("x")).isEqualTo("x");
      ManagedChannel late = channel(server, "uri");
      assertThrows(StatusRuntimeException.class, () -> health(late, ""));
      assertThat(stub.ask("after")).isEqualTo("after");
    }
  }

  /** Also if nobody who issues clients' certificates issued it. */
  @Test
  void aHostCallsOthersWithItsOwnCertificate() throws Exception {
    try (OpenServer server = server("--tls-client-ca=" + directory.resolve("ca"))) {
      put("other-ca.pem", "ca");
      assertThat(server.look()).isTrue();
      TlsFiles peer = new TlsFiles(file("certificate"), file("key"), file("ca"));

      assertThat(stub(channel(server, peer.peerCredentials())).ask("x")).isEqualTo("x");

      put("renewed-server.pem", "certificate");
      assertThat(server.look()).isTrue();
      assertThat(peer.look()).isTrue();
      assertThat(stub(channel(server, peer.peerCredentials())).ask("y")).isEqualTo("y");
    }
  }

  @Test
  void healthIsThatOfEachService() throws Exception {
    try (OpenServer server = server()) {
      ManagedChannel channel = channel(server, "none");
      List<String> services = List.of("", DurableObjectsGrpc.SERVICE_NAME, ProbeGrpc.SERVICE_NAME);
      for (String service : services) {
        assertThat(health(channel, service)).isEqualTo(ServingStatus.SERVING);
      }
      assertThat(
              assertThrows(StatusRuntimeException.class, () -> health(channel, "none"))
                  .getStatus()
                  .getCode())
          .isEqualTo(Status.Code.NOT_FOUND);

      server.health().end();

      for (String service : services) {
        assertThat(health(channel, service)).isEqualTo(ServingStatus.NOT_SERVING);
      }
    }
  }

  @Test
  void aConnectionLivesForItsTimeAndItsStubsForTheGrace() throws Exception {
    try (OpenServer server = server("--max-connection-age=0.05", "--connection-age-grace=0.05")) {
      ManagedChannel channel = channel(server, "none");
      TestStub stub = stub(channel);

      assertThat(stub.end().getCode()).isNotEqualTo(Status.Code.OK);
      // The channel goes on by another connection, which may be over before a slow machine answers.
      Wait.until(() -> serves(channel), "an answer on another connection");
    }
  }

  /** False if the connection was lost. */
  private static boolean serves(ManagedChannel channel) {
    try {
      return health(channel, "") == ServingStatus.SERVING;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }
}
