package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.ListNamespacesRequest;
import io.grpc.BindableService;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.StreamObserver;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may call what, over every way that carries calls. */
final class CallersTest {
  /** Everyone has the object of his own name; and from everyone's, "Do" alone may be called. */
  private static Access ownObjects(
      Caller caller, String namespace, Optional<String> name, Object id) {
    if (name.equals(Optional.of("everyones"))) {
      return Access.methods(Set.of("Do"));
    }
    return name.equals(Optional.of(caller.name())) ? Access.all() : Access.denied();
  }

  private static DurableObjectHost.Builder asking() {
    return CallerHost.probes(Probe::echo).authenticator(CallerHost::byName);
  }

  @ParameterizedTest
  @EnumSource
  void whoeverIsKnownMayCallAndNobodyElse(Way way) throws Exception {
    try (CallerHost host = CallerHost.overNetwork(asking());
        CallerHost local = CallerHost.inProcess(asking())) {
      for (CallerHost each : new CallerHost[] {host, local}) {
        String[][] cells = {
          {"alice", "hello"},
          {"alice", "hello"}, // From what is remembered.
          {null, "UNAUTHENTICATED"},
          {"stranger", "UNAUTHENTICATED"},
          {"forged", "UNAUTHENTICATED"},
          {"poison", "UNAUTHENTICATED"},
          {"old", "CREDENTIALS_EXPIRED"},
        };
        for (String[] cell : cells) {
          for (String object : new String[] {"a", CallerHost.idOf("a")}) {
            assertWithMessage("%s with token %s on %s", way, cell[0], object)
                .that(each.call(cell[0], way, object, "hello"))
                .isEqualTo(cell[1]);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void whoMayWhatIsTheAuthorizersToSay(Way way) throws Exception {
    try (CallerHost host = CallerHost.overNetwork(asking().authorizer(CallersTest::ownObjects))) {
      assertThat(host.call("alice", way, "alice", "hello")).isEqualTo("hello");
      assertThat(host.call("alice", way, "bob", "hello")).isEqualTo("PERMISSION_DENIED");
      // Whoever knows a name knows its id.
      assertThat(host.call("alice", way, CallerHost.idOf("bob"), "hello"))
          .isEqualTo("PERMISSION_DENIED");
      assertThat(host.call("alice", way, CallerHost.idOf("alice"), "hello"))
          .isEqualTo("PERMISSION_DENIED"); // As this authorizer has it.
      assertThat(host.call("alice", way, "everyones", "hello")).isEqualTo("hello");
      assertThat(host.call("alice", way, ProbeGrpc.getDoOtherMethod(), "everyones", "hello"))
          .isEqualTo("PERMISSION_DENIED");
      assertThat(host.call(null, way, "everyones", "hello")).isEqualTo("UNAUTHENTICATED");
    }
  }

  @Test
  void anAuthorizerAloneIsAskedAboutAnonymousCallers() throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo).authorizer(CallersTest::ownObjects))) {
      for (Way way : Way.values()) {
        assertThat(host.call(null, way, "everyones", "hello")).isEqualTo("hello");
        assertThat(host.call(null, way, "alice", "hello")).isEqualTo("PERMISSION_DENIED");
        assertThat(host.call(null, way, ProbeGrpc.getDoOtherMethod(), "everyones", "hello"))
            .isEqualTo("PERMISSION_DENIED");
      }
    }
  }

  @Test
  void anAuthorizerThatThrowsRefuses() throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            asking()
                .authorizer(
                    (caller, namespace, name, id) -> {
                      throw new IllegalStateException("a secret");
                    }))) {
      for (Way way : Way.values()) {
        assertThat(host.call("alice", way, "alice", "hello")).isEqualTo("PERMISSION_DENIED");
      }
    }
  }

  @Test
  void aMethodThatMayNotBeCalledBreaksTheStubInItsPlace() throws Exception {
    try (CallerHost host = CallerHost.overNetwork(asking().authorizer(CallersTest::ownObjects))) {
      TestStub stub =
          new TestStub(host.as("alice"), TestHost.byName("everyones"), Integer.MAX_VALUE);
      stub.callBehind("before", "forbidden", call -> call.setMethod("DoOther")).call("behind");
      Broken broken = stub.broken("PERMISSION_DENIED");
      assertThat(stub.outcome(1).getText()).isEqualTo("before");
      assertThat(broken.getCompletedThrough()).isEqualTo(1);
      assertThat(broken.getFailedSequence()).isEqualTo(2);
      assertThat(broken.getRetryable()).isFalse();
      assertThat(broken.getCause().getMessage())
          .isEqualTo("the caller 'alice' may not call DoOther of namespace PROBE");
    }
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo).authorizer(CallersTest::ownObjects))) {
      TestStub stub = new TestStub(host.as(null), TestHost.byName("everyones"), Integer.MAX_VALUE);
      stub.call("forbidden", call -> call.setMethod("DoOther"));
      assertThat(stub.broken("PERMISSION_DENIED").getCause().getMessage())
          .isEqualTo("a caller who isn't known may not call DoOther of namespace PROBE");
    }
  }

  @Test
  void aRefusalComesInPlaceOfOpened() throws Exception {
    try (CallerHost host = CallerHost.overNetwork(asking().authorizer(CallersTest::ownObjects))) {
      TestStub nobody = new TestStub(host.as(null), TestHost.byName("a"), Integer.MAX_VALUE);
      assertThat(nobody.broken("UNAUTHENTICATED").getRetryable()).isFalse();
      assertThat(nobody.isOpened()).isFalse();
      TestStub other = new TestStub(host.as("bob"), TestHost.byName("alice"), Integer.MAX_VALUE);
      assertThat(other.broken("PERMISSION_DENIED").getRetryable()).isFalse();
      assertThat(other.isOpened()).isFalse();
      TestStub old = new TestStub(host.as("old"), TestHost.byName("a"), Integer.MAX_VALUE);
      assertThat(old.broken("CREDENTIALS_EXPIRED").getRetryable()).isTrue();
    }
  }

  @Test
  void nobodyLearnsAnythingBeforeHeIsKnown() throws Exception {
    try (CallerHost host = CallerHost.overNetwork(asking())) {
      assertThat(host.call(null, Way.HEADER, "id:00", "hello")).isEqualTo("UNAUTHENTICATED");
      assertThat(host.call("alice", Way.HEADER, "id:00", "hello")).isEqualTo("INVALID_ID");
      TestStub stub =
          new TestStub(
              host.as(null),
              TestHost.byName("a").toBuilder().setNamespace("NONE").build(),
              Integer.MAX_VALUE);
      stub.broken("UNAUTHENTICATED");
    }
  }

  @Test
  void namespacesAreToldToKnownCallers() throws Exception {
    try (CallerHost host = CallerHost.overNetwork(asking())) {
      var nobody = DurableObjectsGrpc.newBlockingStub(host.as(null));
      StatusRuntimeException refused =
          assertThrows(
              StatusRuntimeException.class,
              () -> nobody.listNamespaces(ListNamespacesRequest.getDefaultInstance()));
      assertThat(CallerHost.reason(refused)).isEqualTo("UNAUTHENTICATED");
      refused =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  nobody.describeNamespace(
                      DescribeNamespaceRequest.newBuilder().setName(TestHost.PROBE).build()));
      assertThat(CallerHost.reason(refused)).isEqualTo("UNAUTHENTICATED");
      assertThat(
              DurableObjectsGrpc.newBlockingStub(host.as("alice"))
                  .listNamespaces(ListNamespacesRequest.getDefaultInstance())
                  .getNamesList())
          .containsExactly(TestHost.PROBE);
    }
  }

  @Test
  void healthIsForEveryoneAndOtherServicesForKnownCallers() throws Exception {
    HealthStatusManager health = new HealthStatusManager();
    BindableService reflection = ProtoReflectionServiceV1.newInstance();
    try (CallerHost host =
        CallerHost.overNetwork(asking().service(health.getHealthService()).service(reflection))) {
      var _ =
          HealthGrpc.newBlockingStub(host.as(null)).check(HealthCheckRequest.getDefaultInstance());
      assertThat(reflect(host, null)).isEqualTo(Status.Code.UNAUTHENTICATED);
      assertThat(reflect(host, "alice")).isEqualTo(Status.Code.OK);
    }
  }

  private static Status.Code reflect(CallerHost host, @Nullable String token) throws Exception {
    CompletableFuture<Status.Code> end = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> call =
        ServerReflectionGrpc.newStub(host.as(token))
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {}

                  @Override
                  public void onError(Throwable t) {
                    end.complete(Status.fromThrowable(t).getCode());
                  }

                  @Override
                  public void onCompleted() {
                    end.complete(Status.Code.OK);
                  }
                });
    call.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    call.onCompleted();
    return end.get(30, TimeUnit.SECONDS);
  }

  @Test
  void aTokenIsVerifiedOnce() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    Authenticator counting =
        credentials -> {
          asked.incrementAndGet();
          return CallerHost.byName(credentials);
        };
    try (CallerHost host =
        CallerHost.overNetwork(CallerHost.probes(Probe::echo).authenticator(counting))) {
      for (int i = 0; i < 5; i++) {
        for (Way way : Way.values()) {
          assertThat(host.call("alice", way, "a", "hello")).isEqualTo("hello");
        }
      }
      assertThat(asked.get()).isEqualTo(1);
      // What doesn't count isn't remembered.
      assertThat(host.call("forged", Way.CONNECT, "a", "hello")).isEqualTo("UNAUTHENTICATED");
      assertThat(host.call("forged", Way.CONNECT, "a", "hello")).isEqualTo("UNAUTHENTICATED");
      assertThat(asked.get()).isEqualTo(3);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anAuthenticatorThatBlocksHoldsNobodyElseUp(Way way) throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Authenticator blocking =
        credentials -> {
          Optional<Authenticator.Verified> verified = CallerHost.byName(credentials);
          if (verified.isPresent() && verified.get().caller().name().equals("slow")) {
            asked.countDown();
            if (!await(goOn)) {
              throw new IllegalStateException("never came: the end of the wait");
            }
          }
          return verified;
        };
    try (CallerHost host =
            CallerHost.overNetwork(CallerHost.probes(Probe::echo).authenticator(blocking));
        var slow = host.stub("slow", Way.CONNECT, "slow")) {
      var answer = slow.call(ProbeGrpc.getDoMethod(), Probe.words("at last"));
      assertWithMessage("came: the question").that(await(asked)).isTrue();
      // On the same connection, and so the same thread of the transport.
      assertThat(host.call("alice", way, "a", "hello")).isEqualTo("hello");
      goOn.countDown();
      assertThat(answer.get(30, TimeUnit.SECONDS).getText()).isEqualTo("at last");
    }
  }

  @Test
  void aClientMayGoWhileItIsBeingVerified() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch left = new CountDownLatch(1);
    Authenticator slow =
        credentials -> {
          Optional<Authenticator.Verified> verified = CallerHost.byName(credentials);
          if (verified.isPresent() && verified.get().caller().name().equals("slow")) {
            asked.countDown();
            if (!await(goOn)) {
              throw new IllegalStateException("never came: the end of the wait");
            }
            left.countDown();
          }
          return verified;
        };
    AtomicInteger turns = new AtomicInteger();
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(
                    (probe, request, reply) -> {
                      turns.incrementAndGet();
                      Probe.echo(probe, request, reply);
                    })
                .authenticator(slow))) {
      assertThat(host.call("alice", Way.HEADER, "a", "hello")).isEqualTo("hello");
      TestStub gone = new TestStub(host.as("slow"), TestHost.byName("a"), Integer.MAX_VALUE);
      gone.call("never");
      assertWithMessage("came: the question").that(await(asked)).isTrue();
      gone.cancel();
      assertThat(gone.lost().getCode()).isEqualTo(Status.Code.CANCELLED);
      // On the same connection: when this is answered, the host knows that the client has gone.
      assertThat(host.call("alice", Way.HEADER, "a", "hello")).isEqualTo("hello");
      goOn.countDown();
      assertWithMessage("came: the answer").that(await(left)).isTrue();
      assertThat(host.call("alice", Way.HEADER, "a", "hello")).isEqualTo("hello");
      assertThat(turns.get()).isEqualTo(3);
    }
  }

  /** Holds everyone up until the latch opens. */
  private static Authenticator holding(CountDownLatch asked, CountDownLatch goOn) {
    return credentials -> {
      asked.countDown();
      if (!await(goOn)) {
        throw new IllegalStateException("never came: the end of the wait");
      }
      return CallerHost.byName(credentials);
    };
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatIsSentMeanwhileComesInItsOrder(boolean overNetwork) throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    DurableObjectHost.Builder builder =
        CallerHost.probes(Probe::echo).authenticator(holding(asked, goOn));
    try (CallerHost host =
        overNetwork ? CallerHost.overNetwork(builder) : CallerHost.inProcess(builder)) {
      TestStub stub = new TestStub(host.as("alice"), TestHost.byName("a"), Integer.MAX_VALUE);
      for (int i = 1; i <= 200; i++) {
        stub.call("call " + i);
      }
      stub.halfClose();
      assertWithMessage("came: the question").that(await(asked)).isTrue();
      assertThat(stub.isOpened()).isFalse();
      goOn.countDown();
      for (int i = 1; i <= 200; i++) {
        assertThat(stub.outcome(i).getText()).isEqualTo("call " + i);
      }
      stub.closed();
    }
  }

  @Test
  void whatIsTooMuchMeanwhileBreaksTheStubBehindWhatCameBefore() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Authenticator holding = holding(asked, goOn);
    Authenticator holdingSome =
        credentials ->
            "Bearer slow".equals(credentials.headers().get(CallerHost.AUTHORIZATION))
                ? holding.authenticate(credentials)
                : CallerHost.byName(credentials);
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo)
                .limits(HostLimits.builder().maxFrameBytes(10_000).build())
                .authenticator(holdingSome))) {
      assertThat(host.call("alice", Way.HEADER, "a", "hello")).isEqualTo("hello");
      TestStub stub = new TestStub(host.as("slow"), TestHost.byName("a"), Integer.MAX_VALUE);
      stub.call("before").call(1, Probe.filling(20_000));
      assertWithMessage("came: the question").that(await(asked)).isTrue();
      // On the same connection: when this is answered, all of that has come.
      assertThat(host.call("alice", Way.HEADER, "a", "hello")).isEqualTo("hello");
      goOn.countDown();
      Broken broken = stub.broken("OVERLOADED");
      assertThat(broken.getCompletedThrough()).isEqualTo(1);
    }
  }

  @Test
  void noMoreCallsThanMayBeOpenAreVerifiedAtATime() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo)
                .limits(
                    HostLimits.builder()
                        .maxStubs(1)
                        .connections(ConnectionLimits.defaults().withMaxStubsPerConnection(10))
                        .build())
                .authenticator(holding(asked, goOn)))) {
      TestStub one = new TestStub(host.as("alice"), TestHost.byName("a"), Integer.MAX_VALUE);
      assertWithMessage("came: the question").that(await(asked)).isTrue();
      assertThat(host.call("bob", Way.HEADER, "a", "hello")).isEqualTo("OVERLOADED");
      goOn.countDown();
      assertThat(one.ask("hello")).isEqualTo("hello");
    }
  }

  private static boolean await(CountDownLatch latch) {
    try {
      return latch.await(30, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
