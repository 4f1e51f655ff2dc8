package dev.seriatim.service.access;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.service.access.BearerTest.assertRefused;
import static dev.seriatim.service.access.BearerTest.bearing;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpServer;
import dev.seriatim.service.AuthenticationException;
import dev.seriatim.service.Authenticator.Verified;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Caller.Kind;
import dev.seriatim.service.JwtOptions;
import dev.seriatim.service.Seeds;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which JSON web tokens count. */
final class JwtTokensTest {
  private static final Instant NOW = Instant.parse("2026-11-27T12:00:00Z");
  private static final Duration SKEW = Duration.ofSeconds(30);

  private static RSAKey rsa;
  private static ECKey elliptic;
  private static ECKey foreign;

  @TempDir private Path directory;

  private final AtomicReference<Instant> clock = new AtomicReference<>(NOW);
  private JwtTokens tokens;

  @BeforeAll
  static void makeKeys() throws JOSEException {
    rsa = new RSAKeyGenerator(2048).keyID("r").generate();
    elliptic = new ECKeyGenerator(Curve.P_256).keyID("e").generate();
    foreign = new ECKeyGenerator(Curve.P_256).keyID("e").generate();
  }

  @BeforeEach
  void verify() throws Exception {
    Path file = directory.resolve("keys.json");
    Files.writeString(file, new JWKSet(List.<JWK>of(rsa, elliptic)).toString());
    tokens =
        new JwtTokens(JwtOptions.of(file.toString(), "https://issuer", "seriatim"), clock::get);
  }

  private static JWTClaimsSet.Builder claims() {
    return new JWTClaimsSet.Builder()
        .issuer("https://issuer")
        .audience(List.of("other", "seriatim"))
        .subject("ann")
        .claim("groups", List.of("shoppers", "oncall"))
        .expirationTime(Date.from(NOW.plusSeconds(300)));
  }

  private static String signed(JWTClaimsSet claims, JWSAlgorithm algorithm, JWSSigner signer)
      throws JOSEException {
    return signed(claims, new JWSHeader.Builder(algorithm).keyID("e"), signer);
  }

  private static String signed(JWTClaimsSet claims, JWSHeader.Builder header, JWSSigner signer)
      throws JOSEException {
    SignedJWT token = new SignedJWT(header.build(), claims);
    token.sign(signer);
    return token.serialize();
  }

  private static String signed(JWTClaimsSet claims) throws JOSEException {
    return signed(claims, JWSAlgorithm.ES256, new ECDSASigner(elliptic));
  }

  private Optional<Verified> authenticate(String token) throws AuthenticationException {
    return tokens.authenticate(bearing("Bearer " + token));
  }

  private void refused(String token, String why) {
    assertRefused(tokens, bearing("Bearer " + token), why);
  }

  @Test
  void aTokenSaysWhoTheCallerIs() throws Exception {
    JWTClaimsSet claims =
        claims()
            .claim("tenant", "acme")
            .claim("level", 7)
            .claim("staff", true)
            .claim("address", Map.of("city", "Bern"))
            .build();

    Verified verified = authenticate(signed(claims)).orElseThrow();

    Caller caller = verified.caller();
    assertThat(caller.kind()).isEqualTo(Kind.TOKEN);
    assertThat(caller.name()).isEqualTo("ann");
    assertThat(caller.groups()).containsExactly("shoppers", "oncall");
    assertThat(caller.claims())
        .containsExactly(
            "iss", "https://issuer", "sub", "ann", "tenant", "acme", "level", "7", "staff", "true");
    assertThat(verified.until()).hasValue(NOW.plusSeconds(300).plus(SKEW));
  }

  @Test
  void rsaAndAccessTokensCountToo() throws Exception {
    for (JWSAlgorithm algorithm : List.of(JWSAlgorithm.RS256, JWSAlgorithm.PS512)) {
      JWSHeader.Builder header =
          new JWSHeader.Builder(algorithm).keyID("r").type(new JOSEObjectType("at+jwt"));
      assertThat(authenticate(signed(claims().build(), header, new RSASSASigner(rsa)))).isPresent();
    }
    // Without the name of a key, too.
    assertThat(
            authenticate(
                signed(
                    claims().build(),
                    new JWSHeader.Builder(JWSAlgorithm.ES256),
                    new ECDSASigner(elliptic))))
        .isPresent();
  }

