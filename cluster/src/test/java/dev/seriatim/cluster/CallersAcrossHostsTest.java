package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.Access;
import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Authorizer;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Credentials;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.FailureCause;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The edge asks who calls, and the owner of an object knows it. */
final class CallersAcrossHostsTest {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final TestCluster cluster = new TestCluster();

  /** Who the objects saw, of all hosts. */
  private final BlockingQueue<Caller> seen = new LinkedBlockingQueue<>();

  private final Rights rights = new Rights();

  @AfterEach
  void close() {
    cluster.close();
  }

  private static Optional<Authenticator.Verified> byName(Credentials credentials) {
    return Optional.ofNullable(credentials.headers().get(AUTHORIZATION))
        .map(
            shown ->
                new Authenticator.Verified(
                    Caller.ofToken(
                        shown.substring("Bearer ".length()),
                        Set.of("people"),
                        Map.of("tenant", "acme")),
                    Optional.empty()));
  }

  /** Rights that change. */
  private static final class Rights implements Authorizer {
    private volatile Access access = Access.all();
    private volatile Runnable listener = () -> {};

    @Override
    public Access access(
        Caller caller, String namespace, Optional<String> name, DurableObjectId id) {
      return access;
    }

    @Override
    public void onChange(Runnable told) {
      listener = told;
    }

    void change(Access now) {
      access = now;
      listener.run();
    }
  }

  /** Notes who calls; {@code b} has {@code c} called first. */
  private final class Noting extends CounterGrpc.CounterImplBase {
    private final DurableObjectState state;

    private Noting(DurableObjectState state) {
      this.state = state;
    }

    @Override
    public void get(GetRequest request, StreamObserver<CounterValue> reply) {
      seen.add(DurableObjectState.CALLER.get());
      if (state.id().name().equals(Optional.of("b"))) {
        reply.onNext(
            CounterGrpc.newBlockingStub(
                    state.objects().namespace("NOTING").getByName("c").channel())
                .get(request));
      } else {
        reply.onNext(CounterValue.getDefaultInstance());
      }
      reply.onCompleted();
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      get(GetRequest.getDefaultInstance(), reply);
    }
  }

  private void asking(DurableObjectHost.Builder builder) {
    owning(builder);
    builder.authenticator(CallersAcrossHostsTest::byName).authorizer(rights);
  }

  /** The owner asks nobody: it is told by the edge. */
  private void owning(DurableObjectHost.Builder builder) {
    builder.namespace("NOTING", CounterGrpc.getServiceDescriptor(), Noting::new);
  }

  /**
   * Objects {@code a} and {@code b} are at another host than the one that is called, and c is here.
   */
  private Node start() {
    return start(this::asking);
  }

  private Node start(Consumer<DurableObjectHost.Builder> asking) {
    Node edge = cluster.start("edge", asking);
    Node owner = cluster.start("owner", this::owning);
    DurableObjectNamespace namespace = namespace(edge, "nobody");
    Set<Integer> there = new HashSet<>();
    for (String name : new String[] {"a", "b"}) {
      there.add(Slots.of(namespace.getByName(name).id()));
    }
    Set<Integer> here = new HashSet<>(TestCluster.allSlots());
    here.removeAll(there);
    cluster.take(owner, there);
    cluster.take(edge, here);
    return edge;
  }

