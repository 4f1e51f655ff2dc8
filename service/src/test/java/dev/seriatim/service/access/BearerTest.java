package dev.seriatim.service.access;

import static com.google.common.truth.Truth.assertThat;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.hash.Hashing;
import dev.seriatim.service.AuthenticationException;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Authenticator.Verified;
import dev.seriatim.service.Authenticators;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Credentials;
import io.grpc.Metadata;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Callers who are known by a token in a file, or by a certificate, or by the first of both. */
final class BearerTest {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private static final Caller CI = Caller.ofToken("ci", Set.of("deploy"), Map.of("tenant", "acme"));

  @TempDir private Path directory;

  static Credentials bearing(String... headers) {
    return credentials(List.of(), headers);
  }

  private static Credentials credentials(List<X509Certificate> certificates, String... headers) {
    Metadata metadata = new Metadata();
    for (String header : headers) {
      metadata.put(AUTHORIZATION, header);
    }
    return new Credentials(metadata, certificates, Optional.empty());
  }

  @Test
  void aTokenIsKnownByItsHash() throws Exception {
    Authenticator tokens = Authenticators.tokens(file(line("secret", "ci"), line("other", "bob")));

    Verified verified = tokens.authenticate(bearing("Bearer secret")).orElseThrow();
    assertThat(verified.caller()).isEqualTo(CI);
    assertThat(verified.until()).isEmpty();
    assertThat(verified.counts().getAsBoolean()).isTrue();
    assertThat(tokens.authenticate(bearing("bearer  secret "))).isPresent();
    assertThat(tokens.authenticate(bearing("Basic dTpw", "Bearer secret"))).isPresent();
    assertThat(tokens.authenticate(bearing("Bearer secre"))).isEmpty();
    assertThat(tokens.authenticate(bearing("Bearer " + hash("secret")))).isEmpty();
    assertThat(tokens.authenticate(bearing("Basic secret"))).isEmpty();
    assertThat(tokens.authenticate(bearing("secret"))).isEmpty();
    assertThat(tokens.authenticate(bearing())).isEmpty();
    assertRefused(tokens, bearing("Bearer secret", "Bearer other"), "2 bearer tokens");
    assertRefused(tokens, bearing("Bearer "), "empty");
  }

  /** docs/callers.md shows one. */
  @Test
  void theTokenOfTheDocumentationIsKnown() throws Exception {
    String page = Files.readString(Path.of("../docs/callers.md"));
    int begin = page.indexOf("{\"sha256\"");

    Authenticator tokens =
        Authenticators.tokens(file(page.substring(begin, page.indexOf('\n', begin))));

    Verified verified = tokens.authenticate(bearing("Bearer secret")).orElseThrow();
    assertThat(verified.caller()).isEqualTo(CI);
    assertThat(verified.until()).isEmpty();
    assertThat(verified.counts().getAsBoolean()).isTrue();
  }

