package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.storage.Slots;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Memberships that speak TLS. The files are those of service's tests, which says how to make them.
 */
final class MembershipTlsTest {
  private static final int ALL = Slots.COUNT;
  private static final int LIMIT_MILLIS = 30_000;
  private static final char[] NO_PASSWORD = {};

  private final FakeStore store = new FakeStore();
  private final List<TestHost> hosts = new ArrayList<>();

  @AfterEach
  void close() {
    hosts.forEach(TestHost::close);
    store.close();
  }

  private static Path file(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(MembershipTlsTest.class.getResource("/tls/" + name)).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static MembershipTls tls(String certificate) {
    return new MembershipTls(
        file(certificate + ".pem"), file(certificate + ".key"), file("ca.pem"));
  }

  private TestHost start(String name, @Nullable MembershipTls tls) {
    TestHost host = new TestHost(store.join(name), 1, 0, tls).start();
    hosts.add(host);
    return host;
  }

  @Test
  void hostsWithCertificatesOfOneAuthorityJoin() throws Exception {
    TestHost one = start("one", tls("one"));
    one.awaitUp();
    TestHost two = start("two", tls("two"));
    two.awaitUp();
    TestHost.await("some slots at host two", () -> two.slots() > 0);
    for (TestHost host : hosts) {
      TestHost.await(
          "routes of " + host.name() + " to both",
          () -> host.routesTo(one) + host.routesTo(two) == ALL && host.routesTo(two) > 0);
    }
  }

  @Test
  void whoSpeaksInTheClearIsCutOff() throws Exception {
    TestHost one = start("one", tls("one"));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), one.clusterPort())) {
      byte[] hello = "PEKK\1 as a host that knows no TLS".getBytes(StandardCharsets.US_ASCII);
      // At most an alert, which is short.
      assertThat(answer(socket, hello)).isLessThan(64);
    }
  }

  @Test
  void whoShowsNoCertificateIsCutOff() throws Exception {
    TestHost one = start("one", tls("one"));
    assertCutOff(one, /* certificate= */ null);
  }

  @Test
  void whoseCertificateIsOfAnotherAuthorityIsCutOff() throws Exception {
    TestHost one = start("one", tls("one"));
    assertCutOff(one, "foreign");
  }

  private static void assertCutOff(TestHost host, @Nullable String certificate) throws Exception {
    int port = host.clusterPort();
    try (Socket socket =
        context(certificate)
            .getSocketFactory()
            .createSocket(InetAddress.getLoopbackAddress(), port)) {
      assertThat(answer(socket, new byte[] {'P', 'E', 'K', 'K', 1})).isEqualTo(0);
    }
  }

  /** How many bytes come until the host ends the connection, in whatever way it does. */
  private static int answer(Socket socket, byte[] hello) throws IOException {
    socket.setSoTimeout(LIMIT_MILLIS);
    try {
      socket.getOutputStream().write(hello);
      return socket.getInputStream().readAllBytes().length;
    } catch (SocketTimeoutException e) {
      throw new AssertionError("never came: the end of the connection", e);
    } catch (IOException e) { // An alert, or a reset which overtook that.
      return 0;
    }
  }

  /** Of a client that trusts the hosts. */
  private static SSLContext context(@Nullable String certificate) throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, NO_PASSWORD);
    trusted.setCertificateEntry("ca", read("ca.pem"));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyStore own = KeyStore.getInstance("PKCS12");
    own.load(null, NO_PASSWORD);
    if (certificate != null) {
      own.setKeyEntry(
          "own",
          key(certificate + ".key"),
          NO_PASSWORD,
          new Certificate[] {read(certificate + ".pem")});
    }
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(own, NO_PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  private static Certificate read(String name) throws Exception {
    try (InputStream in = Files.newInputStream(file(name))) {
      return CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private static PrivateKey key(String name) throws Exception {
    String pem = Files.readString(file(name)).replaceAll("-----[A-Z ]+-----", "");
    return KeyFactory.getInstance("RSA")
        .generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem)));
  }

  @Test
  void whatIsNoKeyOfRsaIsNamed() {
    Path elliptic = file("elliptic.key");
    assertThat(
            assertThrows(
                IllegalArgumentException.class,
                () -> new MembershipTls(file("one.pem"), elliptic, file("ca.pem"))))
        .hasMessageThat()
        .contains(
            "elliptic.key is no key that Pekko can read, expected one of RSA, PKCS #8 in PEM");
  }

  @Test
  void aFileThatIsMissingIsNamed() throws IOException {
    Path missing = file("ca.pem").resolveSibling("missing.pem");
    assertThat(
            assertThrows(
                IllegalArgumentException.class,
                () -> new MembershipTls(missing, file("one.key"), file("ca.pem"))))
        .hasMessageThat()
        .contains("missing.pem can't be read, expected a file in PEM");
  }
}