  private static DurableObjectNamespace namespace(Node edge, String token) {
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + token);
    return DurableObjects.on(
            ClientInterceptors.intercept(
                edge.channel(), MetadataUtils.newAttachHeadersInterceptor(headers)),
            ClientOptions.builder().build())
        .namespace("NOTING", "NOTING");
  }

  private static <Q, R> String call(
      DurableObjectStub stub, MethodDescriptor<Q, R> method, Q request) throws Exception {
    try {
      var _ = stub.call(method, request).get(60, TimeUnit.SECONDS);
      return "OK";
    } catch (ExecutionException e) {
      return CallFailure.of(e).map(CallFailure::reason).orElse(String.valueOf(e.getCause()));
    }
  }

  private static String get(DurableObjectStub stub) throws Exception {
    return call(stub, CounterGrpc.getGetMethod(), GetRequest.getDefaultInstance());
  }

  private Caller nextSeen() throws InterruptedException {
    Caller caller = seen.poll(60, TimeUnit.SECONDS);
    if (caller == null) {
      throw new AssertionError("never came: a turn");
    }
    return caller;
  }

  @Test
  void theOwnerKnowsWhoCalls() throws Exception {
    try (DurableObjectStub stub = namespace(start(), "alice").getByName("a")) {
      assertThat(get(stub)).isEqualTo("OK");
      assertThat(nextSeen())
          .isEqualTo(Caller.ofToken("alice", Set.of("people"), Map.of("tenant", "acme")));
    }
  }

  @Test
  void anObjectOfTheOwnerBringsWhoeverBeganAtTheEdge() throws Exception {
    try (DurableObjectStub stub = namespace(start(), "alice").getByName("b")) {
      assertThat(get(stub)).isEqualTo("OK");
      Caller alice = nextSeen();
      assertThat(nextSeen()).isEqualTo(Caller.ofObject("NOTING/b", Optional.of(alice)));
    }
  }

  @Test
  void theOwnerKnowsWhichMethodsMayBeCalled() throws Exception {
    Node edge = start();
    rights.change(Access.methods(Set.of("Get")));
    for (String object : new String[] {"a", "c"}) {
      try (DurableObjectStub stub = namespace(edge, "alice").getByName(object)) {
        assertThat(get(stub)).isEqualTo("OK");
        assertThat(
                call(stub, CounterGrpc.getIncrementMethod(), IncrementRequest.getDefaultInstance()))
            .isEqualTo("PERMISSION_DENIED");
      }
    }
  }

  @Test
  void rightsThatGoEndTheStubsAtTheOwner() throws Exception {
    Node edge = start();
    for (String object : new String[] {"a", "c"}) {
      rights.change(Access.all());
      // Held until it has broken, as one that nobody holds ends by itself.
      try (DurableObjectStub stub = namespace(edge, "alice").getByName(object)) {
        CompletableFuture<FailureCause> broken = new CompletableFuture<>();
        stub.onBreak(broken::complete);
        assertThat(get(stub)).isEqualTo("OK");

        rights.change(Access.denied());

        FailureCause cause = broken.get(60, TimeUnit.SECONDS);
        assertThat(cause.reason()).isEqualTo("CREDENTIALS_EXPIRED");
        assertThat(cause.retryable()).isTrue();
      }
    }
  }

  @Test
  void theEdgeBoundsTheStubsOfACallerWhereverTheirObjectsAre() throws Exception {
    Node edge =
        start(
            builder -> {
              asking(builder);
              builder.limits(HostLimits.builder().maxStubsPerCaller(2).build());
            });
    DurableObjectStub here = namespace(edge, "alice").getByName("c");
    assertThat(get(here)).isEqualTo("OK");
    try (DurableObjectStub there = namespace(edge, "alice").getByName("a")) {
      assertThat(get(there)).isEqualTo("OK");
      for (String object : new String[] {"a", "c"}) {
        assertThat(once(edge, "alice", object)).isEqualTo("OVERLOADED");
        assertThat(once(edge, "bob", object)).isEqualTo("OK");
      }
      assertThat(get(there)).isEqualTo("OK");
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!once(edge, "alice", "a").equals("OK")) {
      if (System.nanoTime() > end) {
        throw new AssertionError("never came: room for a stub of alice's");
      }
    }
    assertThat(get(here)).isEqualTo("OK");
    here.close();
  }

  private static String once(Node edge, String token, String object) throws Exception {
    try (DurableObjectStub stub = namespace(edge, token).getByName(object)) {
      return get(stub);
    }
  }

  @Test
  void keysBelongToTheirCallersAtTheOwnerToo() throws Exception {
    Node edge = start();
    Metadata key = new Metadata();
    key.put(DurableObjectStub.IDEMPOTENCY_KEY, "k");
    for (String token : new String[] {"alice", "bob", "alice"}) {
      try (DurableObjectStub stub = namespace(edge, token).getByName("a")) {
        var _ =
            CounterGrpc.newBlockingStub(
                    ClientInterceptors.intercept(
                        stub.channel(), MetadataUtils.newAttachHeadersInterceptor(key)))
                .get(GetRequest.getDefaultInstance());
      }
    }
    assertThat(nextSeen().name()).isEqualTo("alice");
    assertThat(nextSeen().name()).isEqualTo("bob");
    assertThat(seen).isEmpty(); // The third one was told what the first one had been.
  }
}
