package dev.seriatim.cluster;

import com.google.common.collect.ImmutableMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What hosts show each other's memberships, in PEM; both sides of a connection do. Pekko reads the
 * files again when they are older than {@link #REREAD}.
 *
 * @param certificate the host's own
 * @param key its key: of RSA, for Pekko reads no other, as PKCS #8
 * @param authority who issued the certificates of all hosts
 */
record MembershipTls(Path certificate, Path key, Path authority) {
  private static final Pattern PEM_LINE = Pattern.compile("-----[A-Z ]+-----");
  private static final String REREAD = "1 m";
  private static final String ARTERY = "pekko.remote.artery.";
  private static final String FILES = ARTERY + "ssl.rotating-keys-engine.";

  MembershipTls {
    for (Path file : new Path[] {certificate, key, authority}) {
      if (!Files.isReadable(file)) {
        throw new IllegalArgumentException(file + " can't be read, expected a file in PEM");
      }
    }
    requireRsa(key);
  }

  /** Pekko would find it out with the first connection, and go on without any. */
  private static void requireRsa(Path key) {
    try {
      String base64 = PEM_LINE.matcher(Files.readString(key)).replaceAll("");
      var _ =
          KeyFactory.getInstance("RSA")
              .generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(base64)));
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          key + " is no key that Pekko can read, expected one of RSA, PKCS #8 in PEM", e);
    }
  }

  /** What Pekko is to be told. */
  Map<String, Object> settings() {
    return ImmutableMap.of(
        ARTERY + "transport",
        "tls-tcp",
        ARTERY + "ssl.ssl-engine-provider",
        "org.apache.pekko.remote.artery.tcp.ssl.RotatingKeysSSLEngineProvider",
        FILES + "cert-file",
        certificate.toAbsolutePath().toString(),
        FILES + "key-file",
        key.toAbsolutePath().toString(),
        FILES + "ca-cert-file",
        authority.toAbsolutePath().toString(),
        FILES + "ssl-context-cache-ttl",
        REREAD);
  }
}
