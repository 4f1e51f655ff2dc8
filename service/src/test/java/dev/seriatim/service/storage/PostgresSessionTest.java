package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Sessions, kept in PostgreSQL, whose clock is the one that counts. */
final class PostgresSessionTest extends DatabaseSessionContract {
  private final String url = PostgresServer.shared().newSchema();

  @Override
  StorageOptions options() {
    // However busy the machine is, the lease is certain.
    return StorageOptions.postgres(url).withLease(Duration.ofMinutes(10), Duration.ofSeconds(1));
  }

  @Override
  Connection connect() throws SQLException {
    return DriverManager.getConnection(url);
  }

  /** The host's clock says nothing: it leaps back meanwhile. */
  @Override
  void pass(Duration time) {
    clock.advance(time.multipliedBy(-10));
    execute("UPDATE sessions SET expires = expires - " + time.toMinutes());
  }

  @Override
  SQLException busy() {
    return new SQLException("a deadlock", "40P01");
  }

  /** The lease's own thread has nothing to say while a test lasts. */
  private void openWithoutBeats() {
    engine.close();
    open(options().withLease(Duration.ofMinutes(10), Duration.ofSeconds(200)));
  }

  @Test
  void theOlderHostCanNotWriteSessionsAnyMore() {
    openWithoutBeats();
    object.awaitDurable(write(object, 1));
    ObjectLog log = object.storage();
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    other.submit(s -> s.put("k", A));
    hold.awaitReached();
    long lost = log.sessions().submit(says(SESSION, row(2)));
    execute(
        "INSERT INTO hosts (host, beat, slots, lease_millis, lease_until)"
            + " VALUES ('another', 1, 1024, 3600000, now() + interval '1 hour')",
        "UPDATE slots SET epoch = epoch + 1, host = 'another'");
    hold.release();
    assertThat(object.awaitFailure(lost)).hasMessageThat().contains("taken over");
    assertThrows(StorageException.class, () -> log.sessions().read(SESSION));
    assertThrows(StorageException.class, () -> log.sessions().submit(says(SESSION, row(3))));
    assertThrows(StorageException.class, () -> log.sessions().gate());
    assertThrows(StorageException.class, () -> log.sessions().counts());
    assertThat(number("SELECT max(completed) FROM sessions")).isEqualTo(1);
  }

  @Test
  void anInstanceFromBeforeTheObjectChangedHandsIsLostWithIt() {
    openWithoutBeats();
    object.awaitDurable(write(object, 1));
    TurnStorage instance = object.instance();
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    Ownership ownership = ((CommittingEngine) engine).ownership();
    int slot = new ObjectKey("TEST", object.id()).slot();
    Ownership.Tenure tenure = Objects.requireNonNull(ownership.tenure(slot));
    ownership.lose(tenure, "it is lost for a moment");
    assertThrows(StorageException.class, () -> object.storage().sessions().read(SESSION));
    ownership.own(slot, tenure.epoch);
    // What was read, was read before.
    assertThrows(StorageException.class, () -> object.storage().sessions().gate());
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThrows(StorageException.class, instance::beginTurn);
    object.awaitDurable(write(object, 2));
  }

  @Test
  void asLongAsTheLeaseIsNotCertainWhatIsReadWaitsForACommit() {
    object.awaitDurable(write(object, 1));
    Ownership ownership = ((CommittingEngine) engine).ownership();
    long commit = 0;
    while (commit == 0) { // The lease's own thread may make it certain again meanwhile.
      ownership.certainUntil(System.nanoTime() - Duration.ofMinutes(1).toNanos());
      assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
      commit = object.storage().sessions().gate();
    }
    object.awaitDurable(commit);
  }

  @Test
  void rowsAreStampedWithTheDatabasesClock() {
    object.awaitDurable(write(object, 1));
    // The host's clock is somewhere else.
    assertThat(
            number(
                "SELECT count(*) FROM sessions WHERE to_timestamp(expires * 60)"
                    + " BETWEEN now() + interval '1 minute' AND now() + interval '11 minutes'"))
        .isEqualTo(1);
  }

  @Test
  void aSweepWaitsForNobody() throws SQLException {
    object.awaitDurable(write(object, 1));
    other.awaitDurable(write(other, 1));
    pass(Duration.ofMinutes(12));
    try (Connection connection = connect()) {
      connection.setAutoCommit(false);
      JdbcStore.execute(
          connection,
          "SELECT 1 FROM sessions WHERE id = '\\x" + object.id() + "'::bytea FOR UPDATE");
      assertThat(engine.sweepSessions(SweepPace.MOST)).isEqualTo(1);
      connection.rollback();
    }
    assertThat(engine.sweepSessions(SweepPace.MOST)).isEqualTo(1);
    assertThat(rows()).isEqualTo(0);
  }

  @Test
  void aHostThatOwnsNothingSweepsToo() throws SQLException {
    object.awaitDurable(write(object, 1));
    pass(Duration.ofMinutes(12));
    execute("DELETE FROM hosts", "UPDATE slots SET epoch = epoch + 1, host = 'another'");
    assertThat(engine.sweepSessions(SweepPace.MOST)).isEqualTo(1);
  }
}
