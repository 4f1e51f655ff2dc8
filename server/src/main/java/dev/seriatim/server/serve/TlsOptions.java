package dev.seriatim.server.serve;

import io.grpc.TlsServerCredentials.ClientAuth;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the server's connections are secured, as options. */
final class TlsOptions {
  /** Whether a client has to show a certificate. */
  enum Clients {
    /** Else its connection is refused. */
    REQUIRE(ClientAuth.REQUIRE),
    /** It may; one that isn't good is refused. */
    OPTIONAL(ClientAuth.OPTIONAL);

    private final ClientAuth auth;

    Clients(ClientAuth auth) {
      this.auth = auth;
    }
  }

  @Option(
      names = "--tls-certificate",
      paramLabel = "FILE",
      description = "Serve over TLS, with this certificate chain (PEM), which is looked at again.")
  private @Nullable Path certificate;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      description = "The certificate's private key (PKCS #8, PEM), looked at again likewise.")
  private @Nullable Path key;

  @Option(
      names = "--tls-client-ca",
      paramLabel = "FILE",
      description =
          "Know clients by their certificates, if these authorities issued them (PEM); looked at"
              + " again likewise.")
  private @Nullable Path clientCa;

  @Option(
      names = "--tls-client-auth",
      paramLabel = "require|optional",
      description = "Whether a client has to show one. Default: require")
  private @Nullable Clients clients;

  /**
   * The files as given, read; null without TLS.
   *
   * @throws IllegalArgumentException if they are none, or don't belong together
   */
  @Nullable TlsFiles files() {
    if ((certificate == null) != (key == null)) {
      throw new IllegalArgumentException(
          "%s without %s, expected both or neither"
              .formatted(
                  certificate == null ? "--tls-key" : "--tls-certificate",
                  certificate == null ? "--tls-certificate" : "--tls-key"));
    }
    if (certificate == null && clientCa != null) {
      throw new IllegalArgumentException(
          "--tls-client-ca without TLS, expected --tls-certificate and --tls-key, too");
    }
    if (clientCa == null && clients != null) {
      throw new IllegalArgumentException("--tls-client-auth without --tls-client-ca");
    }
    return certificate == null || key == null ? null : new TlsFiles(certificate, key, clientCa);
  }

  /** Whether clients are known by their certificates. */
  boolean knowsClients() {
    return clientCa != null;
  }

  /** Whether a client has to show a certificate. */
  ClientAuth clientAuth() {
    return (clients == null ? Clients.REQUIRE : clients).auth;
  }
}