  @Test
  void theFileIsLookedAtAgain() throws Exception {
    AtomicLong nanos = new AtomicLong(System.nanoTime());
    Duration every = Duration.ofHours(1);
    Path file = file(line("old", "ci"));
    TokenFile tokens = new TokenFile(file, every, nanos::get);

    file(line("new", "ci"));
    assertThat(tokens.authenticate(bearing("Bearer new"))).isEmpty();
    nanos.addAndGet(2 * every.toNanos());
    assertThat(tokens.authenticate(bearing("Bearer new"))).isPresent();
    assertThat(tokens.authenticate(bearing("Bearer old"))).isEmpty();

    file("{\"sha256\": \"short\", \"name\": \"ci\"}");
    nanos.addAndGet(2 * every.toNanos());
    assertThat(tokens.authenticate(bearing("Bearer new"))).isPresent();

    file("# nobody any more");
    nanos.addAndGet(2 * every.toNanos());
    assertThat(tokens.authenticate(bearing("Bearer new"))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'sha256': 'abc', 'name': 'ci'}                    | sha256 has 3 characters, expected 64",
        "{'sha256': 'HASH'}                                 | no name",
        "{'name': 'ci'}                                     | sha256 has 0 characters",
        "{'sha256': 'HASH', 'name': 'ci', 'group': ['a']}   | unknown field 'group'",
        "{'sha256': 'HASH', 'name': 'ci', 'groups': 'a'}    | expected an object",
        "{'sha256': 'HASH', 'name': 7}                      | expected an object",
        "{'sha256': 'HASH', 'name': 'ci'} {}                | expected an object",
        "top-secret                                         | expected an object",
        "{'sha256': 'KNOWN', 'name': 'ci'}                  | the token of 'ci' is that of 'bob',"
            + " too",
      })
  void whatIsWrongIsToldWithItsLine(String line, String expected) throws Exception {
    Path file =
        file(
            "# tokens",
            line("known", "bob"),
            "",
            line.replace('\'', '"').replace("HASH", hash("x")).replace("KNOWN", hash("known")));

    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> Authenticators.tokens(file));

    assertThat(refused).hasMessageThat().contains("tokens '" + file + "': line 4: ");
    assertThat(refused).hasMessageThat().contains(expected);
    assertThat(refused).hasMessageThat().doesNotContain("top-secret");
  }

  @ParameterizedTest
  @CsvSource({"uri, spiffe://acme/billing", "dns, billing.acme", "cn, billing"})
  void aCertificateHasAName(String file, String name) throws Exception {
    assertThat(Authenticators.certificate().authenticate(credentials(List.of(certificate(file)))))
        .hasValue(
            new Verified(
                Caller.ofCertificate(name), Optional.of(Instant.parse("2120-01-01T00:00:00Z"))));
  }

  @Test
  void aCertificateWithoutANameIsNobodys() throws Exception {
    assertRefused(
        Authenticators.certificate(), credentials(List.of(certificate("nobody"))), "has no name");
    assertThat(Authenticators.certificate().authenticate(bearing("Bearer x"))).isEmpty();
  }

  @Test
  void theFirstThatKnowsDecides() throws Exception {
    Authenticator first =
        Authenticators.firstOf(
            Authenticators.tokens(file(line("secret", "ci"))),
            credentials -> {
              if (credentials.headers().containsKey(AUTHORIZATION)
                  && "Bearer mine".equals(credentials.headers().get(AUTHORIZATION))) {
                return Optional.of(
                    new Verified(Caller.ofToken("mine", Set.of(), Map.of()), Optional.empty()));
              }
              return Optional.empty();
            },
            Authenticators.certificate());
    List<X509Certificate> certificates = List.of(certificate("uri"));

    assertThat(name(first, credentials(certificates, "Bearer secret"))).isEqualTo("ci");
    assertThat(name(first, credentials(certificates, "Bearer mine"))).isEqualTo("mine");
    assertThat(name(first, credentials(certificates))).isEqualTo("spiffe://acme/billing");
    assertThat(first.authenticate(bearing())).isEmpty();
    assertRefused(first, credentials(certificates, "Bearer foreign"), "not one that is known");
    assertRefused(first, bearing("Bearer foreign"), "not one that is known");
  }

  private static String name(Authenticator authenticator, Credentials credentials)
      throws AuthenticationException {
    return authenticator.authenticate(credentials).orElseThrow().caller().name();
  }

  static void assertRefused(Authenticator authenticator, Credentials credentials, String why) {
    AuthenticationException refused =
        assertThrows(AuthenticationException.class, () -> authenticator.authenticate(credentials));
    assertThat(refused).hasMessageThat().contains(why);
    assertThat(refused.isRetryable()).isFalse();
  }

  private static String line(String token, String name) {
    return "{\"sha256\": \"%s\", \"name\": \"%s\", \"groups\": [\"deploy\"], \"claims\": {\"tenant\": \"acme\"}}"
        .formatted(hash(token), name);
  }

  private static String hash(String token) {
    return Hashing.sha256().hashString(token, UTF_8).toString();
  }

  private Path file(String... lines) throws IOException {
    return Files.write(directory.resolve("tokens"), List.of(lines));
  }

  private static X509Certificate certificate(String name) throws Exception {
    try (InputStream in = BearerTest.class.getResourceAsStream("/tls/" + name + ".pem")) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }
}
