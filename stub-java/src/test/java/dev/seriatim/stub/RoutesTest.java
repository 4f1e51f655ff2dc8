package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.rpc.Code;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A client of an edge, and the owner that it is told of. */
final class RoutesTest {
  private static final int BITS = 4;

  private final List<ManagedChannel> made = Collections.synchronizedList(new ArrayList<>());
  private FakeHost edge;
  private FakeHost owner;
  private DurableObjects client;
  private DurableObjectNamespace namespace;

  @BeforeEach
  void start() throws Exception {
    edge = new FakeHost();
    owner = new FakeHost();
    client = edge.client(options().build());
    namespace = client.namespace("ECHO", FakeHost.UNIQUE_KEY);
  }

  @AfterEach
  void stop() {
    client.close();
    made.forEach(ManagedChannel::shutdownNow);
    edge.close();
    owner.close();
  }

  private ClientOptions.Builder options() {
    return ClientOptions.builder()
        .openTimeout(Duration.ofMinutes(1))
        .followRoutes(true)
        .routeChannels(
            address -> {
              ManagedChannel channel = InProcessChannelBuilder.forName(address).build();
              made.add(channel);
              return channel;
            });
  }

  /** Another name whose id begins like that of "foo", or not so. */
  private static String name(boolean alike) {
    char digit = FakeHost.IDS.fromName("foo").toString().charAt(0);
    for (int i = 0; ; i++) {
      if ((FakeHost.IDS.fromName("bar" + i).toString().charAt(0) == digit) == alike) {
        return "bar" + i;
      }
    }
  }

  private static ListenableFuture<EchoMessage> call(DurableObjectStub stub) {
    return EchoGrpc.newFutureStub(stub.channel()).echo(EchoMessage.getDefaultInstance());
  }

  /** The next stub that is opened there, whose first invocation has come. */
  private static FakeHost.Stub accept(FakeHost at) throws Exception {
    FakeHost.Stub accepted = at.accept();
    assertThat(accepted.invocation().getSequence()).isEqualTo(1);
    return accepted;
  }

  /** Opens a stub on this object, answered there, and closes it. */
  private static void use(DurableObjectNamespace namespace, String name, FakeHost at)
      throws Exception {
    DurableObjectStub stub = namespace.getByName(name);
    ListenableFuture<EchoMessage> call = call(stub);
    FakeHost.Stub accepted = accept(at).opened(name).answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
    stub.close();
    assertThat(accepted.end()).isEqualTo("half-closed");
    accepted.end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
  }

  /** Has the edge say where "foo" is. */
  private DurableObjectStub learn(DurableObjectNamespace in) throws Exception {
    DurableObjectStub stub = in.getByName("foo");
    ListenableFuture<EchoMessage> call = call(stub);
    accept(edge).opened("foo", owner, BITS).answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
    return stub;
  }

