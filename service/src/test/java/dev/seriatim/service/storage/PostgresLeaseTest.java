package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.google.common.base.Ticker;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Hosts that share one PostgreSQL: who lives, who waits, who takes over, and who is told. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresLeaseTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final ByteString B = ByteString.copyFromUtf8("b");

  private final String url = PostgresServer.shared().newSchema();
  private final FaultScript faults = new FaultScript();
  private final StorageOptions options =
      StorageOptions.postgres(url).withLease(Duration.ofMillis(2_000), Duration.ofMillis(300));

  /** For a host that must keep what it owns, also where the machine stands still for a while. */
  private final StorageOptions lasting =
      options.withLease(Duration.ofSeconds(60), Duration.ofMillis(300));

  /** For a host that beats once, and never again: as far as it can see, no time passes. */
  private final StorageOptions hanging = options.withTicker(new StoppedTicker());

  /** For a host that notices what happens to it only when the test lets its time pass. */
  private final PausedTicker paused = new PausedTicker();

  private final StorageOptions slow =
      options.withLease(Duration.ofSeconds(20), Duration.ofSeconds(5)).withTicker(paused);

  private final List<StorageEngine> engines = new ArrayList<>();

  @AfterEach
  void close() {
    engines.forEach(StorageEngine::close);
  }

  private StorageEngine opened(StorageEngine engine) {
    engines.add(engine);
    return engine;
  }

  @Test
  void aSecondHostWaitsAndLocksNothing() throws Exception {
    StorageEngine first = opened(StorageEngine.open(lasting));
    StorageEngine second;
    try (Connection connection = DriverManager.getConnection(url)) {
      connection.setAutoCommit(false);
      JdbcStore.execute(connection, "SELECT slot FROM slots FOR SHARE");
      second = opened(StorageEngine.openAtOnce(options));
      assertThat(second.isServing()).isFalse();
      // It lives: its beats are seen, and nobody buries it.
      awaitBeatsOf(2);
    }
    assertThat(first.isServing()).isTrue();
    TestObject object = new TestObject(second, "object");
    try {
      object.instance();
      throw new AssertionError("expected no instance");
    } catch (StorageException e) {
      assertThat(e).hasMessageThat().contains("not owned by this host: host process-");
    }
    first.close();
    second.awaitServing();
    object.turn(s -> s.put("k", A));
  }

  @Test
  void whoWaitsIsToldWhenItServesAndWhenItDoesNotAnyMore() throws Exception {
    StorageEngine first = opened(StorageEngine.open(hanging));
    LinkedBlockingQueue<Boolean> firstServes = new LinkedBlockingQueue<>();
    first.onServing(firstServes::add);
    assertThat(firstServes.take()).isTrue();
    StorageEngine second = opened(StorageEngine.openAtOnce(options));
    LinkedBlockingQueue<Boolean> secondServes = new LinkedBlockingQueue<>();
    second.onServing(secondServes::add);
    assertThat(secondServes.poll(30, TimeUnit.SECONDS)).isFalse();
    assertThat(secondServes.poll(30, TimeUnit.SECONDS)).isTrue();
    // The first one doesn't renew, but it looks, and sees that nothing is its own any more.
    try {
      new TestObject(first, "object").submit(s -> s.put("k", A));
    } catch (StorageException e) {
      assertThat(e).hasMessageThat().contains("taken over"); // It has looked already.
    }
    assertThat(firstServes.poll(30, TimeUnit.SECONDS)).isFalse();
  }

  @Test
  void aHostThatHangsInTheMiddleOfACommitIsTakenOver() throws Exception {
    StorageEngine first = opened(StorageEngine.open(hanging, faults));
    TestObject object = new TestObject(first, "object");
    object.turn(s -> s.put("k", A));
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    long commit = object.submit(s -> s.put("k", B));
    hold.awaitReached();
    StorageEngine second = opened(StorageEngine.open(options));
    TestObject taken = new TestObject(second, "object");
    assertThat(get(taken)).isEqualTo(Optional.of(A));
    taken.turn(s -> s.put("l", A));
    hold.release();
    assertThat(object.awaitFailure(commit)).hasMessageThat().contains("taken over");
    taken.evict();
    assertThat(CommitContract.entries(taken)).containsExactly("k", A, "l", A);
  }

  @Test
  void aDatabaseThatEndsNoSessionsEndsTheTransactionOfAHostThatHangs() throws Exception {
    StorageEngine first = opened(StorageEngine.open(hanging, faults));
    TestObject object = new TestObject(first, "object");
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    long commit = object.submit(s -> s.put("k", B));
    hold.awaitReached();
    // Nobody takes over; the server itself has had enough of it.
    String idle =
        "pg_stat_activity WHERE application_name LIKE 'seriatim-committer%'"
            + " AND state = 'idle in transaction'";
    assertThat(count(idle)).isEqualTo(1);
    Wait.until(() -> count(idle) == 0, "the end of its session");
    hold.release();
    object.awaitDurable(commit);
  }

  @Test
  void theTimeOfDayDecidesNothing() throws Exception {
    StorageEngine first = opened(StorageEngine.open(lasting));
    // As if the database's clock had been set forward, for as long as the second one looks.
    CountDownLatch done = new CountDownLatch(1);
    Thread clock =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (done.getCount() > 0) {
                    try {
                      execute(
                          "UPDATE hosts SET lease_until = clock_timestamp() - interval '1 hour'");
                    } catch (SQLException e) {
                      throw new AssertionError(e);
                    }
                  }
                });
    StorageEngine second = opened(StorageEngine.openAtOnce(options));
    awaitBeatsOf(2);
    assertThat(first.isServing()).isTrue();
    assertThat(second.isServing()).isFalse();
    done.countDown();
    clock.join();
  }

  @Test
  void aLeaseThatSeemsToLastAnHourIsTakenOverAllTheSame() throws Exception {
    opened(StorageEngine.open(hanging));
    execute("UPDATE hosts SET lease_until = clock_timestamp() + interval '1 hour'");
    opened(StorageEngine.open(options));
  }

  /** The server may do late what it was told on a connection that was given up since. */
  @Test
  void aBeatThatIsLateIsNotTakenForAStoreThatWentBack() throws Exception {
    opened(StorageEngine.open(options));
    HostTable late = new HostTable("late", Duration.ofSeconds(60), /* shares= */ false);
    try (Connection connection = DriverManager.getConnection(url)) {
      connection.setAutoCommit(false);
      late.join(connection, 1);
      late.renew(connection, 3, 0, 0);
      late.renew(connection, 2, 0, 0);
      HostTable.Renewal renewed = requireNonNull(late.renew(connection, 4, 0, 0));
      assertThat(renewed.beat()).isEqualTo(3);
      late.leave(connection);
    }
  }

  @Test
  void aHostWhoseSessionWasEndedGivesItsLeaseUpAllTheSame() throws Exception {
    StorageEngine first = opened(StorageEngine.open(hanging));
    execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            + " WHERE application_name IN (SELECT 'seriatim-lease-' || host FROM hosts)");
    first.close();
    assertThat(count("hosts")).isEqualTo(0);
    opened(StorageEngine.open(options.withOwnershipWait(Duration.ZERO)));
  }

  @Test
  void aHostThatTakesItsSlotsBackRunsTheAlarmsThatWereSetMeanwhile() throws Exception {
    StorageEngine first = opened(StorageEngine.open(slow));
    LinkedBlockingQueue<String> offers = new LinkedBlockingQueue<>();
    first.startAlarms(
        Set.of("TEST"), (namespace, id, name, due) -> offers.add(String.valueOf(name)));
    paused.pause();
    execute("DELETE FROM hosts");
    StorageEngine second = opened(StorageEngine.open(options));
    new TestObject(second, "object").turn(s -> s.setAlarm(Instant.EPOCH));
    second.close();
    paused.goOn();
    assertThat(offers.poll(30, TimeUnit.SECONDS)).isEqualTo("object");
  }

  @Test
  void whatOthersMayStillThinkTheyOwnIsServedOnlyWhenTheyKnowBetter() throws Exception {
    StorageEngine first = opened(StorageEngine.open(slow));
    TestObject object = new TestObject(first, "object");
    object.turn(s -> s.put("k", A));
    // The store goes back to a time before the first host took anything; its row is there.
    awaitSlotsOf(1024);
    paused.pause();
    execute("UPDATE slots SET epoch = epoch - 1, host = NULL");
    StorageEngine second = opened(StorageEngine.openAtOnce(options));
    paused.goOn();
    second.awaitServing();
    assertThat(first.isServing()).isFalse();
    new TestObject(second, "object").turn(s -> s.put("k", B));
  }

  private void awaitSlotsOf(int slots) {
    Wait.until(() -> count("hosts WHERE slots = " + slots) == 1, "the beat of who owns all");
  }

  /** So many beats of each host there is, from now on. */
  private void awaitBeatsOf(int hosts) {
    long sum = count("hosts") == 0 ? 0 : sumOfBeats();
    Wait.until(() -> count("hosts") == hosts && sumOfBeats() > sum + 10L * hosts, "beats");
  }

  private long sumOfBeats() {
    return number("SELECT coalesce(sum(beat), 0) FROM hosts");
  }

  private long count(String from) {
    return number("SELECT count(*) FROM " + from);
  }

  private long number(String sql) {
    try (Connection connection = DriverManager.getConnection(url);
        PreparedStatement select = connection.prepareStatement(sql);
        ResultSet results = select.executeQuery()) {
      results.next();
      return results.getLong(1);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private void execute(String sql) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url)) {
      JdbcStore.execute(connection, sql);
    }
  }

  private static Optional<ByteString> get(TestObject object) {
    return object.query(s -> s.get("k"));
  }

  /** A monotonic clock that stands still while the test wants it to. */
  private static final class PausedTicker extends Ticker {
    private final AtomicLong last = new AtomicLong(System.nanoTime());
    private volatile boolean isPaused;

    void pause() {
      isPaused = true;
    }

    void goOn() {
      isPaused = false;
    }

    @Override
    public long read() {
      if (!isPaused) {
        last.set(System.nanoTime());
      }
      return last.get();
    }
  }

  private static final class StoppedTicker extends Ticker {
    @Override
    public long read() {
      return 0;
    }
  }
}
