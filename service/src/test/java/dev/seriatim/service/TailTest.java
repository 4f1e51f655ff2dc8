package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.object.Tails;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code Tail} of the admin service, as those see it who follow what happens. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class TailTest {
  private static final ObjectName A =
      ObjectName.newBuilder().setNamespace(TestHost.PROBE).setName("a").build();

  private static final TailRequest ALL = TailRequest.getDefaultInstance();

  /** A host over the loopback network, whose flow control is the real one. */
  private static final class Host implements AutoCloseable {
    final DurableObjectHost host;
    final ManagedChannel channel;

    Host(TailLimits limits, Duration drainLimit, DurableObjectFactory factory) throws Exception {
      host =
          DurableObjectHost.builder()
              .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), factory)
              .limits(HostLimits.builder().tails(limits).drainLimit(drainLimit).build())
              // Its clock stands still: what is to be tried again later isn't, by itself.
              .storage(StorageOptions.memory().withClock(new CallerHost.Clock()))
              .admin()
              .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
              .build()
              .start();
      channel = NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
    }

    Host(TailLimits limits, DurableObjectFactory factory) throws Exception {
      this(limits, Duration.ofSeconds(30), factory);
    }

    Host(DurableObjectFactory factory) throws Exception {
      this(TailLimits.defaults(), factory);
    }

    Tails tails() {
      return host.parts.directory.counts().tails();
    }

    TestStub stub(String name) {
      return new TestStub(channel, TestHost.byName(name), Integer.MAX_VALUE);
    }

    AdminGrpc.AdminBlockingStub admin() {
      return AdminGrpc.newBlockingStub(channel);
    }

    /** Someone who follows, and whom the host knows by now. */
    Follower follow(TailRequest request, int readAtFirst) {
      int before = tails().size();
      Follower follower = new Follower(channel, request, readAtFirst);
      Wait.until(() -> tails().size() > before, "one who follows");
      return follower;
    }

    Follower follow(TailRequest request) {
      return follow(request, Integer.MAX_VALUE);
    }

    @Override
    public void close() {
      channel.shutdownNow();
      host.close();
    }
  }

  /** Someone who follows. */
  private static final class Follower implements ClientResponseObserver<TailRequest, TailResponse> {
    private final int readAtFirst;
    final List<TailResponse> told = new CopyOnWriteArrayList<>();
    final CompletableFuture<Status> end = new CompletableFuture<>();
    private @Nullable ClientCallStreamObserver<TailRequest> call;

    Follower(Channel channel, TailRequest request, int readAtFirst) {
      this.readAtFirst = readAtFirst;
      AdminGrpc.newStub(channel).tail(request, this);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<TailRequest> stream) {
      call = stream;
      stream.disableAutoRequestWithInitial(readAtFirst);
    }

    void read(int responses) {
      if (call != null) {
        call.request(responses);
      }
    }

    void leave() {
      if (call != null) {
        call.cancel("the test leaves", null);
      }
    }

    @Override
    public void onNext(TailResponse response) {
      told.add(response);
    }

    @Override
    public void onError(Throwable thrown) {
      end.complete(Status.fromThrowable(thrown));
    }

    @Override
    public void onCompleted() {
      end.complete(Status.OK);
    }

    TailResponse next(String what, Predicate<TailResponse> wanted) {
      Wait.until(() -> told.stream().anyMatch(wanted), what);
      return told.stream().filter(wanted).findFirst().orElseThrow();
    }

    long leftOut() {
      return told.stream().mapToLong(TailResponse::getLeftOut).sum();
    }
  }

  private static void obey(Probe probe, Words request, io.grpc.stub.StreamObserver<Words> reply) {
    if (request.getText().equals("throw")) {
      throw new IllegalStateException("as was said");
    }
    Probe.echo(probe, request, reply);
  }

  // ---- what is told

  @Test
  void turnsAreToldWithTheirNumbersAndTimes() throws Exception {
    try (Host host = new Host(Probe.doing(TailTest::obey))) {
      Follower all = host.follow(ALL);
      TestStub stub = host.stub("a");
      assertThat(stub.ask("x")).isEqualTo("x");
      assertThat(stub.ask("y")).isEqualTo("y");
      TailResponse second = all.next("the second turn", told -> told.getTurn().getSequence() == 2);
      assertThat(all.told.get(0).getTurn().getSequence()).isEqualTo(1);
      assertThat(second.getNamespace()).isEqualTo(TestHost.PROBE);
      assertThat(second.getName()).isEqualTo("a");
      assertThat(second.getId())
          .isEqualTo(new DurableObjectIds(TestHost.PROBE).fromName("a").toString());
      assertThat(second.getTurn().getMethod()).isEqualTo("Do");
      assertThat(second.getTurn().getReason()).isEmpty();
      assertThat(Durations.isNegative(second.getTurn().getRan())).isFalse();
      assertThat(Durations.isNegative(second.getTurn().getQueued())).isFalse();
      assertThat(second.getTime().getSeconds()).isGreaterThan(0);
      // Nobody has asked for them.
      assertThat(second.getTurn().getArgument()).isEqualTo(ByteString.EMPTY);
      assertThat(second.getTurn().getReply()).isEqualTo(ByteString.EMPTY);
    }
  }

  @Test
  void aTurnThatFailsIsToldOnce() throws Exception {
    try (Host host = new Host(Probe.doing(TailTest::obey))) {
      Follower all = host.follow(ALL);
      host.stub("a").call("throw").broken("OBJECT_EXCEPTION");
      TailResponse failed =
          all.next("the turn", told -> told.getTurn().getReason().equals("OBJECT_EXCEPTION"));
      assertThat(failed.getTurn().getMessage()).contains("as was said");
      assertThat(host.stub("b").ask("x")).isEqualTo("x");
      all.next("the turn behind it", told -> told.getName().equals("b"));
      assertThat(all.told.stream().filter(TailResponse::hasBroken).toList()).isEmpty();
    }
  }

  @Test
  void aTurnThatIsCutOffIsToldOnce() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    try (Host host =
        new Host(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("hang")) {
                    entered.countDown();
                    new CountDownLatch(1).await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      Follower all = host.follow(ALL);
      TestStub stub = host.stub("a").call("hang");
      Wait.on(entered, "the turn");
      var _ =
          host.admin()
              .resetObject(
                  dev.seriatim.admin.v1.ResetObjectRequest.newBuilder().setObject(A).build());
      stub.broken("OBJECT_RESET");
      TailResponse told =
          all.next(
              "the turn or the break",
              each -> each.getTurn().getReason().equals("OBJECT_RESET") || each.hasBroken());
      assertThat(told.getNamespace()).isEqualTo(TestHost.PROBE);
    }
  }

  @Test
  void breaksThatNoTurnMadeAreTold() throws Exception {
    try (Host host = new Host(Probe.doing(TailTest::obey))) {
      Follower all = host.follow(ALL);
      TestStub stub = host.stub("a");
      stub.call("x", invocation -> invocation.setMethod("Nothing")).broken("UNKNOWN_METHOD");
      TailResponse broken = all.next("the break", TailResponse::hasBroken);
      assertThat(broken.getBroken().getReason()).isEqualTo("UNKNOWN_METHOD");
      assertThat(broken.getBroken().getMessage()).contains("method 'Nothing'");
      assertThat(broken.getName()).isEqualTo("a");
    }
  }

  @Test
  void alarmsAndEvictionsAreTold() throws Exception {
    try (Host host =
        new Host(
            Probe.doing(
                TailTest::obey,
                (probe, alarm) -> {
                  if (alarm.retries() == 0) {
                    throw new IllegalStateException("not yet");
                  }
                }))) {
      Follower all = host.follow(ALL);
      var _ =
          host.admin()
              .editEntries(
                  EditEntriesRequest.newBuilder()
                      .setObject(A)
                      .setSetAlarm(
                          com.google.protobuf.Timestamp.newBuilder().setSeconds(4_000_000_000L))
                      .build());
      RunAlarmRequest run = RunAlarmRequest.newBuilder().setObject(A).build();
      try {
        var _ = host.admin().runAlarm(run);
      } catch (io.grpc.StatusRuntimeException e) {
        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
      }
      TailResponse failed = all.next("the alarm that fails", TailResponse::hasAlarm);
      assertThat(failed.getAlarm().getReason()).isEqualTo("OBJECT_EXCEPTION");
      assertThat(failed.getAlarm().getMessage()).contains("not yet");
      assertThat(failed.getAlarm().getMethod()).isEmpty();
      var _ = host.admin().runAlarm(run);
      all.next("the alarm", told -> told.hasAlarm() && told.getAlarm().getReason().isEmpty());
      assertThat(host.stub("a").ask("x")).isEqualTo("x");
      var _ = host.admin().evictObject(EvictObjectRequest.newBuilder().setObject(A).build());
      all.next("the eviction", told -> told.getEvicted().getReason().equals("ASKED"));
    }
  }

  @Test
  void payloadsAreThereForThoseWhoWantThem() throws Exception {
    try (Host host = new Host(Probe.doing(TailTest::obey))) {
      Follower payloads = host.follow(TailRequest.newBuilder().setPayloads(true).build());
      Follower bare = host.follow(ALL);
      assertThat(host.stub("a").ask("x")).isEqualTo("x");
      TailResponse told = payloads.next("the turn", TailResponse::hasTurn);
      assertThat(Words.parseFrom(told.getTurn().getArgument()).getText()).isEqualTo("x");
      assertThat(Words.parseFrom(told.getTurn().getReply()).getText()).isEqualTo("x");
      assertThat(bare.next("the turn", TailResponse::hasTurn).getTurn().getArgument())
          .isEqualTo(ByteString.EMPTY);
    }
  }

  // ---- filters

  @Test
  void filtersLeaveOutTheRest() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (Host host =
        new Host(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("wait")) {
                    entered.countDown();
                    leave.await();
                  }
                  obey(probe, request, reply);
                }))) {
      TailRequest.Builder probes = TailRequest.newBuilder().setNamespace(TestHost.PROBE);
      Follower all = host.follow(ALL);
      Follower ofA = host.follow(probes.clone().setName("a").build());
      Follower others = host.follow(TailRequest.newBuilder().setMethod("DoOther").build());
      Follower failures = host.follow(TailRequest.newBuilder().setFailures(true).build());
      Follower slow =
          host.follow(TailRequest.newBuilder().setSlowerThan(Durations.fromMillis(5)).build());
      // A client may have its answer before those who follow are told of the turn.
      assertThat(host.stub("b").ask("x")).isEqualTo("x");
      awaitTold("b", all);
      assertThat(host.stub("a").ask("x")).isEqualTo("x");
      awaitTold("a", all, ofA);
      TestStub other = host.stub("c").call("x", call -> call.setMethod("DoOther"));
      assertThat(other.answer()).isEqualTo("x");
      awaitTold("c", all, others);
      TestStub waits = host.stub("d").call("wait");
      Wait.on(entered, "the turn");
      long began = System.nanoTime();
      Wait.until(() -> System.nanoTime() - began > 10_000_000, "10 ms of a turn");
      leave.countDown();
      assertThat(waits.answer()).isEqualTo("wait");
      awaitTold("d", all, slow);
      host.stub("e").call("throw").broken("OBJECT_EXCEPTION");
      awaitTold("e", all, failures);
      host.stub("f").call("x", call -> call.setMethod("None")).broken("UNKNOWN_METHOD");
      awaitTold("f", all, failures);
      // What is told last, to each of them but the last.
      host.stub("a").call("throw", call -> call.setMethod("DoOther")).broken("OBJECT_EXCEPTION");
      for (Follower each : List.of(all, ofA, others, failures)) {
        each.next(
            "the last",
            told -> told.getName().equals("a") && !told.getTurn().getReason().isEmpty());
      }
      assertThat(names(all)).containsAtLeast("b", "a", "c", "d", "e", "f", "a");
      assertThat(names(ofA)).containsExactly("a", "a");
      assertThat(names(others)).containsExactly("c", "a").inOrder();
      assertThat(names(failures)).containsExactly("e", "f", "a").inOrder();
      assertThat(
              slow.told.stream().allMatch(told -> Durations.toMillis(told.getTurn().getRan()) >= 5))
          .isTrue();
    }
  }

  private static void awaitTold(String name, Follower... followers) {
    for (Follower each : followers) {
      each.next("what happened to " + name, told -> told.getName().equals(name));
    }
  }

  private static List<String> names(Follower follower) {
    return follower.told.stream()
        .filter(told -> !told.hasEvicted())
        .map(TailResponse::getName)
        .toList();
  }

  @Test
  void whatMakesNoSenseIsRefused() throws Exception {
    try (Host host = new Host(Probe.doing(TailTest::obey))) {
      assertThat(refusal(host, TailRequest.newBuilder().setNamespace("NONE")))
          .isEqualTo("NOT_FOUND: namespace 'NONE', expected one of [PROBE]");
      assertThat(refusal(host, TailRequest.newBuilder().setName("a")))
          .isEqualTo("INVALID_ARGUMENT: name 'a' without a namespace, expected both");
      assertThat(refusal(host, TailRequest.newBuilder().setSlowerThan(Durations.fromMillis(-1))))
          .startsWith("INVALID_ARGUMENT: slower_than");
      assertThat(host.tails().size()).isEqualTo(0);
    }
  }

  private static String refusal(Host host, TailRequest.Builder request) throws Exception {
    Status status =
        Wait.on(new Follower(host.channel, request.build(), 1).end, "the end of the call");
    return status.getCode() + ": " + status.getDescription();
  }

  // ---- readers that are slow, and how many

  @Test
  void aReaderThatDoesNotReadSlowsNobodyAndIsToldHowManyItMissed() throws Exception {
    int turns = 2_000;
    // Some are on their way in the buffers of the network, and ten wait here.
    try (Host host =
        new Host(TailLimits.defaults().withMaxEvents(10), Probe.doing(TailTest::obey))) {
      Follower follower = host.follow(TailRequest.newBuilder().setPayloads(true).build(), 0);
      TestStub stub = host.stub("a");
      for (int i = 1; i <= turns; i++) {
        stub.call(1, Probe.filling(1_000));
        assertThat(stub.outcome(i).getFilling().size()).isEqualTo(1_000);
      }
      follower.read(Integer.MAX_VALUE);
      // What comes behind what was left out says how many these were.
      AtomicInteger behind = new AtomicInteger(turns);
      Wait.until(
          () -> {
            int sequence = behind.incrementAndGet();
            assertThat(stub.call("x").outcome(sequence).getText()).isEqualTo("x");
            return follower.told.stream().anyMatch(told -> told.getTurn().getSequence() > turns);
          },
          "an event behind those that were left out");
      assertThat(follower.leftOut()).isGreaterThan(0L);
      long last = 0;
      for (TailResponse told : follower.told) {
        assertWithMessage("left out before %s", told.getTurn().getSequence())
            .that(told.getTurn().getSequence() - last - 1)
            .isEqualTo(told.getLeftOut());
        last = told.getTurn().getSequence();
      }
    }
  }

  @Test
  void whatWaitsIsBoundedInBytesToo() throws Exception {
    try (Host host =
        new Host(TailLimits.defaults().withMaxBytes(10_000), Probe.doing(TailTest::obey))) {
      Follower follower = host.follow(TailRequest.newBuilder().setPayloads(true).build());
      TestStub stub = host.stub("a");
      stub.call(1, Probe.filling(1 << 20));
      assertThat(stub.outcome(1).getFilling().size()).isEqualTo(1 << 20);
      assertThat(stub.call("x").outcome(2).getText()).isEqualTo("x");
      TailResponse told = follower.next("the second turn", TailResponse::hasTurn);
      assertThat(told.getTurn().getSequence()).isEqualTo(2);
      assertThat(told.getLeftOut()).isEqualTo(1);
    }
  }

  @Test
  void onlySoManyMayFollow() throws Exception {
    try (Host host =
        new Host(TailLimits.defaults().withMaxTailers(2), Probe.doing(TailTest::obey))) {
      Follower first = host.follow(ALL);
      host.follow(ALL);
      Status refused = Wait.on(new Follower(host.channel, ALL, 1).end, "the refusal");
      assertThat(refused.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
      assertThat(refused.getDescription())
          .isEqualTo("the host has 2 that follow what happens, expected fewer (maxTailers)");
      first.leave();
      Wait.until(() -> host.tails().size() == 1, "the room of one who has left");
      host.follow(ALL);
    }
  }

  // ---- the end

  @Test
  void itEndsWhenTheHostHasShutDown() throws Exception {
    try (Host host = new Host(Probe.doing(TailTest::obey))) {
      Follower all = host.follow(ALL);
      TestStub stub = host.stub("a");
      assertThat(stub.ask("x")).isEqualTo("x");
      host.host.drain();
      stub.broken("HOST_DRAINING");
      assertThat(Wait.on(all.end, "the end")).isEqualTo(Status.OK);
      assertThat(all.told.stream().map(told -> told.getBroken().getReason()).toList())
          .contains("HOST_DRAINING");
    }
  }

  @Test
  void whoDoesNotReadHoldsUpNoDrain() throws Exception {
    try (Host host =
        new Host(TailLimits.defaults().withMaxEvents(10), Probe.doing(TailTest::obey))) {
      Follower follower = host.follow(TailRequest.newBuilder().setPayloads(true).build(), 0);
      TestStub stub = host.stub("a");
      for (int i = 1; i <= 200; i++) {
        stub.call(1, Probe.filling(1_000));
        assertThat(stub.outcome(i).getFilling().size()).isEqualTo(1_000);
      }
      host.host.drain();
      stub.broken("HOST_DRAINING");
      assertThat(follower.told).isEmpty();
      // And who reads at last comes to the end. Else what has come would stay in gRPC's buffers.
      follower.read(Integer.MAX_VALUE);
      assertThat(Wait.on(follower.end, "the end")).isEqualTo(Status.OK);
    }
  }

  @Test
  void itEndsWhenTheRightIsTakenAwayOrTheCredentialsRunOut() throws Exception {
    AtomicReference<Set<AdminRight>> rights = new AtomicReference<>(EnumSet.of(AdminRight.READ));
    CallerHost.Clock clock = new CallerHost.Clock();
    Instant until = clock.instant().plusSeconds(60);
    String name = InProcessServerBuilder.generateName();
    DurableObjectHost host =
        CallerHost.probes(Probe::echo)
            .storage(StorageOptions.memory().withClock(clock))
            .authenticator(
                _ ->
                    Optional.of(
                        new Authenticator.Verified(
                            Caller.ofToken("someone", Set.of(), Map.of()), Optional.of(until))))
            .authorizer(new Administrators(Access.denied(), _ -> rights.get()))
            .admin()
            .server(InProcessServerBuilder.forName(name))
            .build()
            .start();
    ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
    try {
      Tails tails = host.parts.directory.counts().tails();
      Follower first = new Follower(channel, ALL, 10);
      Wait.until(() -> tails.size() == 1, "one who follows");
      rights.set(EnumSet.noneOf(AdminRight.class));
      assertThat(Wait.on(first.end, "the end").getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
      rights.set(EnumSet.of(AdminRight.READ));
      Follower second = new Follower(channel, ALL, 10);
      Wait.until(() -> tails.size() == 1, "one who follows");
      clock.advance(Duration.ofSeconds(61));
      assertThat(Wait.on(second.end, "the end").getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
    } finally {
      channel.shutdownNow();
      host.close();
    }
  }
}
