package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.v1.Open;
import io.grpc.BindableService;
import io.grpc.ManagedChannel;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Alarms as objects see them, across drains, restarts and deploys. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class AlarmHostTest {
  /** How often an alarm had failed when it ran, each time. */
  private final List<Integer> runs = new CopyOnWriteArrayList<>();

  @TempDir Path directory;

  /** A host of probes whose data outlives it. */
  private final class Restarted implements AutoCloseable {
    final DurableObjectHost host;
    final ManagedChannel channel;

    Restarted(String namespace, Duration drainLimit, DurableObjectFactory factory)
        throws Exception {
      this(namespace, drainLimit, factory, InstantSource.system());
    }

    Restarted(
        String namespace, Duration drainLimit, DurableObjectFactory factory, InstantSource clock)
        throws Exception {
      String name = InProcessServerBuilder.generateName();
      host =
          DurableObjectHost.builder()
              .namespace(namespace, ProbeGrpc.getServiceDescriptor(), factory)
              .limits(HostLimits.builder().drainLimit(drainLimit).build())
              .storage(StorageOptions.sqlite(directory).withClock(clock))
              .server(InProcessServerBuilder.forName(name))
              .build()
              .start();
      channel = InProcessChannelBuilder.forName(name).build();
    }

    TestStub stub(String name) {
      return new TestStub(channel, TestHost.byName(name), Integer.MAX_VALUE);
    }

    @Override
    public void close() {
      channel.shutdownNow();
      host.close();
    }
  }

  private Restarted host(Probe.Alarm alarm) throws Exception {
    return host(Duration.ofSeconds(30), alarm);
  }

  private Restarted host(Duration drainLimit, Probe.Alarm alarm) throws Exception {
    return new Restarted(TestHost.PROBE, drainLimit, probes(alarm));
  }

  /** Probes whose method sets the alarm, for at once, and whose alarm does this. */
  private DurableObjectFactory probes(Probe.Alarm alarm) {
    return Probe.doing(
        (probe, request, reply) -> {
          if (request.getText().equals("set")) {
            probe.state().storage().setAlarm(Instant.EPOCH);
          }
          Probe.reply(
              reply,
              probe.state().storage().get("k").map(ByteString::toStringUtf8).orElse("")
                  + (probe.state().storage().getAlarm().isPresent() ? " set" : ""));
        },
        (probe, due) -> {
          runs.add(due.retries());
          alarm.run(probe, due);
        });
  }

  /** The rows of the alarms, as the store has them. */
  private List<String> stored() throws SQLException {
    List<String> rows = new ArrayList<>();
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("seriatim.db"));
        var select = connection.prepareStatement("SELECT name, retries FROM readable_alarms");
        var results = select.executeQuery()) {
      while (results.next()) {
        rows.add(results.getString(1) + " " + results.getInt(2));
      }
    }
    return rows;
  }

  private void execute(String sql) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("seriatim.db"));
        var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static void ring(Probe probe) {
    probe.state().storage().put("k", ByteString.copyFromUtf8("rang"));
  }

  private void awaitRuns(int number) {
    Wait.until(() -> runs.size() >= number, "run " + number + " of the alarm");
  }

  /** The alarm runs, and nothing has been counted against it. */
  private void assertRunsWell() throws Exception {
    runs.clear();
    try (Restarted again = host((probe, due) -> ring(probe))) {
      awaitRuns(1);
      TestStub stub = again.stub("a");
      assertThat(stub.ask("")).isEqualTo("rang");
      assertThat(runs).containsExactly(0);
    }
    assertThat(stored()).isEmpty();
  }

  // ---- what the host does

  /** A drain that has no stubs to wait for. It goes on for as long as the alarm runs. */
  private static FutureTask<Void> drainWhileItRuns(Restarted host) {
    host.channel.shutdownNow();
    FutureTask<Void> drain =
        new FutureTask<>(
            () -> {
              host.host.drain();
              return null;
            });
    Thread.startVirtualThread(drain);
    // It can't end meanwhile; if it could, it would by then.
    assertThrows(TimeoutException.class, () -> drain.get(500, TimeUnit.MILLISECONDS));
    return drain;
  }

  @Test
  void aDrainGivesARunningAlarmItsTime() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (Restarted host =
        host(
            (probe, due) -> {
              entered.countDown();
              Wait.on(leave, "the word to leave");
              ring(probe);
            })) {
      assertThat(host.stub("a").ask("set")).isEqualTo(" set");
      Wait.on(entered, "the alarm");
      FutureTask<Void> drain = drainWhileItRuns(host);
      leave.countDown();
      Wait.on(drain, "the end of the drain");
    }
    assertThat(stored()).isEmpty();
    try (Restarted again = host((probe, due) -> {})) {
      assertThat(again.stub("a").ask("")).isEqualTo("rang");
    }
    assertThat(runs).containsExactly(0);
  }

  @Test
  void noNumberOfRestartsUsesUpTheTriesOfAnAlarm() throws Exception {
    boolean set = false;
    for (int restart = 0; restart < 8; restart++) {
      CountDownLatch entered = new CountDownLatch(1);
      try (Restarted host =
          host(
              Duration.ofMillis(10),
              (probe, due) -> {
                entered.countDown();
                new CountDownLatch(1).await();
              })) {
        if (!set) {
          assertThat(host.stub("a").ask("set")).isEqualTo(" set");
          set = true;
        }
        Wait.on(entered, "the alarm");
        if (restart % 2 == 0) {
          host.host.drain();
        } // Otherwise it is closed at once.
      }
      assertThat(stored()).containsExactly("a 0");
    }
    assertThat(runs).containsExactly(0, 0, 0, 0, 0, 0, 0, 0);
    assertRunsWell();
  }

  @Test
  void aDrainDoesNotUseUpTheLastTryOfAnAlarm() throws Exception {
    setWhileItBlocks();
    execute("UPDATE alarms SET due = 0, retries = 6");
    runs.clear();
    try (Restarted host =
        host(
            Duration.ofMillis(10),
            (probe, due) -> {
              try {
                new CountDownLatch(1).await();
              } catch (InterruptedException e) {
                // What the object makes of it that the host ends is its own affair, and no failure.
                throw new IllegalStateException(e);
              }
            })) {
      awaitRuns(1);
      host.host.drain();
    }
    assertThat(stored()).containsExactly("a 6");
    runs.clear();
    try (Restarted host = host((probe, due) -> ring(probe))) {
      awaitRuns(1);
      assertThat(host.stub("a").ask("")).isEqualTo("rang");
    }
    assertThat(runs).containsExactly(6);
  }

  @Test
  void whatAnAlarmThrowsBecauseTheHostDrainsIsNotCounted() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (Restarted host =
        host(
            (probe, due) -> {
              entered.countDown();
              Wait.on(leave, "the word to leave");
              throw Status.UNAVAILABLE.withDescription("another host drains").asException();
            })) {
      assertThat(host.stub("a").ask("set")).isEqualTo(" set");
      Wait.on(entered, "the alarm");
      FutureTask<Void> drain = drainWhileItRuns(host);
      leave.countDown();
      Wait.on(drain, "the end of the drain");
    }
    assertThat(stored()).containsExactly("a 0");
    assertRunsWell();
  }

  @Test
  void aStoreThatFailsIsNoFailureOfTheAlarms() throws Exception {
    try (Restarted host =
        host(
            (probe, due) -> {
              if (runs.size() <= 2) {
                throw new IllegalStateException(
                    "can't go on", new StorageException("no", new SQLException("away")));
              }
              ring(probe);
            })) {
      assertThat(host.stub("a").ask("set")).isEqualTo(" set");
      awaitRuns(3);
      Wait.until(() -> host.stub("a").ask("").equals("rang"), "the alarm's write");
    }
    assertThat(runs).containsExactly(0, 0, 0);
  }

  @Test
  void whatTheObjectThrowsIsCounted() throws Exception {
    try (Restarted host =
        host(
            (probe, due) -> {
              if (due.retries() == 0) {
                throw new IllegalStateException("not yet");
              }
            })) {
      assertThat(host.stub("a").ask("set")).isEqualTo(" set");
      awaitRuns(2);
    }
    assertThat(runs).containsExactly(0, 1);
  }

  // ---- deploys

  @Test
  void aClassThatIsNoAlarmHandlerAnyMoreLosesNoAlarms() throws Exception {
    setWhileItBlocks();
    CountDownLatch made = new CountDownLatch(2);
    try (Restarted bad =
        new Restarted(
            TestHost.PROBE,
            Duration.ofSeconds(30),
            state -> {
              BindableService probe = probes((p, due) -> {}).create(state);
              return new BindableService() {
                @Override
                public ServerServiceDefinition bindService() {
                  made.countDown();
                  return probe.bindService();
                }
              };
            })) {
      Wait.until(() -> made.getCount() < 2, "the alarm to be tried");
      assertThat(bad.stub("a").ask("")).isEqualTo(" set");
    }
    assertThat(stored()).containsExactly("a 0");
    assertRunsWell();
  }

  @Test
  void aFactoryThatThrowsLosesNoAlarms() throws Exception {
    setWhileItBlocks();
    List<String> factories = new CopyOnWriteArrayList<>();
    runs.clear();
    try (Restarted bad =
        new Restarted(
            TestHost.PROBE,
            Duration.ofSeconds(30),
            state -> {
              factories.add("a");
              if (factories.size() <= 2) {
                throw new IllegalStateException("the configuration isn't there yet");
              }
              return probes((probe, due) -> ring(probe)).create(state);
            })) {
      // It is tried again by itself, and runs when it can.
      awaitRuns(1);
      assertThat(bad.stub("a").ask("")).isEqualTo("rang");
    }
    assertThat(factories.size()).isAtLeast(3);
    assertThat(runs).containsExactly(0);
    assertThat(stored()).isEmpty();
  }

  @Test
  void aNamespaceThatIsNotServedLosesNoAlarms() throws Exception {
    setWhileItBlocks();
    runs.clear();
    try (Restarted other =
        new Restarted("OTHER", Duration.ofSeconds(30), probes((probe, due) -> {}))) {
      TestStub stub =
          new TestStub(
              other.channel,
              Open.newBuilder().setNamespace("OTHER").setName("b").build(),
              Integer.MAX_VALUE);
      assertThat(stub.ask("set")).isEqualTo(" set");
      awaitRuns(1);
      Wait.until(() -> stub.ask("").isEmpty(), "the alarm's end");
    }
    assertThat(runs).hasSize(1);
    assertThat(stored()).containsExactly("a 0");
    assertRunsWell();
  }

  /** An alarm is due, and stays so when the host is gone. */
  private void setWhileItBlocks() throws Exception {
    try (Restarted host = host((probe, due) -> new CountDownLatch(1).await())) {
      assertThat(host.stub("a").ask("set")).isEqualTo(" set");
      awaitRuns(1);
    }
    assertThat(stored()).containsExactly("a 0");
  }

  // ---- the clock

  @Test
  void anAlarmAndItsObjectFollowAClockThatIsSet() throws Exception {
    AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
    DurableObjectFactory factory =
        Probe.doing(
            (probe, request, reply) -> {
              Instant alarm = probe.state().clock().instant().plusSeconds(3600);
              probe.state().storage().setAlarm(alarm);
              Probe.reply(reply, alarm.toString());
            },
            (probe, due) -> runs.add(due.retries()));
    try (Restarted host =
        new Restarted(TestHost.PROBE, Duration.ofSeconds(30), factory, now::get)) {
      assertThat(host.stub("a").ask("set")).isEqualTo("2026-01-01T01:00:00Z");
      now.set(now.get().plusSeconds(3600));
      awaitRuns(1);
    }
  }
}
