package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.broken;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DurableObjectsGrpc;
import io.grpc.Attributes;
import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.CompositeChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.SecurityLevel;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who calls: TLS, certificates of the client, and tokens. */
@Timeout(120)
final class CallersTest {
  private FakeHost host;
  private final List<Server> servers = new ArrayList<>();
  private final List<DurableObjects> clients = new ArrayList<>();

  /** The header of each gRPC call, in order; "" for none. */
  private final BlockingQueue<String> authorizations = new LinkedBlockingQueue<>();

  private final ServerInterceptor noting =
      new ServerInterceptor() {
        @Override
        public <Q, R> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
          String came =
              headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER));
          authorizations.add(came == null ? "" : came);
          return next.startCall(call, headers);
        }
      };

  @BeforeEach
  void start() throws IOException {
    host = new FakeHost();
  }

  @AfterEach
  void stop() {
    clients.forEach(DurableObjects::close);
    servers.forEach(Server::shutdownNow);
    host.close();
  }

  /** One of those that every language is tested with. */
  private static File pem(String name) {
    return new File("../conformance-tests/src/main/resources/tls/" + name);
  }

  private static TlsServerCredentials.Builder serverTls() throws IOException {
    return TlsServerCredentials.newBuilder().keyManager(pem("server.pem"), pem("server.key"));
  }

  private static TlsChannelCredentials.Builder clientTls() throws IOException {
    return TlsChannelCredentials.newBuilder().trustManager(pem("ca.pem"));
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  private String serve(ServerCredentials credentials) throws IOException {
    Server server =
        NettyServerBuilder.forAddress(anyPort(), credentials)
            .addService(host)
            .intercept(noting)
            .build()
            .start();
    servers.add(server);
    return "127.0.0.1:" + server.getPort();
  }

  private DurableObjects client(String target, ChannelCredentials credentials) {
    DurableObjects client =
        DurableObjects.connect(
            target,
            credentials,
            OnLanes.options(ClientOptions.builder().openTimeout(Duration.ofMinutes(1)).build()));
    clients.add(client);
    return client;
  }

  private static ChannelCredentials plain(Supplier<String> tokens) {
    return CompositeChannelCredentials.create(
        InsecureChannelCredentials.create(), BearerToken.from(tokens));
  }

  private static Supplier<String> counted() {
    AtomicInteger fetches = new AtomicInteger();
    return () -> "token-" + fetches.incrementAndGet();
  }

  private static Future<EchoMessage> call(DurableObjectNamespace namespace) {
    return namespace.getByName("foo").call(EchoGrpc.getEchoMethod(), number(1));
  }

  private CallFailure failureAt(String target, ChannelCredentials credentials) {
    return failureOf(call(client(target, credentials).namespace("ECHO")));
  }

  private void answerAt(String target, ChannelCredentials credentials) throws Exception {
    Future<EchoMessage> call = call(client(target, credentials).namespace("ECHO"));
    host.accept().opened("foo").answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
  }

  private void expire() throws Exception {
    FakeHost.Stub stub = host.accept();
    stub.frame();
    stub.send(
        ConnectResponse.newBuilder()
            .setBroken(
                broken(Code.UNAUTHENTICATED, Reasons.CREDENTIALS_EXPIRED, 0)
                    .clearFailedSequence()
                    .setRetryable(true))
            .build());
    stub.end(Status.UNAUTHENTICATED);
  }

  private static void assertRefused(CallFailure failure, Status.Code code, boolean retryable) {
    assertThat(failure.reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(failure.code()).isEqualTo(code);
    assertThat(failure.retryable()).isEqualTo(retryable);
    assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
  }

  /** What docs/callers.md shows. */
  static DurableObjects example(Supplier<String> currentToken) throws IOException {
    ChannelCredentials tls =
        TlsChannelCredentials.newBuilder()
            .trustManager(new File("ca.pem"))
            .keyManager(new File("client.pem"), new File("client.key")) // If the host wants one.
            .build();
    return DurableObjects.connect(
        "objects.example:7070",
        CompositeChannelCredentials.create(tls, BearerToken.from(currentToken)));
  }

  // ---- TLS -------------------------------------------------------------------------------------

  @Test
  void tlsWithAToken() throws Exception {
    answerAt(
        serve(serverTls().build()),
        CompositeChannelCredentials.create(clientTls().build(), BearerToken.from(() -> "a-token")));
    assertThat(authorizations).containsExactly("Bearer a-token");
  }

  @Test
  void aHostThatNobodyKnowsIsSaidToBe() throws Exception {
    String target = serve(serverTls().build());
    for (ChannelCredentials trusting :
        List.of(
            TlsChannelCredentials.create(),
            TlsChannelCredentials.newBuilder().trustManager(pem("other-ca.pem")).build())) {
      CallFailure failure = failureAt(target, trusting);
      assertRefused(failure, Status.Code.UNAVAILABLE, true);
      assertThat(failure.failureCause().message())
          .startsWith("the host's certificate isn't trusted: ");
    }
    assertThat(authorizations).isEmpty();
  }

  private static ServerCredentials mutualTls() throws IOException {
    return serverTls()
        .trustManager(pem("ca.pem"))
        .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
        .build();
  }

  @Test
  void aCertificateOfTheClient() throws Exception {
    answerAt(
        serve(mutualTls()), clientTls().keyManager(pem("client.pem"), pem("client.key")).build());
  }

  @Test
  void withoutTheCertificateThatTheHostWantsNothingIsSent() throws Exception {
    assertRefused(
        failureAt(serve(mutualTls()), clientTls().build()), Status.Code.UNAVAILABLE, true);
    assertThat(authorizations).isEmpty();
  }

  /** The JDK's words and BoringSSL's. A host's end of the connection may come before the alert. */
  @Test
  void aRefusedCertificateIsSaidToBe() {
    for (String alert :
        List.of(
            "Received fatal alert: certificate_required",
            "Received fatal alert: unknown_ca",
            "error:10000412:SSL routines:OPENSSL_internal:SSLV3_ALERT_BAD_CERTIFICATE",
            "error:1000045c:SSL routines:OPENSSL_internal:TLSV13_ALERT_CERTIFICATE_REQUIRED",
            "error:10000418:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA")) {
      assertThat(
              RootCause.of(
                  Status.UNAVAILABLE
                      .withDescription("io exception")
                      .withCause(new SSLException(alert))))
          .isEqualTo("the host wants another certificate of the client, or one at all: " + alert);
    }
  }

  // ---- tokens ----------------------------------------------------------------------------------

  @Test
  void aRetryFetchesAnewWhenCredentialsExpire() throws Exception {
    DurableObjectNamespace namespace =
        client(serve(InsecureServerCredentials.create()), plain(counted())).namespace("ECHO");
    try (Retry retry =
        Retry.on(() -> namespace.getByName("foo"))
            .initialBackoff(Duration.ofMillis(1))
            .maxBackoff(Duration.ofMillis(1))
            .build()) {
      Future<EchoMessage> call = retry.call(stub -> stub.call(EchoGrpc.getEchoMethod(), number(1)));
      expire();
      host.accept().opened("foo").answer(1, 1);
      assertThat(get(call)).isEqualTo(number(1));
    }
    assertThat(authorizations).containsExactly("Bearer token-1", "Bearer token-2").inOrder();
  }

  @Test
  void eachConnectionOfAResumableStubFetchesAnew() throws Exception {
    Future<EchoMessage> call =
        call(
            client(serve(InsecureServerCredentials.create()), plain(counted()))
                .namespace("ECHO")
                .resumable());
    expire();
    host.accept().opened("foo", 0).answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
    assertThat(authorizations).containsExactly("Bearer token-1", "Bearer token-2").inOrder();
  }

  @Test
  void callsWithoutAStubFetchAnew() throws Exception {
    ManagedChannel channel =
        Grpc.newChannelBuilder(
                serve(InsecureServerCredentials.create()), InsecureChannelCredentials.create())
            .build();
    try {
      DurableObjectsGrpc.DurableObjectsBlockingStub stub =
          DurableObjectsGrpc.newBlockingStub(channel)
              .withCallCredentials(BearerToken.from(counted()));
      for (int i = 0; i < 2; i++) {
        assertThat(
                stub.describeNamespace(
                        DescribeNamespaceRequest.newBuilder().setName("ECHO").build())
                    .getName())
            .isEqualTo("ECHO");
      }
    } finally {
      channel.shutdownNow();
    }
    assertThat(authorizations).containsExactly("Bearer token-1", "Bearer token-2").inOrder();
  }

  @Test
  void aTokenThatNobodyGivesFailsTheStubBeforeAnythingWasSent() throws Exception {
    String target = serve(InsecureServerCredentials.create());
    CallFailure failure =
        failureAt(
            target,
            plain(
                () -> {
                  throw new IllegalStateException("the issuer sleeps");
                }));
    assertRefused(failure, Status.Code.UNAVAILABLE, true);
    assertThat(failure.failureCause().message())
        .isEqualTo("no bearer token for the call: the issuer sleeps");
    CallFailure last =
        failureAt(
            target,
            plain(
                () -> {
                  throw Status.PERMISSION_DENIED
                      .withDescription("not with me")
                      .asRuntimeException();
                }));
    assertRefused(last, Status.Code.PERMISSION_DENIED, false);
    assertThat(last.failureCause().message()).isEqualTo("not with me");
    assertThat(authorizations).isEmpty();
  }

  @Test
  void aTokenThatNoHeaderCanHaveIsNotShown() throws Exception {
    String target = serve(InsecureServerCredentials.create());
    List<List<String>> tokens =
        List.of(
            List.of("", "there is none"),
            List.of("se\ncret", "it has U+000A at 2, expected visible ASCII"),
            List.of("secret ", "it has U+0020 at 6, expected visible ASCII"),
            List.of("secr\u00e9t", "it has U+00E9 at 4, expected visible ASCII"));
    for (List<String> one : tokens) {
      CallFailure failure = failureAt(target, plain(() -> one.get(0)));
      assertRefused(failure, Status.Code.UNAVAILABLE, true);
      assertThat(failure.failureCause().message())
          .isEqualTo("no bearer token for the call: " + one.get(1));
      for (Throwable link = failure; link != null; link = link.getCause()) {
        assertThat(link.toString()).doesNotContain("secr");
      }
    }
    assertThat(authorizations).isEmpty();
  }

  @Test
  void aTokenIsNotInAFailureNorInWhatIsPrinted() throws Exception {
    String target = serve(InsecureServerCredentials.create());
    BearerToken token = BearerToken.from(() -> "a-secret");
    Future<EchoMessage> call =
        call(
            client(
                    target,
                    CompositeChannelCredentials.create(InsecureChannelCredentials.create(), token))
                .namespace("ECHO"));
    expire();
    CallFailure failure = failureOf(call);
    assertThat(authorizations).containsExactly("Bearer a-secret");
    assertThat(token + " " + failure + " " + failure.failureCause()).doesNotContain("a-secret");
  }

  /** What the credentials say of a call on a connection to this address, in plain text. */
  private static Metadata applied(SocketAddress to, Supplier<String> tokens, List<Status> refused) {
    Metadata sent = new Metadata();
    BearerToken.from(tokens)
        .applyRequestMetadata(
            new CallCredentials.RequestInfo() {
              @Override
              public MethodDescriptor<?, ?> getMethodDescriptor() {
                return DurableObjectsGrpc.getConnectMethod();
              }

              @Override
              public SecurityLevel getSecurityLevel() {
                return SecurityLevel.NONE;
              }

              @Override
              public String getAuthority() {
                return "objects.example";
              }

              @Override
              public Attributes getTransportAttrs() {
                return Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, to).build();
              }
            },
            Runnable::run,
            new CallCredentials.MetadataApplier() {
              @Override
              public void apply(Metadata headers) {
                sent.merge(headers);
              }

              @Override
              public void fail(Status status) {
                refused.add(status);
              }
            });
    return sent;
  }

  @Test
  void aTokenIsNeitherFetchedNorSentInPlainText() throws Exception {
    AtomicInteger fetches = new AtomicInteger();
    Supplier<String> tokens =
        () -> {
          fetches.incrementAndGet();
          return "a-secret";
        };
    List<Status> refused = new ArrayList<>();
    byte[] far = {(byte) 192, 0, 2, 7};
    Metadata sent =
        applied(new InetSocketAddress(InetAddress.getByAddress(far), 7070), tokens, refused);
    assertThat(sent.keys()).isEmpty();
    assertThat(refused).hasSize(1);
    assertThat(refused.get(0).getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(refused.get(0).getDescription())
        .isEqualTo(
            "a bearer token is sent over TLS only, or to a loopback address: the connection to"
                + " objects.example is neither");
    assertThat(fetches.get()).isEqualTo(0);

    assertThat(applied(anyPort(), tokens, refused).keys()).containsExactly("authorization");
    assertThat(refused).hasSize(1);
  }
}
