package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.base.Ticker;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two hosts on one PostgreSQL: who owns what, and what the other one can't do. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresFenceTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final ByteString B = ByteString.copyFromUtf8("b");
  private static final Duration LONG_LEASE = Duration.ofMinutes(10);

  private final String url = PostgresServer.shared().newSchema();
  private final FaultScript faults = new FaultScript();
  private final FakeTicker ticker = new FakeTicker();
  private final StorageOptions options =
      StorageOptions.postgres(url).withOwnershipWait(Duration.ofSeconds(30));

  /** The owner at first. Its lease isn't renewed while a test lasts, unless the test makes it. */
  private StorageEngine older =
      StorageEngine.open(
          options.withLease(LONG_LEASE, Duration.ofSeconds(200)).withTicker(ticker), faults);

  private @Nullable StorageEngine newer;

  @AfterEach
  void close() {
    older.close();
    if (newer != null) {
      newer.close();
    }
  }

  @Test
  void aSecondHostWaitsForTheFirstAndThenGivesUp() {
    StorageException e =
        assertThrows(
            StorageException.class,
            () -> StorageEngine.open(options.withOwnershipWait(Duration.ofMillis(600))));
    assertThat(e).hasMessageThat().contains("owns it");
    assertThat(e).hasMessageThat().contains("ownershipWait");
    TestObject object = new TestObject(older, "object");
    object.turn(s -> s.put("k", A));
  }

  @Test
  void aHostThatClosesGivesItsSlotsUpAtOnce() {
    new TestObject(older, "object").turn(s -> s.put("k", A));
    older.close();
    newer = StorageEngine.open(options.withOwnershipWait(Duration.ofMillis(1)));
    assertThat(get(new TestObject(newer, "object"))).isEqualTo(Optional.of(A));
  }

  @Test
  void theOlderHostCanNotCommitAnyMore() throws Exception {
    TestObject object = new TestObject(older, "object");
    object.turn(s -> s.put("k", A));
    takeOver();
    TestObject taken = new TestObject(newer(), "object");
    assertThat(get(taken)).isEqualTo(Optional.of(A));
    taken.turn(s -> s.put("k", B));
    TurnStorage lost = object.instance();
    long commit = object.submit(s -> s.put("k", ByteString.copyFromUtf8("never")));
    assertThat(object.awaitFailure(commit)).hasMessageThat().contains("taken over");
    assertThrows(StorageException.class, lost::beginTurn);
    StorageException e = assertThrows(StorageException.class, object::instance);
    assertThat(e).hasMessageThat().contains("not owned");
    assertThat(get(taken)).isEqualTo(Optional.of(B));
    taken.evict();
    assertThat(get(taken)).isEqualTo(Optional.of(B));
  }

  @Test
  void aTurnThatOnlyReadsIsAnsweredOnlyWhileTheLeaseIsCertain() throws Exception {
    TestObject object = new TestObject(older, "object");
    object.turn(s -> s.put("k", A));
    assertThat(object.submit(s -> s.get("k"))).isEqualTo(0);
    assertThat(object.submit(s -> {})).isEqualTo(0);
    // The store says that the host is still the owner.
    long commit = 0;
    while (commit == 0) { // The lease's own thread may make it certain again meanwhile.
      ticker.advance(LONG_LEASE);
      commit = object.submit(s -> s.get("k"));
    }
    assertThat(commit).isEqualTo(2);
    object.awaitDurable(commit);
    takeOver();
    new TestObject(newer(), "object").turn(s -> s.put("k", B));
    // And now that it isn't.
    long stale = object.submit(s -> assertThat(s.get("k")).isEqualTo(Optional.of(A)));
    assertThat(object.awaitFailure(stale)).hasMessageThat().contains("taken over");
  }

  @Test
  void whatIsUncommittedWhenTheSlotsAreTakenIsLost() throws Exception {
    TestObject object = new TestObject(older, "object");
    object.turn(s -> s.put("k", A));
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    object.submit(s -> s.put("k", B));
    hold.awaitReached();
    long last = object.submit(s -> s.put("l", B));
    takeOver();
    hold.release();
    object.awaitFailure(last);
    assertThat(object.failed()).containsExactly(2L);
    TestObject taken = new TestObject(newer(), "object");
    assertThat(CommitContract.entries(taken)).containsExactly("k", A);
  }

  @Test
  void aTakeoverWaitsForTheCommitUnderWay() throws Exception {
    TestObject object = new TestObject(older, "object");
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_FENCE);
    long commit = object.submit(s -> s.put("k", A));
    hold.awaitReached();
    bury();
    Thread opening = Thread.ofPlatform().start(() -> newer = StorageEngine.open(options));
    hold.release();
    object.awaitDurable(commit);
    opening.join();
    assertThat(get(new TestObject(newer(), "object"))).isEqualTo(Optional.of(A));
  }

  @Test
  void anEpochThatIsGivenOutTwiceIsOneHostsAlone() throws Exception {
    TestObject object = new TestObject(older, "object");
    object.turn(s -> s.put("k", A));
    // The database fails over to a standby that has not seen this host take its slots.
    execute("UPDATE slots SET epoch = epoch - 1, host = NULL");
    newer = StorageEngine.open(options);
    TestObject taken = new TestObject(newer(), "object");
    taken.turn(s -> s.put("k", B));
    long commit = object.submit(s -> s.put("k", ByteString.copyFromUtf8("never")));
    assertThat(object.awaitFailure(commit)).hasMessageThat().contains("taken over");
    taken.evict();
    assertThat(get(taken)).isEqualTo(Optional.of(B));
  }

  @Test
  void aStoreThatWentBackResetsEveryObject() throws Exception {
    TestObject lost = new TestObject(older, "lost");
    TestObject kept = new TestObject(older, "kept");
    kept.turn(s -> s.put("k", A));
    lost.turn(s -> s.put("k", A));
    TurnStorage idle = kept.instance();
    // The database fails over to a standby that has not seen the last commit.
    execute(
        "DELETE FROM entries WHERE object IN (SELECT object FROM objects WHERE name = 'lost')",
        "DELETE FROM objects WHERE name = 'lost'",
        "UPDATE commit_groups SET number = number - 1");
    endSessions();
    Throwable cause = lost.awaitFailure(lost.submit(s -> s.put("l", A)));
    assertThat(cause).hasMessageThat().contains("went back in time");
    assertThat(cause).hasMessageThat().contains("group 1, expected 2");
    assertThrows(StorageException.class, idle::beginTurn);
    kept.discard();
    // It goes on by itself, from what the store has.
    TestObject.untilItSucceeds(() -> assertThat(get(lost)).isEqualTo(Optional.empty()));
    lost.turn(s -> s.put("m", A));
    assertThat(get(kept)).isEqualTo(Optional.of(A));
    older.close();
    newer = StorageEngine.open(options);
    assertThat(CommitContract.entries(new TestObject(newer(), "lost"))).containsExactly("m", A);
  }

  @Test
  void aCommitInDoubtThatTheStoreHasForgottenResetsEveryObject() throws Exception {
    TestObject object = new TestObject(older, "object");
    TestObject other = new TestObject(older, "other");
    object.turn(s -> s.put("k", A));
    other.turn(s -> s.put("k", A));
    TurnStorage idle = other.instance();
    faults.once(
        Faults.Step.AFTER_COMMIT,
        (step, connection) -> {
          execute("UPDATE commit_groups SET number = number - 2", "UPDATE entries SET value = 'b'");
          throw new SQLException("the answer got lost", "08006");
        });
    Throwable cause = object.awaitFailure(object.submit(s -> s.put("k", A)));
    assertThat(cause).hasMessageThat().contains("went back in time");
    assertThrows(StorageException.class, idle::beginTurn);
    other.discard();
    TestObject.untilItSucceeds(() -> assertThat(get(other)).isEqualTo(Optional.of(B)));
    object.turn(s -> s.put("k", A));
  }

  @Test
  void onlyTheSlotsThatAreLostFail() throws Exception {
    TestObject lost = new TestObject(older, "object");
    TestObject kept =
        IntStream.range(0, 100)
            .mapToObj(i -> new TestObject(older, "kept " + i))
            .filter(o -> slot(o) != slot(lost))
            .findFirst()
            .orElseThrow();
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    new TestObject(older, "first").submit(s -> s.put("k", A));
    hold.awaitReached();
    // These two are the next group.
    long lostCommit = lost.submit(s -> s.put("k", A));
    long keptCommit = kept.submit(s -> s.put("k", A));
    execute("UPDATE slots SET epoch = epoch + 1, host = 'other' WHERE slot = " + slot(lost));
    hold.release();
    kept.awaitDurable(keptCommit);
    lost.awaitFailure(lostCommit);
    kept.turn(s -> s.put("l", A));
    assertThat(CommitContract.entries(kept)).containsExactly("k", A, "l", A);
  }

  @Test
  void aHostThatLostItsSlotsTakesThemAgainWhenItMay() throws Exception {
    older.close();
    older = StorageEngine.open(options.withLease(Duration.ofSeconds(1), Duration.ofMillis(100)));
    TestObject object = new TestObject(older, "object");
    object.turn(s -> s.put("k", A));
    // Another host takes everything, with an object that this one has in memory.
    execute(
        "DELETE FROM hosts",
        "UPDATE slots SET epoch = epoch + 1, host = 'other'",
        "UPDATE entries SET value = 'b'");
    // Once it has noticed, it takes the slots again, because the other one has no lease.
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    Optional<ByteString> seen = Optional.empty();
    while (!seen.equals(Optional.of(B))) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      try {
        seen = get(object);
      } catch (StorageException | TestObject.CommitLostException e) {
        Thread.onSpinWait();
      }
    }
    object.turn(s -> s.put("l", A));
    assertThat(CommitContract.entries(object)).containsExactly("k", B, "l", A);
  }

  /** Ends the host's sessions, as a failover does. */
  private void endSessions() throws SQLException {
    execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            + " WHERE application_name LIKE 'seriatim%' AND pid <> pg_backend_pid()");
  }

  /** Another host starts when this one has been buried. */
  private void takeOver() throws SQLException {
    bury();
    newer = StorageEngine.open(options);
  }

  private void bury() throws SQLException {
    execute("DELETE FROM hosts");
  }

  private StorageEngine newer() {
    if (newer == null) {
      throw new AssertionError("no newer host");
    }
    return newer;
  }

  private void execute(String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url)) {
      connection.setAutoCommit(false);
      JdbcStore.execute(connection, statements);
      connection.commit();
    }
  }

  private static int slot(TestObject object) {
    return new ObjectKey("TEST", object.id()).slot();
  }

  private static Optional<ByteString> get(TestObject object) {
    return object.query(s -> s.get("k"));
  }

  /** A monotonic clock that goes when the test says so. */
  private static final class FakeTicker extends Ticker {
    private final AtomicLong nanos = new AtomicLong();

    @Override
    public long read() {
      return nanos.get();
    }

    void advance(Duration time) {
      nanos.addAndGet(time.toNanos());
    }
  }
}
