package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.hash.Hashing;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.Probe;
import dev.seriatim.service.TestStub;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.ListNamespacesRequest;
import dev.seriatim.v1.Open;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server program with tokens, JSON web tokens and a policy, attacked from outside. */
final class GuardedServerTest {
  private static final long LIMIT_SECONDS = 30;

  private static final DurableObjectIds IDS = new DurableObjectIds("CART");

  @TempDir private Path directory;
  private ECKey key;
  private OpenServer server;
  private ManagedChannel channel;

  /** Two namespaces of objects that reply with what they are asked. */
  public static final class Echoes implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace("CART", ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo));
      host.namespace("OTHER", ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo));
    }
  }

  @BeforeEach
  void open() throws Exception {
    key = new ECKeyGenerator(Curve.P_256).keyID("k").generate();
    Path keys =
        Files.writeString(directory.resolve("keys"), new JWKSet(List.<JWK>of(key)).toString());
    Path tokens =
        Files.writeString(
            directory.resolve("tokens"),
            "{\"sha256\": \"%s\", \"name\": \"ci\", \"groups\": [\"staff\"]}"
                .formatted(Hashing.sha256().hashString("secret", UTF_8)));
    policy(
        "{'who': ['group:shoppers'], 'namespaces': ['CART'], 'objects': ['${name}']}",
        "{'who': ['group:staff'], 'namespaces': ['CART'], 'methods': ['Do']}");
    server =
        OpenServer.open(
            directory,
            Echoes.class,
            "--auth-tokens=" + tokens,
            "--auth-jwks=" + keys,
            "--auth-issuer=https://issuer",
            "--auth-audience=seriatim",
            "--policy=" + directory.resolve("policy"),
            "--look-interval=3600"); // It doesn't see what changes before the test has it look.
    channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port()).usePlaintext().build();
  }

  @AfterEach
  void close() throws InterruptedException {
    assertThat(channel.shutdownNow().awaitTermination(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    server.close();
  }

  private void policy(String... rules) throws Exception {
    String text = "{'rules': [" + String.join(",", rules) + "]}";
    Files.writeString(directory.resolve("policy"), text.replace('\'', '"'));
  }

  private static JWTClaimsSet.Builder claims(String name) {
    return new JWTClaimsSet.Builder()
        .issuer("https://issuer")
        .audience("seriatim")
        .subject(name)
        .claim("groups", List.of("shoppers"))
        .expirationTime(Date.from(Instant.now().plusSeconds(3_600)));
  }

  private static String signed(JWTClaimsSet claims, JWSAlgorithm algorithm, JWSSigner signer)
      throws Exception {
    SignedJWT token = new SignedJWT(new JWSHeader.Builder(algorithm).keyID("k").build(), claims);
    token.sign(signer);
    return token.serialize();
  }

  private String signed(JWTClaimsSet claims) throws Exception {
    return signed(claims, JWSAlgorithm.ES256, new ECDSASigner(key));
  }

  private Channel bearing(String token) {
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private static TestStub stub(Channel channel, Open.Builder open) {
    return new TestStub(channel, open.build(), Integer.MAX_VALUE);
  }

  private static Open.Builder cart() {
    return Open.newBuilder().setNamespace("CART");
  }

  private static void refuses(Channel channel, Open.Builder open, String reason, String what) {
    Broken broken = stub(channel, open).broken(reason);
    assertWithMessage(what).that(broken.getCause().getMessage()).doesNotContain("eyJ");
  }

  @Test
  void whoIsNotKnownIsRefused() throws Exception {
    ECKey foreign = new ECKeyGenerator(Curve.P_256).keyID("k").generate();
    JWTClaimsSet ann = claims("ann").build();
    refuses(channel, cart().setName("ann"), "UNAUTHENTICATED", "no token");
    for (String token :
        List.of(
            "foreign",
            new PlainJWT(ann).serialize(),
            signed(ann, JWSAlgorithm.ES256, new ECDSASigner(foreign)),
            signed(ann, JWSAlgorithm.HS256, new MACSigner(key.toECPublicKey().getEncoded())),
            signed(claims("ann").audience("other").build()),
            signed(claims("ann").issuer("https://evil").build()),
            signed(claims("ann").expirationTime(null).build()))) {
      refuses(bearing(token), cart().setName("ann"), "UNAUTHENTICATED", token);
    }
    String expired =
        signed(claims("ann").expirationTime(Date.from(Instant.now().minusSeconds(60))).build());
    refuses(bearing(expired), cart().setName("ann"), "CREDENTIALS_EXPIRED", "expired");
    StatusRuntimeException refused =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                DurableObjectsGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS)
                    .listNamespaces(ListNamespacesRequest.getDefaultInstance()));
    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
  }

  @Test
  void healthIsToldToEveryone() {
    assertThat(
            HealthGrpc.newBlockingStub(channel)
                .withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS)
                .check(HealthCheckRequest.getDefaultInstance())
                .getStatusValue())
        .isEqualTo(1);
  }

  @Test
  void aCallerMayDoWhatThePolicySays() throws Exception {
    Channel ann = bearing(signed(claims("ann").build()));
    String annsId = IDS.fromName("ann").toString();
    String bobsId = IDS.fromName("bob").toString();

    assertThat(stub(ann, cart().setName("ann")).ask("x")).isEqualTo("x");
    assertThat(stub(ann, cart().setId(annsId)).ask("x")).isEqualTo("x");
    refuses(ann, cart().setName("bob"), "PERMISSION_DENIED", "bob's name");
    refuses(ann, cart().setId(bobsId), "PERMISSION_DENIED", "bob's id");
    refuses(ann, cart().setUnique(true), "PERMISSION_DENIED", "a new one");
    refuses(
        ann, cart().setNamespace("OTHER").setName("ann"), "PERMISSION_DENIED", "another namespace");
    // Whatever it is called.
    Channel star = bearing(signed(claims("*").build()));
    refuses(star, cart().setName("ann"), "PERMISSION_DENIED", "a star");

    Channel ci = bearing("secret");
    TestStub some = stub(ci, cart().setId(bobsId));
    assertThat(some.ask("x")).isEqualTo("x");
    some.call("y", invocation -> invocation.setMethod("DoOther"));
    assertThat(some.broken("PERMISSION_DENIED").getFailedSequence()).isEqualTo(2);
    assertThat(some.outcomes()).isEqualTo(1);
  }

  @Test
  void rightsThatWereTakenAwayEndStubs() throws Exception {
    TestStub ann = stub(bearing(signed(claims("ann").build())), cart().setName("ann"));
    TestStub ci = stub(bearing("secret"), cart().setName("ann"));
    assertThat(ann.ask("x")).isEqualTo("x");
    assertThat(ci.ask("x")).isEqualTo("x");

    policy("{'who': ['group:oops'], 'namespaces': ['KART']}");
    assertThat(server.policy().reload()).isFalse();
    assertThat(ann.ask("bad files change nothing")).isEqualTo("bad files change nothing");

    policy("{'who': ['group:staff'], 'namespaces': ['CART'], 'methods': ['Do']}");
    assertThat(server.policy().reload()).isTrue();
    ann.broken("CREDENTIALS_EXPIRED");
    assertThat(ci.ask("still")).isEqualTo("still");
    refuses(
        bearing(signed(claims("ann").build())),
        cart().setName("ann"),
        "PERMISSION_DENIED",
        "a new stub");
  }
}
