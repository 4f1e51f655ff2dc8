package dev.seriatim.service;

import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.base.Splitter;
import com.google.common.hash.Hashing;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.GetHostRequest;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A host with tokens, JSON web tokens and a policy, attacked: each caller, to each target, over
 * each way that leads there. Each cell of the table is a test.
 */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class AttackMatrixTest {
  private static final String POLICY =
      """
      {"rules": [
        {"who": ["group:shoppers"], "namespaces": ["PROBE"], "objects": ["${name}"],
         "methods": ["Do"]},
        {"who": ["*"], "namespaces": ["CATALOG"], "methods": ["Do"]},
        {"who": ["group:oncall"], "admin": ["read"]},
        {"who": ["group:sre"], "namespaces": ["PROBE"], "admin": ["*"]}
      ]}
      """;

  /**
   * What is called. An object is in the namespace PROBE if nothing else is said, and the caller's
   * own is the one that has the name which he has, or would like to have.
   */
  private enum Target {
    OWN_NAME,
    OWN_ID,
    OTHERS_NAME,
    OTHERS_ID,
    UNIQUE,
    OTHER_METHOD,
    CATALOG_NAME,
    CATALOG_ID,
    CATALOG_OTHER_METHOD,
    UNKNOWN_NAMESPACE,
    /** His own object, which calls that of somebody else. */
    FROM_OBJECT,
    ADMIN_READ,
    ADMIN_DATA,
    ADMIN_CONTROL
  }

  private static final String UNKNOWN = "UNAUTHENTICATED";
  private static final String EXPIRED = "CREDENTIALS_EXPIRED";

  /** What who is known, and has a token of this name, meets; OK if the object answers. */
  private static final String TABLE =
      """
      target               | alice                 | ann                 | oncall            | sre
      OWN_NAME             | OK                    | OK                  | PERMISSION_DENIED | OK
      OWN_ID               | OK                    | OK                  | PERMISSION_DENIED | OK
      OTHERS_NAME          | PERMISSION_DENIED     | PERMISSION_DENIED   | PERMISSION_DENIED | OK
      OTHERS_ID            | PERMISSION_DENIED     | PERMISSION_DENIED   | PERMISSION_DENIED | OK
      UNIQUE               | PERMISSION_DENIED     | PERMISSION_DENIED   | PERMISSION_DENIED | OK
      OTHER_METHOD         | PERMISSION_DENIED     | PERMISSION_DENIED   | PERMISSION_DENIED | OK
      CATALOG_NAME         | OK                    | OK                  | OK                | OK
      CATALOG_ID           | OK                    | OK                  | OK                | OK
      CATALOG_OTHER_METHOD | PERMISSION_DENIED     | PERMISSION_DENIED   | PERMISSION_DENIED | PERMISSION_DENIED
      UNKNOWN_NAMESPACE    | UNKNOWN_NAMESPACE     | UNKNOWN_NAMESPACE   | UNKNOWN_NAMESPACE | UNKNOWN_NAMESPACE
      FROM_OBJECT          | PROBE/alice for alice | PROBE/ann for ann   | PERMISSION_DENIED | PROBE/sre for sre
      ADMIN_READ           | PERMISSION_DENIED     | PERMISSION_DENIED   | OK                | OK
      ADMIN_DATA           | PERMISSION_DENIED     | PERMISSION_DENIED   | PERMISSION_DENIED | OK
      ADMIN_CONTROL        | PERMISSION_DENIED     | PERMISSION_DENIED   | PERMISSION_DENIED | OK
      """;

  /** Who shows what. */
  private record Attacker(String title, String name, List<String> headers) {}

  @TempDir private static Path directory;
  private static RSAKey key;
  private static RSAKey foreign;
  private static CallerHost host;

  @BeforeAll
  static void start() throws Exception {
    key = new RSAKeyGenerator(2048).keyID("r").generate();
    foreign = new RSAKeyGenerator(2048).keyID("r").generate();
    Path keys = directory.resolve("keys.json");
    Files.writeString(keys, new JWKSet(key.toPublicJWK()).toString());
    Path tokens = directory.resolve("tokens");
    Files.writeString(
        tokens,
        line("alices token", "alice", "shoppers")
            + line("oncalls token", "oncall", "oncall")
            + line("sres token", "sre", "sre"));
    Path policy = directory.resolve("policy.json");
    Files.writeString(policy, POLICY);
    host =
        CallerHost.overNetwork(
            CallerHost.probes(AttackMatrixTest::answer)
                .namespace(
                    "CATALOG",
                    ProbeGrpc.getServiceDescriptor(),
                    Probe.doing(AttackMatrixTest::answer))
                .authenticator(
                    Authenticators.firstOf(
                        Authenticators.tokens(tokens),
                        Authenticators.jwt(
                            JwtOptions.of(keys.toString(), "https://issuer", "seriatim"))))
                .authorizer(Policy.read(policy))
                .admin(() -> {}));
  }

  @AfterAll
  static void stop() {
    host.close();
  }

  private static String line(String token, String name, String group) {
    return "{\"sha256\": \"%s\", \"name\": \"%s\", \"groups\": [\"%s\"]}\n"
        .formatted(Hashing.sha256().hashString(token, UTF_8), name, group);
  }

  /** Answers who calls, if an object does, or lets that of "bob" answer. */
  private static void answer(Probe probe, Words request, StreamObserver<Words> reply)
      throws Exception {
    Caller caller = DurableObjectState.CALLER.get();
    if (request.getText().equals("ask bob")) {
      reply.onNext(
          probe
              .state()
              .objects()
              .namespace(TestHost.PROBE)
              .getByName("bob")
              .call(ProbeGrpc.getDoMethod(), Probe.words(""))
              .get(30, TimeUnit.SECONDS));
      reply.onCompleted();
    } else {
      Probe.reply(
          reply,
          caller.kind() == Caller.Kind.OBJECT
              ? caller.name() + " for " + caller.origin().map(Caller::name).orElse("nobody")
              : "OK");
    }
  }

  // ---- who attacks

  private static JWTClaimsSet.Builder claims() {
    return new JWTClaimsSet.Builder()
        .issuer("https://issuer")
        .audience("seriatim")
        .subject("ann")
        .claim("groups", List.of("shoppers"))
        .expirationTime(Date.from(Instant.now().plusSeconds(3600)));
  }

  private static String signed(JWTClaimsSet claims, JWSHeader.Builder header, JWSSigner signer)
      throws JOSEException {
    SignedJWT token = new SignedJWT(header.keyID("r").build(), claims);
    token.sign(signer);
    return token.serialize();
  }

  private static String signed(JWTClaimsSet.Builder claims) throws JOSEException {
    return signed(claims.build(), new JWSHeader.Builder(JWSAlgorithm.RS256), new RSASSASigner(key));
  }

  private static String part(String json) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(json.getBytes(UTF_8));
  }

  /** Those of whom the host knows who they are. */
  private static List<Attacker> known() throws JOSEException {
    return List.of(
        bearing("a token", "alice", "alices token"),
        bearing("a JSON web token", "ann", signed(claims())),
        bearing("the right to read", "oncall", "oncalls token"),
        bearing("all rights", "sre", "sres token"));
  }

  private static Attacker bearing(String title, String name, String token) {
    return new Attacker(title, name, List.of("Bearer " + token));
  }

  /** Those who would all like to be ann, who has a web token, or alice, who has a token. */
  private static Map<Attacker, String> unknown() throws Exception {
    String good = signed(claims());
    List<String> parts = Splitter.on('.').splitToList(good);
    byte[] publicKey = key.toRSAPublicKey().getEncoded();
    String pem =
        "-----BEGIN PUBLIC KEY-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(publicKey)
            + "\n-----END PUBLIC KEY-----\n";
    JWSHeader.Builder hs256 = new JWSHeader.Builder(JWSAlgorithm.HS256);
    JWSHeader.Builder rs256 = new JWSHeader.Builder(JWSAlgorithm.RS256);
    Map<Attacker, String> all = new LinkedHashMap<>();
    all.put(new Attacker("nothing", "alice", List.of()), UNKNOWN);
    all.put(new Attacker("an empty header", "alice", List.of("")), UNKNOWN);
    all.put(new Attacker("an empty token", "alice", List.of("Bearer ")), UNKNOWN);
    all.put(new Attacker("no scheme", "alice", List.of("alices token")), UNKNOWN);
    all.put(
        new Attacker("another scheme", "alice", List.of("Basic " + part("alice:alices token"))),
        UNKNOWN);
    all.put(
        new Attacker("two tokens", "alice", List.of("Bearer alices token", "Bearer sres token")),
        UNKNOWN);
    all.put(bearing("a foreign token", "alice", "a token of another host"), UNKNOWN);
    all.put(
        bearing(
            "the hash of a token",
            "alice",
            Hashing.sha256().hashString("alices token", UTF_8).toString()),
        UNKNOWN);
    all.put(bearing("a token with a tail", "alice", "alices token2"), UNKNOWN);
    all.put(
        bearing(
            "one that has expired",
            "ann",
            signed(claims().expirationTime(Date.from(Instant.now().minusSeconds(3600))))),
        EXPIRED);
    all.put(
        bearing("one that never expires", "ann", signed(claims().expirationTime(null))), UNKNOWN);
    all.put(
        bearing(
            "one that isn't valid yet",
            "ann",
            signed(claims().notBeforeTime(Date.from(Instant.now().plusSeconds(3600))))),
        UNKNOWN);
    all.put(bearing("another audience", "ann", signed(claims().audience("other"))), UNKNOWN);
    all.put(bearing("no audience", "ann", signed(claims().audience((String) null))), UNKNOWN);
    all.put(bearing("another issuer", "ann", signed(claims().issuer("https://evil"))), UNKNOWN);
    all.put(bearing("no subject", "ann", signed(claims().subject(null))), UNKNOWN);
    all.put(bearing("alg none", "ann", new PlainJWT(claims().build()).serialize()), UNKNOWN);
    all.put(
        bearing(
            "alg none with a good signature",
            "ann",
            part("{\"alg\":\"none\"}") + "." + parts.get(1) + "." + parts.get(2)),
        UNKNOWN);
    all.put(
        bearing(
            "alg None", "ann", part("{\"alg\":\"None\",\"kid\":\"r\"}") + "." + parts.get(1) + "."),
        UNKNOWN);
    all.put(bearing("no signature", "ann", parts.get(0) + "." + parts.get(1) + "."), UNKNOWN);
    all.put(
        bearing(
            "HS256 with the public key",
            "ann",
            signed(claims().build(), hs256, new MACSigner(publicKey))),
        UNKNOWN);
    all.put(
        bearing(
            "HS256 with its PEM",
            "ann",
            signed(claims().build(), hs256, new MACSigner(pem.getBytes(UTF_8)))),
        UNKNOWN);
    all.put(
        bearing(
            "HS256 with its JWK",
            "ann",
            signed(
                claims().build(),
                hs256,
                new MACSigner(key.toPublicJWK().toJSONString().getBytes(UTF_8)))),
        UNKNOWN);
    all.put(
        bearing(
            "a foreign key of the same name",
            "ann",
            signed(claims().build(), rs256, new RSASSASigner(foreign))),
        UNKNOWN);
    all.put(
        bearing(
            "a foreign key that it brings along",
            "ann",
            signed(
                claims().build(),
                new JWSHeader.Builder(JWSAlgorithm.RS256).jwk(foreign.toPublicJWK()),
                new RSASSASigner(foreign))),
        UNKNOWN);
    all.put(
        bearing(
            "other claims under a good signature",
            "ann",
            parts.get(0)
                + "."
                + part(claims().claim("groups", List.of("sre")).build().toString())
                + "."
                + parts.get(2)),
        UNKNOWN);
    all.put(bearing("no token at all", "ann", "a.b.c"), UNKNOWN);
    return all;
  }

  // ---- what is attacked

  private static List<Way> ways(Target target) {
    return switch (target) {
      case ADMIN_READ, ADMIN_DATA, ADMIN_CONTROL -> List.of();
      case UNIQUE -> List.of(Way.CONNECT, Way.MANY); // No header names a new object.
      default -> List.of(Way.values());
    };
  }

  private static String attack(Attacker attacker, Target target, @Nullable Way way) {
    String name = attacker.name();
    return switch (target) {
      case OWN_NAME -> call(attacker, way, "PROBE", name);
      case OWN_ID -> call(attacker, way, "PROBE", CallerHost.idOf(name));
      case OTHERS_NAME -> call(attacker, way, "PROBE", "bob");
      case OTHERS_ID -> call(attacker, way, "PROBE", CallerHost.idOf("bob"));
      case UNIQUE -> call(attacker, way, "PROBE", "unique");
      case OTHER_METHOD -> call(attacker, way, "PROBE", name, ProbeGrpc.getDoOtherMethod(), "");
      case CATALOG_NAME -> call(attacker, way, "CATALOG", "bob");
      case CATALOG_ID ->
          call(
              attacker,
              way,
              "CATALOG",
              "id:" + new dev.seriatim.stub.DurableObjectIds("CATALOG").fromName("bob"));
      case CATALOG_OTHER_METHOD ->
          call(attacker, way, "CATALOG", "bob", ProbeGrpc.getDoOtherMethod(), "");
      case UNKNOWN_NAMESPACE -> call(attacker, way, "NONE", "bob");
      case FROM_OBJECT -> call(attacker, way, "PROBE", name, ProbeGrpc.getDoMethod(), "ask bob");
      case ADMIN_READ ->
          admin(attacker, admin -> admin.getHost(GetHostRequest.getDefaultInstance()));
      case ADMIN_DATA ->
          admin(
              attacker,
              admin ->
                  admin.listEntries(ListEntriesRequest.newBuilder().setObject(bobs()).build()));
      case ADMIN_CONTROL ->
          admin(
              attacker,
              admin ->
                  admin.evictObject(EvictObjectRequest.newBuilder().setObject(bobs()).build()));
    };
  }

  private static ObjectName bobs() {
    return ObjectName.newBuilder().setNamespace("PROBE").setName("bob").build();
  }

  private static Channel channel(Attacker attacker) {
    Metadata headers = new Metadata();
    attacker.headers().forEach(header -> headers.put(CallerHost.AUTHORIZATION, header));
    return ClientInterceptors.intercept(
        host.channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** What a call of the admin service comes to. */
  private interface AdminCall {
    Object on(AdminGrpc.AdminBlockingStub admin);
  }

  private static String admin(Attacker attacker, AdminCall call) {
    try {
      var _ = call.on(AdminGrpc.newBlockingStub(channel(attacker)));
      return "OK";
    } catch (StatusRuntimeException e) {
      return CallerHost.reason(e);
    }
  }

  private static String call(Attacker by, @Nullable Way way, String namespace, String object) {
    return call(by, way, namespace, object, ProbeGrpc.getDoMethod(), "");
  }

  private static String call(
      Attacker by,
      @Nullable Way way,
      String namespace,
      String object,
      MethodDescriptor<Words, Words> method,
      String text) {
    Channel channel = channel(by);
    if (way == Way.HEADER) {
      Metadata named = new Metadata();
      named.put(
          Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER),
          namespace + "/" + object);
      try {
        return ClientCalls.blockingUnaryCall(
                ClientInterceptors.intercept(
                    channel, MetadataUtils.newAttachHeadersInterceptor(named)),
                method,
                CallOptions.DEFAULT,
                Probe.words(text))
            .getText();
      } catch (StatusRuntimeException e) {
        return CallerHost.reason(e);
      }
    }
    ClientOptions.Builder options = ClientOptions.builder();
    if (way == Way.MANY) {
      options.sharedCalls(1);
    }
    DurableObjectNamespace objects =
        DurableObjects.on(channel, options.build()).namespace(namespace, namespace);
    try (DurableObjectStub stub = stub(objects, object)) {
      return CallerHost.call(stub, method, text);
    }
  }

  private static DurableObjectStub stub(DurableObjectNamespace objects, String object) {
    if (object.equals("unique")) {
      return objects.get(objects.newUniqueId());
    }
    return object.startsWith("id:")
        ? objects.get(objects.idFromString(object.substring("id:".length())))
        : objects.getByName(object);
  }

  // ---- the cells

  private static Stream<DynamicTest> cells(Attacker attacker, Target target, String expected) {
    List<Way> ways = ways(target);
    if (ways.isEmpty()) {
      return Stream.of(cell(attacker, target, null, expected));
    }
    return ways.stream().map(way -> cell(attacker, target, way, expected));
  }

  private static DynamicTest cell(
      Attacker attacker, Target target, @Nullable Way way, String expected) {
    String title =
        "%s with %s: %s%s"
            .formatted(attacker.name(), attacker.title(), target, way == null ? "" : " by " + way);
    return DynamicTest.dynamicTest(
        title,
        () -> assertWithMessage(title).that(attack(attacker, target, way)).isEqualTo(expected));
  }

  @TestFactory
  Stream<DynamicTest> whoIsKnownMayWhatThePolicySays() throws Exception {
    List<DynamicTest> all = new ArrayList<>();
    List<String> lines = TABLE.strip().lines().toList();
    List<String> names = columns(lines.getFirst());
    for (Attacker attacker : known()) {
      int column = names.indexOf(attacker.name());
      for (Target target : Target.values()) {
        String line =
            lines.stream()
                .filter(l -> columns(l).getFirst().equals(target.name()))
                .findFirst()
                .orElseThrow();
        cells(attacker, target, columns(line).get(column)).forEach(all::add);
      }
    }
    return all.stream();
  }

  private static List<String> columns(String line) {
    return Splitter.on('|').trimResults().splitToList(line);
  }

  @TestFactory
  Stream<DynamicTest> whoIsNotKnownMayNothing() throws Exception {
    List<DynamicTest> all = new ArrayList<>();
    unknown()
        .forEach(
            (attacker, expected) -> {
              for (Target target : Target.values()) {
                cells(attacker, target, expected).forEach(all::add);
              }
            });
    return all.stream();
  }
}
