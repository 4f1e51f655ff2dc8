package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.service.HostListener.AlarmEvent;
import dev.seriatim.service.HostListener.BreakEvent;
import dev.seriatim.service.HostListener.CommitEvent;
import dev.seriatim.service.HostListener.TurnEvent;
import dev.seriatim.service.HostStatistics.OfMethod;
import dev.seriatim.service.HostStatistics.OfNamespace;
import dev.seriatim.service.probe.ProbeGrpc;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a host counts, and tells its listener. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class HostStatisticsTest {
  @TempDir Path directory;

  private final List<Object> told = new CopyOnWriteArrayList<>();

  /** Keeps all that it is told. */
  private final class Keeping implements HostListener {
    @Override
    public void turnEnded(TurnEvent event) {
      told.add(event);
    }

    @Override
    public void committed(CommitEvent event) {
      told.add(event);
    }

    @Override
    public void broken(BreakEvent event) {
      told.add(event);
    }

    @Override
    public void evicted(EvictionEvent event) {
      told.add(event);
    }

    @Override
    public void alarm(AlarmEvent event) {
      told.add(event);
    }
  }

  private static final class Throwing implements HostListener {
    @Override
    public void turnEnded(TurnEvent event) {
      throw new IllegalStateException("from turnEnded");
    }

    @Override
    public void committed(CommitEvent event) {
      throw new IllegalStateException("from committed");
    }

    @Override
    public void broken(BreakEvent event) {
      throw new IllegalStateException("from broken");
    }

    @Override
    public void evicted(EvictionEvent event) {
      throw new IllegalStateException("from evicted");
    }
  }

  private static final class Running implements AutoCloseable {
    final DurableObjectHost host;
    final ManagedChannel channel;

    Running(HostLimits limits, StorageOptions storage, HostListener listener) throws Exception {
      String name = InProcessServerBuilder.generateName();
      host =
          DurableObjectHost.builder()
              .namespace(
                  TestHost.PROBE,
                  ProbeGrpc.getServiceDescriptor(),
                  Probe.doing(HostStatisticsTest::serve, (probe, due) -> {}))
              .limits(limits)
              .storage(storage)
              .listener(listener)
              .server(InProcessServerBuilder.forName(name))
              .build()
              .start();
      channel = InProcessChannelBuilder.forName(name).build();
    }

    TestStub stub(String name) {
      return new TestStub(channel, TestHost.byName(name), Integer.MAX_VALUE);
    }

    OfNamespace probes() {
      return host.statistics().namespaces().getFirst();
    }

    long turns(TurnResult result) {
      return probes().methods().stream().mapToLong(method -> method.turns(result)).sum();
    }

    long placed() {
      HostStatistics now = host.statistics();
      return now.transportTurns() + now.otherTurns();
    }

    void await(Predicate<OfNamespace> condition, String what) {
      Wait.until(() -> condition.test(probes()), what);
    }

    @Override
    public void close() {
      channel.shutdownNow();
      host.close();
    }
  }

  private static void serve(
      Probe probe,
      dev.seriatim.service.probe.Words request,
      io.grpc.stub.StreamObserver<dev.seriatim.service.probe.Words> reply) {
    switch (request.getText()) {
      case "throw" -> throw new IllegalStateException("meant to");
      case "put" -> probe.state().storage().put("k", ByteString.copyFromUtf8("v"));
      case "alarm" -> probe.state().storage().setAlarm(Instant.EPOCH);
      case "alarm later" -> probe.state().storage().setAlarm(Instant.parse("2999-01-01T00:00:00Z"));
      case "abort" -> probe.state().abort("meant to");
      default -> {}
    }
    Probe.reply(reply, "");
  }

  private static Running inMemory(HostListener listener) throws Exception {
    return new Running(HostLimits.defaults(), StorageOptions.memory(), listener);
  }

  private <T> List<T> told(Class<T> kind) {
    return told.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  @Test
  void countsEachTurn() throws Exception {
    try (Running running = inMemory(new Keeping())) {
      for (int object = 0; object < 3; object++) {
        TestStub stub = running.stub("o" + object);
        for (int call = 0; call < 150; call++) {
          String _ = stub.ask("");
        }
      }
      Wait.until(() -> running.turns(TurnResult.OK) == 450, "450 turns that ended well");
      // Where they ran is counted behind that.
      Wait.until(() -> running.placed() == 450, "where 450 turns ran");
      OfMethod method = running.probes().methods().getFirst();
      assertThat(method.name()).isEqualTo("Do");
      assertThat(method.turns(TurnResult.OK)).isEqualTo(450);
      HostStatistics all = running.host.statistics();
      assertThat(running.probes().stubsOpen()).isEqualTo(3);
      assertThat(running.probes().objectsLive()).isEqualTo(3);
      assertThat(running.probes().instancesLive()).isEqualTo(3);
      assertThat(all.serving()).isTrue();
      assertThat(all.draining()).isFalse();
      assertThat(told(TurnEvent.class)).isNotEmpty();
      assertThat(told(TurnEvent.class).getFirst().method()).isEqualTo("Do");
    }
  }

  @Test
  void countsWhatFailsByItsReason() throws Exception {
    try (Running running = inMemory(new Keeping())) {
      running.stub("a").call("throw");
      running.await(n -> n.stubsBroken("OBJECT_EXCEPTION") == 1, "the break of what threw");
      running.stub("b").call("abort");
      running.await(n -> n.stubsBroken("OBJECT_RESET") == 1, "the break of what was aborted");
      Wait.until(() -> running.turns(TurnResult.THREW) == 1, "the turn that threw");
      Wait.until(() -> running.turns(TurnResult.RESET) == 1, "the turn that was reset");
      Wait.until(
          () -> running.host.statistics().evictions(EvictionReason.RESET) >= 1,
          "the instance that was reset");
      running.await(n -> n.stubsOpen() == 0, "the end of the stubs");
      // Each is told after it was counted, by a thread of its own object.
      Wait.until(() -> told(BreakEvent.class).size() == 2, "that both breaks were told");
      assertThat(told(BreakEvent.class).stream().map(e -> e.reason() + " " + e.sequence()).toList())
          .containsExactly("OBJECT_EXCEPTION 1", "OBJECT_RESET 1");
      assertThat(running.turns(TurnResult.OK)).isEqualTo(0);
    }
  }

  @Test
  void countsEvictions() throws Exception {
    HostLimits limits = HostLimits.builder().idleLimit(Duration.ofMillis(1)).build();
    try (Running running = new Running(limits, StorageOptions.memory(), new Keeping())) {
      String _ = running.stub("a").ask("");
      Wait.until(
          () -> running.host.statistics().evictions(EvictionReason.IDLE) >= 1,
          "the eviction of an idle instance");
      running.await(n -> n.instancesLive() == 0, "that no instance is left");
      assertThat(running.probes().objectsLive()).isEqualTo(1);
    }
  }

  @Test
  void tellsOfCommitsAndAlarms() throws Exception {
    try (Running running =
        new Running(HostLimits.defaults(), StorageOptions.sqlite(directory), new Keeping())) {
      TestStub stub = running.stub("a");
      String _ = stub.ask("put");
      String _ = stub.ask("alarm");
      running.await(n -> n.alarmsRun() == 1, "the run of the alarm");
      Wait.until(() -> told(AlarmEvent.class).size() == 1, "that the alarm was told");
      Wait.until(() -> told(CommitEvent.class).size() >= 2, "that the commits were told");
      assertThat(told(AlarmEvent.class).getFirst().succeeded()).isTrue();
      CommitEvent commit = told(CommitEvent.class).getFirst();
      assertThat(commit.store()).isEqualTo("sqlite");
      assertThat(commit.objects()).isEqualTo(1);
      assertThat(commit.turns()).isEqualTo(1);
      assertThat(commit.waited()).isGreaterThan(Duration.ZERO);
      assertThat(running.host.statistics().store().slotsOwned()).isGreaterThan(0);
      assertThat(running.host.statistics().store().commitsInDoubt()).isEqualTo(0);
    }
  }

  @Test
  void countsTheAlarmsThatAreSet() throws Exception {
    for (StorageOptions storage :
        List.of(StorageOptions.memory(), StorageOptions.sqlite(directory))) {
      try (Running running = new Running(HostLimits.defaults(), storage, new Keeping())) {
        for (int object = 0; object < 3; object++) {
          String _ = running.stub("o" + object).ask("alarm later");
        }
        // They are counted when somebody asks for the first time.
        running.await(n -> n.alarmsSet().isPresent(), "how many alarms are set");
        assertThat(running.probes().alarmsSet()).hasValue(3);
        assertThat(running.host.statistics().store().kind()).isEqualTo(storage.location().kind());
      }
    }
  }

  @Test
  void objectsWithFewTurnsHaveTheirPartInTheSample() throws Exception {
    try (Running running = inMemory(new Keeping())) {
      TestStub first = running.stub("first");
      for (int call = 0; call < 1_000; call++) { // By then turns are known to be short.
        String _ = first.ask("");
      }
      told.clear();
      for (int object = 0; object < 512; object++) {
        String _ = running.stub("o" + object).ask("");
      }
      Wait.until(() -> running.turns(TurnResult.OK) == 1_512, "1,512 turns");
      assertThat(told(TurnEvent.class)).isNotEmpty();
    }
  }

  @Test
  void aListenerThatThrowsHarmsNothing() throws Exception {
    try (Running running =
        new Running(HostLimits.defaults(), StorageOptions.sqlite(directory), new Throwing())) {
      running.stub("a").call("throw");
      running.await(n -> n.stubsBroken("OBJECT_EXCEPTION") == 1, "the break");
      TestStub stub = running.stub("a");
      for (int call = 0; call < 20; call++) {
        assertThat(stub.ask("put")).isEmpty();
      }
    }
  }

  @Test
  void countsNeverDecrease() throws Exception {
    try (Running running = inMemory(new Keeping())) {
      List<Thread> callers = new CopyOnWriteArrayList<>();
      for (int caller = 0; caller < 4; caller++) {
        TestStub stub = running.stub("o" + caller % 2);
        callers.add(
            Thread.startVirtualThread(
                () -> {
                  for (int call = 0; call < 300; call++) {
                    askQuietly(stub);
                  }
                }));
      }
      long before = 0;
      long places = 0;
      while (before < 1_200) {
        HostStatistics now = running.host.statistics();
        long turns = now.namespaces().getFirst().methods().getFirst().turns(TurnResult.OK);
        assertThat(turns).isAtLeast(before);
        assertThat(now.transportTurns() + now.otherTurns()).isAtLeast(places);
        before = turns;
        places = now.transportTurns() + now.otherTurns();
      }
      assertThat(before).isEqualTo(1_200);
      for (Thread caller : callers) {
        caller.join();
      }
    }
  }

  private static void askQuietly(TestStub stub) {
    try {
      String _ = stub.ask("");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void everyLimitStandsBesideWhatThereIs() throws Exception {
    try (Running running = inMemory(new Keeping())) {
      String _ = running.stub("a").ask("");
      assertThat(
              running.host.statistics().amounts().stream()
                  .map(HostStatistics.Amount::name)
                  .toList())
          .containsAtLeast(
              "queued_invocations",
              "queued_bytes",
              "unread_outcome_bytes",
              "session_bytes",
              "instances",
              "stub_calls");
      running
          .host
          .statistics()
          .amounts()
          .forEach(amount -> assertThat(amount.used()).isAtMost(amount.limit()));
    }
  }
}