  private void assertShutdown(int channels) throws InterruptedException {
    assertThat(made).hasSize(channels);
    for (ManagedChannel channel : made) {
      assertThat(channel.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void laterStubsAreOpenedAtTheOwnerOfTheirObjects() throws Exception {
    learn(namespace);

    use(namespace, "foo", owner);
    use(namespace, name(true), owner);
    use(namespace, name(false), edge);
    assertThat(made).hasSize(1);
  }

  @Test
  void eachConnectionOfAResumableStubAsksAnew() throws Exception {
    learn(namespace);

    DurableObjectStub stub = namespace.resumable().getByName("foo");
    ListenableFuture<EchoMessage> call = call(stub);
    accept(owner).opened("foo", 0).end(Status.UNAVAILABLE);
    FakeHost.Stub second = edge.accept(); // The route is forgotten.
    assertThat(second.frame().getOpen().getSession().getConnection()).isEqualTo(2);
    second.opened("foo", 1).answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
    learn(namespace);
    ListenableFuture<EchoMessage> another = call(stub);
    second.framesThrough(2);
    second.end(Status.INTERNAL);
    FakeHost.Stub third = owner.accept();
    assertThat(third.frame().getOpen().getSession().getConnection()).isEqualTo(3);
    third.opened("foo", 2).answer(2, 2);
    assertThat(get(another)).isEqualTo(number(2));
    third.end(Status.UNAVAILABLE); // Of a stub that has nothing to do.
    stub.close();
    assertThat(stub.awaitEnd(Duration.ofSeconds(30))).isTrue();
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void withoutTheOptionNothingIsFollowed() throws Exception {
    try (DurableObjects other = edge.client()) {
      DurableObjectNamespace plain = other.namespace("ECHO", FakeHost.UNIQUE_KEY);
      learn(plain);
      use(plain, "foo", edge);
    }
    DurableObjects scope = client.scope(OnLanes.defaults());
    learn(namespace);
    use(scope.namespace("ECHO"), "foo", edge);
    scope.close();
  }

  @Test
  void withoutTheKeyOnlyTheSameNameIsFollowed() throws Exception {
    DurableObjectNamespace unknown = client.namespace("ECHO");
    learn(unknown);

    use(unknown, name(true), edge);
    learn(unknown); // The other name is at the edge, and so they all are for what the client knows.
    use(unknown, "foo", owner);
    assertThat(edge.descriptions.get()).isEqualTo(0);

    DurableObjectId id = unknown.idFromName(name(true)); // The key is known from here on.
    DurableObjectStub stub = unknown.get(id);
    ListenableFuture<EchoMessage> call = call(stub);
    accept(owner).opened(name(true)).answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
  }

  @Test
  void anOwnerThatIsGoneIsForgottenBeforeTheCallerHears() throws Exception {
    learn(namespace);
    owner.close();

    assertThat(failureOf(call(namespace.getByName("foo"))).fate()).isEqualTo(Fate.NOT_EXECUTED);
    use(namespace, "foo", edge);
    assertShutdown(1);
  }

  @Test
  void anOwnerThatIsLostOrDrainsIsForgotten() throws Exception {
    learn(namespace);
    DurableObjectStub stub = namespace.getByName("foo");
    ListenableFuture<EchoMessage> call = call(stub);
    accept(owner).opened("foo").end(Status.UNAVAILABLE);
    assertThat(failureOf(call).fate()).isEqualTo(Fate.UNKNOWN);
    learn(namespace);

    call = call(namespace.getByName("foo"));
    accept(owner).opened("foo").breakWith(FakeHost.broken(Code.UNAVAILABLE, "OBJECT_MOVED", 0));
    assertThat(failureOf(call).fate()).isEqualTo(Fate.NOT_EXECUTED);
    use(namespace, "foo", edge);
    assertShutdown(2);
  }

  @Test
  void aFailureOfTheObjectSaysNothingAboutItsHost() throws Exception {
    learn(namespace);
    DurableObjectStub stub = namespace.getByName("foo");
    ListenableFuture<EchoMessage> call = call(stub);
    accept(owner).opened("foo").breakWith(FakeHost.broken(Code.INTERNAL, "OBJECT_EXCEPTION", 0));
    assertThat(failureOf(call).reason()).isEqualTo(Reasons.OBJECT_EXCEPTION);

    use(namespace, "foo", owner);
  }

  @Test
  void theOwnerMaySayThatTheObjectHasGoneOn() throws Exception {
    learn(namespace);
    try (FakeHost next = new FakeHost()) {
      ListenableFuture<EchoMessage> call = call(namespace.getByName("foo"));
      accept(owner).opened("foo", next, BITS).answer(1, 1);
      get(call);

      use(namespace, "foo", next);
    }
  }

  @Test
  void aChannelStaysAsLongAsAStubIsOnIt() throws Exception {
    learn(namespace);
    DurableObjectStub stays = namespace.getByName("foo");
    ListenableFuture<EchoMessage> call = call(stays);
    FakeHost.Stub accepted = accept(owner).opened("foo").answer(1, 1);
    get(call);
    ListenableFuture<EchoMessage> moved = call(namespace.getByName(name(true)));
    accept(owner)
        .opened(name(true))
        .breakWith(FakeHost.broken(Code.UNAVAILABLE, "OBJECT_MOVED", 0));
    failureOf(moved);
    use(namespace, "foo", edge);

    ListenableFuture<EchoMessage> second = call(stays);
    accepted.answer(2, 2);
    assertThat(get(second)).isEqualTo(number(2));
    stays.close();
    accepted.end(Status.OK);
    assertShutdown(1);
  }

  @Test
  void theChannelsEndWithTheClient() throws Exception {
    learn(namespace).close();
    use(namespace, "foo", owner);
    assertThat(made.get(0).isShutdown()).isFalse();

    client.close();
    assertShutdown(1);
  }

  @Test
  void aRouteWithoutAChannelIsForgotten() throws Exception {
    ClientOptions options =
        options()
            .routeChannels(
                address -> {
                  throw new IllegalStateException("no way to " + address);
                })
            .build();
    try (DurableObjects other = edge.client(options)) {
      DurableObjectNamespace unreachable = other.namespace("ECHO", FakeHost.UNIQUE_KEY);
      learn(unreachable);
      CallFailure failure = failureOf(call(unreachable.getByName("foo")));
      assertThat(failure.reason()).isEqualTo(Reasons.CLIENT_FAULT);
      assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
      use(unreachable, "foo", edge);
    }
  }

  @Test
  void eachAddressHasSharedCallsOfItsOwn() throws Exception {
    ClientOptions shared = options().sharedCalls(1).build();
    try (DurableObjects other = DurableObjects.on(edge.channel(), shared)) {
      DurableObjectNamespace lanes = other.namespace("ECHO", FakeHost.UNIQUE_KEY);
      DurableObjectStub atEdge = learn(lanes);
      edge.acceptShared();
      List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
      for (String name : List.of("foo", name(true))) {
        calls.add(call(lanes.getByName(name)));
        accept(owner).opened(name).answer(1, 1);
      }
      for (ListenableFuture<EchoMessage> call : calls) {
        get(call);
      }
      owner.acceptShared();
      assertThat(owner.hasShared()).isFalse();
      assertThat(other.attachedLanes()).isEqualTo(3);
      assertThat(atEdge.isBroken()).isFalse();
    }
  }

  @Test
  void aGivenChannelNeedsAWayToMakeOthers() {
    ClientOptions options = ClientOptions.builder().followRoutes(true).build();

    assertThat(
            assertThrows(
                    IllegalArgumentException.class,
                    () -> DurableObjects.on(edge.channel(), options))
                .getMessage())
        .isEqualTo("followRoutes on a channel that was given, expected routeChannels with it");
  }
}