  @Test
  void aTokenWithoutASignatureIsRefused() {
    refused(new PlainJWT(claims().build()).serialize(), "not signed");
  }

  @Test
  void aTokenSignedWithThePublicKeyAsASecretIsRefused() throws Exception {
    byte[] pem = rsa.toRSAPublicKey().getEncoded();
    for (byte[] secret : List.of(pem, rsa.toPublicJWK().toJSONString().getBytes(UTF_8))) {
      JWSHeader.Builder header = new JWSHeader.Builder(JWSAlgorithm.HS256).keyID("r");
      refused(signed(claims().build(), header, new MACSigner(secret)), "another algorithm");
    }
  }

  @Test
  void aTokenOfAForeignKeyIsRefused() throws Exception {
    refused(
        signed(claims().build(), JWSAlgorithm.ES256, new ECDSASigner(foreign)),
        "signature doesn't");
    JWSHeader.Builder unknown = new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("unknown");
    refused(signed(claims().build(), unknown, new ECDSASigner(foreign)), "signature doesn't");
    // The token brings its key along, and that is not asked.
    JWSHeader.Builder brought =
        new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("e").jwk(foreign.toPublicJWK());
    refused(signed(claims().build(), brought, new ECDSASigner(foreign)), "signature doesn't");
  }

  @Test
  void aTokenThatWasChangedIsRefused() throws Exception {
    String[] ann = signed(claims().build()).split("\\.", -1);
    String[] root = signed(claims().subject("root").build()).split("\\.", -1);

    refused(ann[0] + "." + root[1] + "." + ann[2], "signature doesn't");
  }

  @Test
  void aTokenForOthersIsRefused() throws Exception {
    refused(signed(claims().audience("other").build()), "aud");
    refused(signed(claims().audience((String) null).build()), "aud");
    refused(signed(claims().issuer("https://issuer.evil").build()), "iss");
    refused(signed(claims().issuer(null).build()), "iss");
    refused(signed(claims().subject(null).build()), "sub");
    refused(signed(claims().subject(" ").build()), "no subject");
    refused(signed(claims().claim("groups", "shoppers").build()), "no list of strings");
    refused(signed(claims().claim("groups", List.of("a", 7)).build()), "no list of strings");
    JWSHeader.Builder other =
        new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("e").type(new JOSEObjectType("logout+jwt"));
    refused(signed(claims().build(), other, new ECDSASigner(elliptic)), "doesn't count");
  }

  @Test
  void aTokenCountsForItsTime() throws Exception {
    refused(signed(claims().expirationTime(null).build()), "exp");
    String token = signed(claims().notBeforeTime(Date.from(NOW)).build());

    clock.set(NOW.minus(SKEW).minusSeconds(1));
    refused(token, "before");
    clock.set(NOW.minus(SKEW).plusSeconds(1));
    assertThat(authenticate(token)).isPresent();
    clock.set(NOW.plusSeconds(300).plus(SKEW).minusSeconds(1));
    assertThat(authenticate(token)).isPresent();

    clock.set(NOW.plusSeconds(300).plus(SKEW).plusSeconds(1));
    AuthenticationException expired =
        assertThrows(AuthenticationException.class, () -> authenticate(token));
    assertThat(expired.isRetryable()).isTrue();
    assertThat(expired).hasMessageThat().contains("expired");
  }

  @Test
  void whatIsNoJsonWebTokenIsNotKnown() throws Exception {
    assertThat(authenticate("secret")).isEmpty();
    assertThat(authenticate("a.b.c")).isEmpty();
    assertThat(tokens.authenticate(bearing())).isEmpty();
  }

  /** Whatever comes is known, refused or not known, and never says a piece of itself. */
  @Test
  void anythingAtAllIsRefused() throws Exception {
    String good = signed(claims().build());
    Seeds.each(1, seed -> damage(good, new Random(seed)));
  }

