package dev.seriatim.server.serve;

import static java.util.Objects.requireNonNull;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.threads.Enduring;
import io.grpc.ChannelCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.TlsServerCredentials.ClientAuth;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.grpc.util.AdvancedTlsX509TrustManager.Verification;
import io.grpc.util.CertificateUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificates of the server and of those who issue its clients', looked at again and again.
 * New connections go by what the files have; those that are there live on. Files that have become
 * bad are logged, and what they had before stays in force.
 *
 * <p>The managers could look by themselves, but they take up a certificate only if the key's file
 * has changed as well, and a renewal may keep the key.
 */
final class TlsFiles implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(TlsFiles.class);

  private final Path certificate;
  private final Path key;
  private final @Nullable Path clientCa;
  private final AdvancedTlsX509KeyManager identity = new AdvancedTlsX509KeyManager();

  /** Whom clients are verified by. */
  private final AdvancedTlsX509TrustManager clients;

  /** Whom other hosts of the cluster are verified by. */
  private final AdvancedTlsX509TrustManager peers;

  // All below: guarded by this.

  /** Looks at the files; null if nobody does. */
  private @Nullable Thread watcher;

  private byte @Nullable [] seenCertificate;
  private byte @Nullable [] seenKey;
  private byte @Nullable [] seenCa;

  private ImmutableList<X509Certificate> chain = ImmutableList.of();

  /** The chain before: hosts don't change theirs at the same moment. */
  private ImmutableList<X509Certificate> chainBefore = ImmutableList.of();

  private ImmutableList<X509Certificate> authorities = ImmutableList.of();

  /** What was wrong at the last look; empty if nothing. */
  private String complaint = "";

  /**
   * Reads the files.
   *
   * @param clientCa those who issue clients' certificates; null if clients show none
   * @throws IllegalArgumentException if one can't be read, or is bad; the message names it
   */
  TlsFiles(Path certificate, Path key, @Nullable Path clientCa) {
    this.certificate = certificate;
    this.key = key;
    this.clientCa = clientCa;
    try {
      clients = trust(Verification.CERTIFICATE_ONLY_VERIFICATION);
      peers = trust(Verification.CERTIFICATE_AND_HOST_NAME_VERIFICATION);
      read();
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static AdvancedTlsX509TrustManager trust(Verification verification)
      throws GeneralSecurityException {
    return AdvancedTlsX509TrustManager.newBuilder().setVerification(verification).build();
  }

  /** What a server listens with. */
  ServerCredentials serverCredentials(ClientAuth clientAuth) {
    TlsServerCredentials.Builder builder = TlsServerCredentials.newBuilder().keyManager(identity);
    return clientCa == null
        ? builder.build()
        : builder.trustManager(new UntoldAuthorities(clients)).clientAuth(clientAuth).build();
  }

  /** What a host calls other hosts with: they have the same certificate, or one as good. */
  ChannelCredentials peerCredentials() {
    return TlsChannelCredentials.newBuilder().keyManager(identity).trustManager(peers).build();
  }

  /** Looks at the files each so often, until it is closed. */
  synchronized void watch(Duration every) {
    Thread started = Enduring.virtualThread("seriatim-tls", () -> lookAgain(every));
    started.start();
    watcher = started;
  }

  private void lookAgain(Duration every) {
    try {
      while (true) {
        Thread.sleep(every);
        look();
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  /** Looks no more; what the files had stays in force. */
  @Override
  public synchronized void close() {
    if (watcher != null) {
      watcher.interrupt();
    }
  }

  /** Looks at the files now. Returns whether they have others, and good ones. */
  synchronized boolean look() {
    try {
      boolean changed = read();
      complaint = "";
      return changed;
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      String found = String.valueOf(e.getMessage());
      if (!found.equals(complaint)) {
        logger.warn("{}; what was there before stays in force", found);
      }
      complaint = found;
      return false;
    }
  }

  private synchronized boolean read() throws IOException, GeneralSecurityException {
    byte[] certificateNow = bytes("--tls-certificate", certificate);
    byte[] keyNow = bytes("--tls-key", key);
    byte @Nullable [] caNow = clientCa == null ? null : bytes("--tls-client-ca", clientCa);
    boolean newIdentity =
        !Arrays.equals(certificateNow, seenCertificate) || !Arrays.equals(keyNow, seenKey);
    boolean newAuthorities = !Arrays.equals(caNow, seenCa);
    if (!newIdentity && !newAuthorities) {
      return false;
    }
    // What is bad changes nothing, so all is read before anything is.
    ImmutableList<X509Certificate> readChain =
        certificates("--tls-certificate", certificate, certificateNow);
    PrivateKey readKey = key(keyNow);
    checkPair(readChain.get(0), readKey);
    ImmutableList<X509Certificate> readAuthorities =
        caNow == null
            ? ImmutableList.of()
            : certificates("--tls-client-ca", requireNonNull(clientCa), caNow);

    if (newIdentity) {
      identity.updateIdentityCredentials(readChain.toArray(X509Certificate[]::new), readKey);
      chainBefore = chain;
      chain = readChain;
    }
    authorities = readAuthorities;
    if (!authorities.isEmpty()) {
      clients.updateTrustCredentials(together(authorities, leaf(chain), leaf(chainBefore)));
    }
    peers.updateTrustCredentials(together(authorities, chain, chainBefore));
    if (seenCertificate != null) {
      logger.info(
          "new connections get the certificate with the serial number {}",
          chain.get(0).getSerialNumber().toString(16));
    }
    seenCertificate = certificateNow;
    seenKey = keyNow;
    seenCa = caNow;
    return true;
  }

  /**
   * The server's own certificate, which other hosts show, too. Not those behind it in the chain:
   * these have issued others, for whomever.
   */
  private static List<X509Certificate> leaf(List<X509Certificate> chain) {
    return chain.subList(0, Math.min(1, chain.size()));
  }

  private static X509Certificate[] together(
      List<X509Certificate> first, List<X509Certificate> second, List<X509Certificate> third) {
    return Stream.of(first, second, third)
        .flatMap(List::stream)
        .distinct()
        .toArray(X509Certificate[]::new);
  }

  private static byte[] bytes(String option, Path file) throws IOException {
    try {
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new IOException("%s '%s': there is no such file".formatted(option, file), e);
    } catch (IOException e) {
      throw new IOException("%s '%s': %s".formatted(option, file, e), e);
    }
  }

  private static ImmutableList<X509Certificate> certificates(String option, Path file, byte[] bytes)
      throws GeneralSecurityException {
    X509Certificate[] found;
    try {
      found = CertificateUtils.getX509Certificates(new ByteArrayInputStream(bytes));
    } catch (GeneralSecurityException | RuntimeException e) {
      found = new X509Certificate[0];
    }
    if (found.length == 0) {
      throw new GeneralSecurityException(
          "%s '%s', expected certificates in PEM".formatted(option, file));
    }
    return ImmutableList.copyOf(found);
  }

  /** What is wrong with it is not told: it might have a piece of it. */
  private PrivateKey key(byte[] bytes) throws GeneralSecurityException {
    try {
      return CertificateUtils.getPrivateKey(new ByteArrayInputStream(bytes));
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new GeneralSecurityException(
          "--tls-key '%s', expected a private key (PKCS #8, PEM)".formatted(key));
    }
  }

  /** Between the writing of one file and of the other they don't belong together. */
  private void checkPair(X509Certificate leaf, PrivateKey privateKey)
      throws GeneralSecurityException {
    byte[] text = {1, 2, 3};
    boolean belong;
    try {
      String algorithm = signature(privateKey);
      Signature signing = Signature.getInstance(algorithm);
      signing.initSign(privateKey);
      signing.update(text);
      Signature verifying = Signature.getInstance(algorithm);
      PublicKey publicKey = leaf.getPublicKey();
      verifying.initVerify(publicKey);
      verifying.update(text);
      belong = verifying.verify(signing.sign());
    } catch (GeneralSecurityException e) {
      belong = false;
    }
    if (!belong) {
      throw new GeneralSecurityException(
          "--tls-key '%s' is not the key of --tls-certificate '%s'".formatted(key, certificate));
    }
  }

  private static String signature(PrivateKey key) {
    return switch (key.getAlgorithm()) {
      case "RSA" -> "SHA256withRSA";
      case "EC" -> "SHA256withECDSA";
      default -> key.getAlgorithm();
    };
  }
}
