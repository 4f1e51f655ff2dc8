package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import com.google.common.base.Splitter;
import com.google.common.hash.Hashing;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.GetHostRequest;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.ListNamespacesRequest;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What callers show of themselves stands in no log, in no answer, and with no object. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class CredentialSecrecyTest {
  private static final String GOOD = "good-5ecret";
  private static final String OPERATORS = "operators-5ecret";

  @TempDir private Path directory;

  /** What must stand nowhere. */
  private final Set<String> secrets = new LinkedHashSet<>(List.of(GOOD, OPERATORS));

  /** All that the host has said, to clients and in its log. */
  private final Queue<String> said = new ConcurrentLinkedQueue<>();

  private String secret(String text) {
    secrets.add(text);
    return text;
  }

  /** A web token, no part of which may be shown; the header says nothing of anybody. */
  private String web(String token) {
    List<String> parts = Splitter.on('.').splitToList(token);
    parts.stream().skip(1).filter(part -> !part.isEmpty()).forEach(secrets::add);
    return secret(token);
  }

  private static String line(String token, String name, String group) {
    return "{\"sha256\": \"%s\", \"name\": \"%s\", \"groups\": [\"%s\"]}\n"
        .formatted(Hashing.sha256().hashString(token, UTF_8), name, group);
  }

  /** Says all that an object can know of its caller, and fails if it is to. */
  private static void tell(Probe probe, Words request, StreamObserver<Words> reply) {
    Metadata metadata = DurableObjectState.INVOCATION_METADATA.get();
    String all = metadata + " " + DurableObjectState.CALLER.get();
    if (request.getText().equals("fail")) {
      throw new IllegalStateException(all);
    }
    Probe.reply(reply, all);
  }

  private static JWTClaimsSet.Builder claims() {
    return new JWTClaimsSet.Builder()
        .issuer("https://issuer")
        .audience("seriatim")
        .subject("ann")
        .expirationTime(Date.from(Instant.now().plusSeconds(3600)));
  }

  private String signed(RSAKey key, JWTClaimsSet.Builder claims) throws Exception {
    SignedJWT token =
        new SignedJWT(new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("r").build(), claims.build());
    token.sign(new RSASSASigner(key));
    return web(token.serialize());
  }

  private static Metadata headers(String... keysAndValues) {
    Metadata headers = new Metadata();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      headers.put(
          Metadata.Key.of(keysAndValues[i], Metadata.ASCII_STRING_MARSHALLER),
          keysAndValues[i + 1]);
    }
    return headers;
  }

  private List<Metadata> everyKind(RSAKey key) throws Exception {
    RSAKey foreign = new RSAKeyGenerator(2048).keyID("r").generate();
    List<Metadata> all = new ArrayList<>();
    for (String token :
        List.of(
            GOOD,
            secret("wrong-5ecret"),
            secret("two words-5ecret"),
            secret("5ecret." + "x".repeat(3000)),
            signed(key, claims()),
            signed(foreign, claims()),
            signed(key, claims().expirationTime(Date.from(Instant.now().minusSeconds(3600)))),
            signed(key, claims().audience("other")),
            signed(key, claims().issuer("https://evil")),
            signed(key, claims().subject(null)),
            web(new PlainJWT(claims().build()).serialize()),
            web("bm8.5ecretpayload.5ecretsignature"),
            web("{\"alg\":1}.5ecretpayload2.5ecretsignature2"))) {
      all.add(headers("authorization", "Bearer " + token));
      all.add(headers("authorization", "bearer " + token, "cookie", secret("id=cookie-5ecret")));
    }
    all.add(headers("authorization", "Basic " + secret("basic-5ecret")));
    all.add(headers("authorization", secret("bare-5ecret")));
    all.add(
        headers(
            "authorization",
            "Bearer " + GOOD,
            "authorization",
            "Bearer " + secret("second-5ecret")));
    all.add(headers("proxy-authorization", "Basic " + secret("proxy-5ecret")));
    all.add(headers("seriatim-peer", secret("peer-5ecret")));
    return all;
  }

  @Test
  void nothingThatCallersShowIsToldToAnybody() throws Exception {
    RSAKey key = new RSAKeyGenerator(2048).keyID("r").generate();
    Path keys = directory.resolve("keys.json");
    Files.writeString(keys, new JWKSet(key.toPublicJWK()).toString());
    Path tokens = directory.resolve("tokens");
    Files.writeString(tokens, line(GOOD, "alice", "people") + line(OPERATORS, "op", "operators"));
    Path policy = directory.resolve("policy.json");
    Files.writeString(
        policy,
        """
        {"rules": [
          {"who": ["group:people", "ann"], "namespaces": ["PROBE"], "objects": ["a"],
           "methods": ["Do"]},
          {"who": ["group:operators"], "admin": ["*"]}
        ]}
        """);
    DurableObjectHost.Builder probes =
        CallerHost.probes(CredentialSecrecyTest::tell)
            .authenticator(
                Authenticators.firstOf(
                    Authenticators.tokens(tokens, Duration.ofMillis(5)),
                    Authenticators.jwt(
                        JwtOptions.of(keys.toString(), "https://issuer", "seriatim"))))
            .authorizer(Policy.read(policy))
            .service(new HealthStatusManager().getHealthService())
            .admin(() -> {});
    try (Logged log = Logged.at("dev.seriatim", Level.TRACE);
        CallerHost host = CallerHost.overNetwork(probes)) {
      for (Metadata headers : everyKind(key)) {
        Channel channel =
            ClientInterceptors.intercept(
                host.channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
        everyCall(channel);
      }
      metadata(host.as(GOOD));
      badFiles(tokens, log);
      Channel operator = host.as(OPERATORS);
      administer(operator);
      assertThat(said.toString()).contains("max_stubs_per_caller"); // It was answered.
      log.events().forEach(event -> said.add(text(event)));
    }
    assertThat(said.size()).isGreaterThan(200);
    for (String secret : secrets) {
      for (String text : said) {
        assertWithMessage("a secret in what is said")
            .that(text.contains(secret) ? "'" + secret + "' in " + text : "")
            .isEmpty();
      }
    }
  }

  private static String text(ILoggingEvent event) {
    String thrown =
        event.getThrowableProxy() == null
            ? ""
            : ThrowableProxyUtil.asString(event.getThrowableProxy());
    return event.getFormattedMessage() + " " + event.getKeyValuePairs() + " " + thrown;
  }

  /** Notes what a call answers, or how it fails. */
  private void note(Supplier<Object> call) {
    try {
      said.add(call.get().toString());
    } catch (StatusRuntimeException e) {
      said.add(e + " " + e.getTrailers() + " " + StatusProto.fromThrowable(e));
    }
  }

  private void everyCall(Channel channel) throws Exception {
    for (String object : new String[] {"a", "b"}) {
      for (String text : new String[] {"hello", "fail"}) {
        connect(channel, object, call -> call.setMessage(Probe.words(text).toByteString()));
        Channel named =
            ClientInterceptors.intercept(
                channel,
                MetadataUtils.newAttachHeadersInterceptor(
                    headers("seriatim-object", "PROBE/" + object)));
        note(() -> ProbeGrpc.newBlockingStub(named).do_(Probe.words(text)));
      }
      connect(channel, object, call -> call.setMethod("DoOther"));
    }
    var objects = DurableObjectsGrpc.newBlockingStub(channel);
    note(() -> objects.listNamespaces(ListNamespacesRequest.getDefaultInstance()));
    note(
        () ->
            objects.describeNamespace(
                DescribeNamespaceRequest.newBuilder().setName("PROBE").build()));
    note(() -> AdminGrpc.newBlockingStub(channel).getHost(GetHostRequest.getDefaultInstance()));
    note(() -> HealthGrpc.newBlockingStub(channel).check(HealthCheckRequest.getDefaultInstance()));
  }

  private interface Change {
    Invocation.Builder of(Invocation.Builder call);
  }

  /** One call, on a stub of its own and on a lane. */
  private void connect(Channel channel, String object, Change change) throws Exception {
    ConnectRequest frame =
        ConnectRequest.newBuilder()
            .setOpen(TestHost.byName(object))
            .addInvocations(change.of(Invocation.newBuilder().setSequence(1).setMethod("Do")))
            .build();
    Noted<ConnectResponse> answers = new Noted<>();
    StreamObserver<ConnectRequest> call = DurableObjectsGrpc.newStub(channel).connect(answers);
    call.onNext(frame);
    call.onCompleted();
    answers.await();
    Noted<ConnectManyResponse> many = new Noted<>();
    StreamObserver<ConnectManyRequest> lanes =
        DurableObjectsGrpc.newStub(channel).connectMany(many);
    lanes.onNext(
        ConnectManyRequest.newBuilder()
            .addLanes(LaneRequest.newBuilder().setLane(1).setFrame(frame))
            .build());
    lanes.onCompleted();
    many.await();
  }

  private final class Noted<T> implements StreamObserver<T> {
    private final CountDownLatch end = new CountDownLatch(1);

    @Override
    public void onNext(T frame) {
      said.add(frame.toString());
      // Bytes are shown escaped, so that what is in them is looked for as it is.
      said.add(new String(((com.google.protobuf.Message) frame).toByteArray(), UTF_8));
    }

    @Override
    public void onError(Throwable t) {
      said.add(t + " " + StatusProto.fromThrowable(t));
      end.countDown();
    }

    @Override
    public void onCompleted() {
      end.countDown();
    }

    void await() {
      Wait.on(end, "the end of a call");
    }
  }

  private void metadata(Channel alice) throws Exception {
    int number = 0;
    for (String key :
        List.of(
            "authorization",
            "Authorization",
            "proxy-authorization",
            "cookie",
            "COOKIE",
            " cookie",
            "cookie\n",
            "seriatim-caller",
            "seriatim-origin",
            "authorization-bin")) {
      for (String form : List.of("m%d-5ecret", "m%d-5ecret\n", "m%d-5ecr\u00e9t", "")) {
        String value = form.formatted(++number);
        if (!value.isEmpty()) {
          secret(value.strip());
        }
        connect(alice, "a", call -> call.putMetadata(key, value));
        connect(
            alice,
            "a",
            call -> call.putMetadata(key, value).setMessage(Probe.words("fail").toByteString()));
      }
    }
  }

  /** Somebody has put a token where its hash should be, or what is none at all. */
  private void badFiles(Path tokens, Logged log) throws Exception {
    int complaints = 0;
    for (String bad :
        List.of(
            secret("raw-5ecret"),
            "{\"sha256\": \"" + secret("hash-5ecret") + "\", \"name\": \"x\"}",
            "{\"sha256\": [\"" + secret("list-5ecret") + "\"]}",
            "{\"token\": \"" + secret("field-5ecret") + "\"}",
            "{" + secret("key-5ecret") + "}")) {
      Path next = directory.resolve("next");
      Files.writeString(next, bad);
      Files.move(next, tokens, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      int before = complaints;
      Wait.until(() -> complaints(tokens, log) > before, "a complaint of " + bad);
      complaints = complaints(tokens, log);
    }
  }

  /** Of this file: those of other tests are looked at, too, and are gone. */
  private static int complaints(Path tokens, Logged log) {
    return (int)
        log.containing("what it said before stays in force").stream()
            .filter(message -> message.contains(tokens.toString()))
            .count();
  }

  private void administer(Channel channel) {
    AdminGrpc.AdminBlockingStub admin = AdminGrpc.newBlockingStub(channel);
    ObjectName a = ObjectName.newBuilder().setNamespace("PROBE").setName("a").build();
    note(() -> admin.getHost(GetHostRequest.getDefaultInstance()));
    note(
        () ->
            admin.listNamespaces(dev.seriatim.admin.v1.ListNamespacesRequest.getDefaultInstance()));
    note(() -> admin.listObjects(ListObjectsRequest.newBuilder().setNamespace("PROBE").build()));
    note(() -> admin.getObject(GetObjectRequest.newBuilder().setObject(a).build()));
    note(() -> admin.listEntries(ListEntriesRequest.newBuilder().setObject(a).build()));
  }
}