  private void damage(String good, Random random) throws Exception {
    for (int i = 0; i < 2_000; i++) {
      StringBuilder token = new StringBuilder(good);
      for (int change = random.nextInt(3); change >= 0 && !token.isEmpty(); change--) {
        int at = random.nextInt(token.length());
        switch (random.nextInt(4)) {
          case 0 -> token.setCharAt(at, (char) (32 + random.nextInt(95)));
          case 1 -> token.deleteCharAt(at);
          case 2 -> token.insert(at, "." + (char) (32 + random.nextInt(95)));
          default -> token.setLength(at + 1);
        }
      }
      String text = token.toString();
      try {
        Optional<Verified> verified = authenticate(text);
        assertWithMessage("token %s", text)
            .that(verified.isEmpty() || sameSignature(text, good))
            .isTrue();
      } catch (AuthenticationException e) {
        assertWithMessage("token %s", text)
            .that(
                text.split("\\.", -1)[0].length() > 8
                    && String.valueOf(e.getMessage()).contains(text.substring(0, 8)))
            .isFalse();
      }
    }
  }

  /** The last characters of base 64 have bits that don't count, and blanks may stand around. */
  private static boolean sameSignature(String text, String good) {
    String end = text.strip();
    return end.regionMatches(0, good, 0, good.length() - 1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "{}", "{\"keys\": []}", "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AA\"}]}"})
  void aFileWithoutPublicKeysIsRefused(String text) throws Exception {
    Path file = Files.writeString(directory.resolve("none.json"), text);
    JwtOptions options = JwtOptions.of(file.toString(), "i", "a");

    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> new JwtTokens(options, clock::get));

    assertThat(refused).hasMessageThat().contains("key set '" + file + "': ");
  }

  @Test
  void keysInPlainTextFromElsewhereAreRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> JwtOptions.of("http://192.0.2.1/keys", "i", "a"));
    assertThrows(IllegalArgumentException.class, () -> JwtOptions.of("k", "", "a"));
    assertThrows(IllegalArgumentException.class, () -> JwtOptions.of("k", "i", ""));
  }

  @Test
  void keysAreFetchedAndUsedWhileTheyCannotBe() throws Exception {
    AtomicReference<String> published = new AtomicReference<>("gone");
    AtomicInteger fetches = new AtomicInteger();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/keys",
        exchange -> {
          fetches.incrementAndGet();
          byte[] body = published.get().getBytes(UTF_8);
          exchange.sendResponseHeaders(published.get().equals("gone") ? 503 : 200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    try {
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/keys";
      tokens =
          new JwtTokens(
              JwtOptions.of(url, "https://issuer", "seriatim")
                  .withKeysLifetime(Duration.ofMinutes(5))
                  .withFetchInterval(Duration.ofMillis(1)),
              clock::get);
      assertThat(fetches.get()).isEqualTo(0);
      String old = signed(claims().build());
      retryable(old);

      published.set(new JWKSet(List.<JWK>of(elliptic)).toString());
      passFetchInterval();
      assertThat(authenticate(old)).isPresent();
      int once = fetches.get();
      assertThat(authenticate(old)).isPresent();
      assertThat(fetches.get()).isEqualTo(once);

      // A new key is fetched when the first token names it.
      ECKey next = new ECKeyGenerator(Curve.P_256).keyID("n").generate();
      JWSHeader.Builder header = new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("n");
      String rotated = signed(claims().build(), header, new ECDSASigner(next));
      passFetchInterval();
      refused(rotated, "doesn't count");
      published.set(new JWKSet(List.<JWK>of(elliptic, next)).toString());
      passFetchInterval();
      assertThat(authenticate(rotated)).isPresent();

      // Away: what is known counts, and of what isn't nobody can say anything.
      published.set("gone");
      assertThat(authenticate(old)).isPresent();
      assertThat(authenticate(rotated)).isPresent();
      JWSHeader.Builder unknown = new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("u");
      passFetchInterval();
      retryable(signed(claims().build(), unknown, new ECDSASigner(foreign)));
    } finally {
      server.stop(0);
    }
  }

  /** The shortest that there is, by the clock that the library looks at. */
  private static void passFetchInterval() {
    long begin = System.currentTimeMillis();
    while (System.currentTimeMillis() - begin < 2) {
      Thread.onSpinWait();
    }
  }

  private void retryable(String token) {
    AuthenticationException refused =
        assertThrows(AuthenticationException.class, () -> authenticate(token));
    assertWithMessage(refused.getMessage()).that(refused.isRetryable()).isTrue();
  }
}
