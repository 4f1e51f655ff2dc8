package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.v1.Broken;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** How many stubs, and how many connections, one caller may have. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class CallerLimitsTest {
  private final List<ManagedChannel> channels = new ArrayList<>();

  @AfterEach
  void close() {
    channels.forEach(ManagedChannel::shutdownNow);
  }

  private static CallerHost start(HostLimits limits, Probe.Method method, boolean overNetwork)
      throws Exception {
    DurableObjectHost.Builder probes =
        CallerHost.probes(method).authenticator(CallerHost::byName).limits(limits);
    return overNetwork ? CallerHost.overNetwork(probes) : CallerHost.inProcess(probes);
  }

  private static HostLimits stubs(int most) {
    return HostLimits.builder().maxStubsPerCaller(most).build();
  }

  private static HostLimits connections(int most) {
    return HostLimits.builder()
        .connections(ConnectionLimits.defaults().withMaxConnectionsPerCaller(most))
        .build();
  }

  private static Channel as(ManagedChannel channel, String name) {
    Metadata headers = new Metadata();
    headers.put(CallerHost.AUTHORIZATION, "Bearer " + name);
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** Another connection to the host, once something is called there. */
  private ManagedChannel connection(CallerHost host) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", host.host().port()).usePlaintext().build();
    channels.add(channel);
    return channel;
  }

  private static TestStub open(Channel channel, String object) {
    return new TestStub(channel, TestHost.byName(object), Integer.MAX_VALUE);
  }

  private static void assertRoom(CallerHost host, String caller, Way way, String object) {
    Wait.until(
        () -> host.call(caller, way, object, "hello").equals("hello"),
        "room for a stub of " + caller);
  }

  // ---- stubs

  @ParameterizedTest
  @EnumSource
  void oneStubTooManyIsRefusedAndOthersHaveTheirOwn(Way way) throws Exception {
    for (boolean overNetwork : new boolean[] {true, false}) {
      try (CallerHost host = start(stubs(2), Probe::echo, overNetwork)) {
        TestStub one = open(host.as("alice"), "a");
        LanesByHand lanes = new LanesByHand(host.as("alice"));
        lanes.open(1, "b");
        assertThat(one.ask("hello")).isEqualTo("hello");
        assertThat(lanes.answer(1)).isEqualTo("hello");

        assertThat(host.call("alice", way, "c", "hello")).isEqualTo("OVERLOADED");
        assertThat(host.call("bob", way, "c", "hello")).isEqualTo("hello");
        assertThat(one.ask("again")).isEqualTo("again");
        one.halfClose();
        one.closed();
        assertRoom(host, "alice", way, "c");
      }
    }
  }

  @Test
  void theRefusalSaysWhoHasHowMany() throws Exception {
    try (CallerHost host = start(stubs(1), Probe::echo, true)) {
      TestStub one = open(host.as("alice"), "a");
      assertThat(one.ask("hello")).isEqualTo("hello");
      TestStub second = open(host.as("alice"), "a");
      Broken broken = second.broken("OVERLOADED");
      assertThat(second.isOpened()).isFalse();
      assertThat(broken.getCause().getMessage())
          .isEqualTo("the caller 'alice' may have 1 stubs open at a time, and has them");
    }
  }

  @Test
  void aLaneTooManyIsRefusedInItsPlace() throws Exception {
    try (CallerHost host = start(stubs(2), Probe::echo, true)) {
      LanesByHand lanes = new LanesByHand(host.as("alice"));
      for (int lane = 1; lane <= 3; lane++) {
        lanes.open(lane, "a" + lane);
      }
      assertThat(lanes.answer(1)).isEqualTo("hello");
      assertThat(lanes.answer(2)).isEqualTo("hello");
      assertThat(lanes.broken(3)).isEqualTo("OVERLOADED");
    }
  }

  @Test
  void callsWithAHeaderCountAsLongAsTheyTake() throws Exception {
    CallerHost.Held turns = new CallerHost.Held(2);
    try (CallerHost host = start(stubs(2), turns, true);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> held = new ArrayList<>();
      for (String object : new String[] {"a", "b"}) {
        held.add(threads.submit(() -> host.call("alice", Way.HEADER, object, "hold")));
      }
      turns.awaitRunning();
      for (Way way : Way.values()) {
        assertThat(host.call("alice", way, "c", "hello")).isEqualTo("OVERLOADED");
        assertThat(host.call("bob", way, "c", "hello")).isEqualTo("hello");
      }
      turns.goOn();
      for (Future<String> call : held) {
        assertThat(call.get(30, TimeUnit.SECONDS)).isEqualTo("hold");
      }
      assertRoom(host, "alice", Way.HEADER, "c");
    }
  }

  /** How a stub may end. */
  private static Stream<Arguments> ends() {
    return Stream.of(
        Arguments.of("half-close", (Consumer<TestStub>) TestStub::halfClose),
        Arguments.of("cancel", (Consumer<TestStub>) TestStub::cancel),
        Arguments.of("an exception", (Consumer<TestStub>) stub -> stub.call("fail")),
        Arguments.of(
            "a protocol violation",
            (Consumer<TestStub>) stub -> stub.call("gap", call -> call.setSequence(7))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ends")
  void howeverAStubEndsItMakesRoom(String how, Consumer<TestStub> end) throws Exception {
    Probe.Method failing =
        (probe, request, reply) -> {
          if (request.getText().equals("fail")) {
            throw new IllegalStateException("as told");
          }
          Probe.echo(probe, request, reply);
        };
    try (CallerHost host = start(stubs(1), failing, true)) {
      for (int i = 0; i < 3; i++) {
        TestStub stub = open(host.as("alice"), "a");
        assertWithMessage("after %s", how).that(stub.ask("hello")).isEqualTo("hello");
        assertThat(host.call("alice", Way.CONNECT, "b", "hello")).isEqualTo("OVERLOADED");
        end.accept(stub);
        assertRoom(host, "alice", Way.MANY, "b");
        awaitNone(host, "stub_calls");
      }
    }
  }

  private static long used(CallerHost host, String amount) {
    return host.host().statistics().amounts().stream()
        .filter(each -> each.name().equals(amount))
        .findFirst()
        .orElseThrow()
        .used();
  }

  private static void awaitNone(CallerHost host, String amount) {
    Wait.until(() -> used(host, amount) == 0, "the end of all " + amount);
  }

  @Test
  void aLostConnectionMakesRoomForAllItsStubs() throws Exception {
    try (CallerHost host = start(stubs(3), Probe::echo, true)) {
      for (int i = 0; i < 3; i++) {
        ManagedChannel connection = connection(host);
        LanesByHand lanes = new LanesByHand(as(connection, "alice"));
        lanes.open(1, "a");
        lanes.open(2, "b");
        assertThat(lanes.answer(2)).isEqualTo("hello");
        assertThat(open(as(connection, "alice"), "c").ask("hello")).isEqualTo("hello");
        assertThat(host.call("alice", Way.CONNECT, "d", "hello")).isEqualTo("OVERLOADED");
        connection.shutdownNow();
        assertRoom(host, "alice", Way.CONNECT, "d");
        awaitNone(host, "stub_calls");
      }
    }
  }

  @Test
  void whatIsRefusedForSomethingElseCountsNoLonger() throws Exception {
    DurableObjectHost.Builder probes =
        CallerHost.probes(Probe::echo)
            .authenticator(CallerHost::byName)
            .authorizer(
                (caller, namespace, name, id) ->
                    name.equals(Optional.of("a")) ? Access.all() : Access.denied())
            .limits(stubs(1));
    try (CallerHost host = CallerHost.overNetwork(probes)) {
      for (Way way : Way.values()) {
        for (int i = 0; i < 3; i++) {
          Wait.until(
              () -> host.call("alice", way, "b", "hello").equals("PERMISSION_DENIED"),
              "a refusal of the authorizer's");
        }
        assertRoom(host, "alice", way, "a");
      }
      awaitNone(host, "stub_calls");
    }
  }

  @Test
  void aSessionThatIsTakenUpAgainCountsOnce() throws Exception {
    try (CallerHost host = start(stubs(2), Probe::echo, true)) {
      SessionStub one = SessionStub.open(host.as("alice"), "a", "one", 1, 0, null);
      assertThat(one.call(1, "hello").outcome(1)).isEqualTo("hello");
      for (int connection = 2; connection < 6; connection++) {
        // The older connection ends when the newer one is there; for a moment there are two.
        int number = connection;
        SessionStub next = SessionStub.open(host.as("alice"), "a", "one", number, 0, null);
        assertThat(next.opened().getCompletedThrough()).isEqualTo(number - 1);
        var _ = one.end();
        assertThat(next.call(number, "hello").outcome(number)).isEqualTo("hello");
        Wait.until(() -> used(host, "stub_calls") == 1, "the end of the older connection");
        one = next;
      }
      assertRoom(host, "alice", Way.CONNECT, "b");
    }
  }

  @Test
  void aResumableStubGoesOnWhenItsConnectionIsCut() throws Exception {
    try (CallerHost host = start(stubs(1), Probe::echo, true)) {
      DurableObjectStub stub = host.namespace("alice", Way.CONNECT).resumable().getByName("a");
      for (int i = 0; i < 3; i++) {
        assertThat(CallerHost.call(stub, "hello " + i)).isEqualTo("hello " + i);
        assertThat(host.call("alice", Way.HEADER, "b", "hello")).isEqualTo("OVERLOADED");
        InternalDurableObjectHost.cutConnections(host.host(), null);
        awaitNone(host, "stub_calls"); // It counts until the host has missed it.
      }
      assertThat(CallerHost.call(stub, "hello")).isEqualTo("hello");
      stub.close();
      assertRoom(host, "alice", Way.HEADER, "b");
    }
  }

  @Test
  void whoIsNobodyHasNoBoundOfHisOwn() throws Exception {
    DurableObjectHost.Builder probes =
        CallerHost.probes(Probe::echo)
            .limits(
                HostLimits.builder()
                    .maxStubsPerCaller(1)
                    .connections(ConnectionLimits.defaults().withMaxConnectionsPerCaller(1))
                    .build());
    try (CallerHost host = CallerHost.overNetwork(probes)) {
      for (int i = 0; i < 3; i++) {
        assertThat(open(connection(host), "a").ask("hello")).isEqualTo("hello");
      }
    }
  }

  @Test
  void whoComesAndGoesAtTheSameTimeIsCountedRightly() throws Exception {
    try (CallerHost host = start(stubs(4), Probe::echo, true);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        String caller = i % 2 == 0 ? "alice" : "bob";
        Way way = List.of(Way.values()).get(i % 3);
        all.add(
            threads.submit(
                () -> {
                  for (int call = 0; call < 20; call++) {
                    assertThat(host.call(caller, way, "a", "hello")).isAnyOf("hello", "OVERLOADED");
                  }
                }));
      }
      for (Future<?> each : all) {
        var _ = each.get(60, TimeUnit.SECONDS);
      }
      awaitNone(host, "stub_calls");
      for (String caller : new String[] {"alice", "bob"}) {
        for (int i = 0; i < 4; i++) {
          assertThat(open(host.as(caller), "a").ask("hello")).isEqualTo("hello");
        }
        assertThat(host.call(caller, Way.CONNECT, "a", "hello")).isEqualTo("OVERLOADED");
      }
    }
  }

  // ---- connections

  private static String hello(Channel channel, Way way) {
    ClientOptions.Builder options = ClientOptions.builder();
    if (way == Way.MANY) {
      options.sharedCalls(1);
    }
    DurableObjectNamespace namespace =
        DurableObjects.on(channel, options.build()).namespace(TestHost.PROBE, TestHost.PROBE);
    try (DurableObjectStub stub = namespace.getByName("a")) {
      return CallerHost.call(stub, "hello");
    }
  }

  private static @Nullable String broken(Channel channel) {
    return open(channel, "a").broken("OVERLOADED").getCause().getMessage();
  }

  @ParameterizedTest
  @EnumSource(names = {"CONNECT", "MANY"})
  void oneConnectionTooManyIsRefused(Way way) throws Exception {
    try (CallerHost host = start(connections(2), Probe::echo, true)) {
      ManagedChannel first = connection(host);
      ManagedChannel second = connection(host);
      TestStub one = open(as(first, "alice"), "a");
      TestStub other = open(as(second, "alice"), "a");
      assertThat(one.ask("hello")).isEqualTo("hello");
      assertThat(other.ask("hello")).isEqualTo("hello");
      ManagedChannel third = connection(host);
      assertThat(broken(as(third, "alice")))
          .isEqualTo("the caller 'alice' may have 2 connections, and has them");
      // On those that it has it may call, and others have theirs.
      assertThat(hello(as(first, "alice"), way)).isEqualTo("hello");
      assertThat(hello(as(third, "bob"), way)).isEqualTo("hello");
      second.shutdownNow();
      Wait.until(() -> hello(as(third, "alice"), way).equals("hello"), "room for a connection");
      assertThat(one.ask("hello")).isEqualTo("hello");
    }
  }

  @Test
  void theConnectionThatIsOneTooManyIsClosed() throws Exception {
    try (CallerHost host = start(connections(1), Probe::echo, true)) {
      ManagedChannel first = connection(host);
      assertThat(open(as(first, "alice"), "a").ask("hello")).isEqualTo("hello");
      for (int i = 0; i < 3; i++) {
        var _ = broken(as(connection(host), "alice"));
      }
      Wait.until(() -> used(host, "connections") == 1, "the end of three connections");
    }
  }

  @Test
  void anIdleConnectionIsTheLastCallers() throws Exception {
    try (CallerHost host = start(connections(1), Probe::echo, true)) {
      ManagedChannel first = connection(host);
      ManagedChannel second = connection(host);
      assertThat(hello(as(first, "alice"), Way.CONNECT)).isEqualTo("hello");
      var _ = broken(as(second, "alice"));
      // Of two who call on one connection, it is the last one's.
      assertThat(hello(as(first, "bob"), Way.CONNECT)).isEqualTo("hello");
      Wait.until(
          () -> hello(as(second, "alice"), Way.CONNECT).equals("hello"), "room for a connection");
      var _ = broken(as(second, "bob"));
      var _ = broken(as(first, "alice"));
      first.shutdownNow();
      Wait.until(
          () -> hello(as(second, "bob"), Way.CONNECT).equals("hello"), "room for a connection");
    }
  }
}
