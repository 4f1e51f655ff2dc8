package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.Int64Value;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A PostgreSQL that goes away and comes back. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresAwayTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final Int64Value ZERO = Int64Value.getDefaultInstance();

  private final PostgresServer server = PostgresServer.start();
  private final FaultScript faults = new FaultScript();
  private final String url = server.newSchema();
  private final StorageOptions options = StorageOptions.postgres(url);
  private @Nullable StorageEngine engine;

  @AfterEach
  void close() {
    if (engine != null) {
      engine.close();
    }
    server.close();
  }

  private TestObject open(StorageOptions with) {
    engine = StorageEngine.open(with, faults);
    return new TestObject(engine, "object");
  }

  @Test
  void failsWhatItMustAndRecoversByItself() {
    TestObject object = open(options.withStorePatience(Duration.ofMillis(300)));
    object.turn(s -> s.put("k", A));
    server.stop();
    long commit = object.submit(s -> s.put("l", A));
    assertThat(object.awaitFailure(commit)).hasMessageThat().contains("the commit failed");
    StorageException e =
        assertThrows(StorageException.class, () -> object.turn(s -> s.get("never read")));
    assertThat(e).hasMessageThat().contains("could not be read");
    // Beyond its patience, it fails at once.
    object.awaitFailure(object.submit(s -> s.put("l", A)));
    server.resume();
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("m", A)));
    // What reads has connections of its own, which come back later than the committer's.
    TestObject.untilItSucceeds(() -> CommitContract.entries(object));
    assertThat(CommitContract.entries(object)).containsExactly("k", A, "m", A);
    object.evict();
    assertThat(CommitContract.entries(object)).containsExactly("k", A, "m", A);
  }

  @Test
  void waitsForAStoreThatComesBackSoon() {
    TestObject object = open(options.withStorePatience(Duration.ofSeconds(60)));
    object.turn(s -> s.put("k", A));
    server.crash();
    long commit = object.submit(s -> s.put("l", A));
    server.resume();
    object.awaitDurable(commit);
    assertThat(object.failed()).isEmpty();
    object.evict();
    assertThat(CommitContract.entries(object)).containsExactly("k", A, "l", A);
  }

  @Test
  void aConnectionThatIsLostBeforeTheCommitIsTriedAgain() {
    TestObject object = open(options);
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> terminate(backendOf(connection)));
    long commit = object.submit(s -> s.put("k", A));
    object.awaitDurable(commit);
    assertThat(object.failed()).isEmpty();
    object.evict();
    assertThat(CommitContract.entries(object)).containsExactly("k", A);
  }

  @Test
  void aConnectionThatIsLostAfterTheCommitIsNotTriedAgain() {
    TestObject object = open(options);
    faults.once(
        Faults.Step.AFTER_COMMIT,
        (step, connection) -> {
          // If it were committed again, this would be overwritten.
          tamper();
          terminate(backendOf(connection));
          throw new SQLException("the answer got lost", "08006");
        });
    object.awaitDurable(object.submit(s -> s.put("k", A)));
    object.evict();
    assertThat(CommitContract.entries(object)).containsExactly("k", ByteString.EMPTY);
  }

  @Test
  void aCommitInDoubtIsToldWhenThePatienceIsOver() {
    // Long enough for the commit to be held, and sent.
    TestObject object = open(options.withStorePatience(Duration.ofSeconds(3)));
    CountDownLatch stopped = new CountDownLatch(1);
    faults.once(
        Faults.Step.AFTER_COMMIT,
        (step, connection) -> {
          server.stop();
          stopped.countDown();
          throw new SQLException("the answer got lost", "08006");
        });
    TestObject other = new TestObject(engineOrThrow(), "other");
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    long commit = object.submit(s -> s.put("k", A));
    hold.awaitReached();
    long waiting = other.submit(s -> s.put("k", A));
    hold.release();
    other.awaitFailure(waiting);
    object.awaitDoubt(commit);
    assertThat(object.durable()).isEqualTo(0);
    assertThat(object.failed()).isEmpty();
    Wait.on(stopped, "the end of the server");
    server.resume();
    TestObject.untilItSucceeds(
        () -> assertThat(CommitContract.entries(object)).containsExactly("k", A));
  }

  @Test
  void losesNothingThatWasAnsweredWhenTheServerCrashes() {
    TestObject object = open(options.withStorePatience(Duration.ofSeconds(1)));
    long answered = 0;
    for (int round = 0; round < 3; round++) {
      ArrayDeque<long[]> open = new ArrayDeque<>();
      Thread crash =
          Thread.ofPlatform()
              .start(
                  () -> {
                    server.crash();
                    server.resume();
                  });
      do {
        try {
          long[] value = new long[1];
          long commit =
              object.submit(
                  s -> {
                    value[0] = s.get("n", ZERO).getValue() + 1;
                    s.put("n", Int64Value.of(value[0]));
                  });
          open.add(new long[] {commit, value[0]});
          if (open.size() > 200) {
            long[] first = open.remove();
            object.awaitDurable(first[0]);
            answered = first[1];
          }
        } catch (StorageException | TestObject.CommitLostException e) {
          object.discard();
          open.clear();
        }
      } while (crash.isAlive());
      long atLeast = answered;
      TestObject.untilItSucceeds(
          () -> assertThat(object.query(s -> s.get("n", ZERO)).getValue()).isAtLeast(atLeast));
    }
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("done", A)));
    object.evict();
    assertThat(object.query(s -> s.get("n", ZERO)).getValue()).isAtLeast(answered);
  }

  private StorageEngine engineOrThrow() {
    if (engine == null) {
      throw new AssertionError("not open");
    }
    return engine;
  }

  private static int backendOf(Connection connection) throws SQLException {
    try (var select = connection.prepareStatement("SELECT pg_backend_pid()");
        var results = select.executeQuery()) {
      results.next();
      return results.getInt(1);
    }
  }

  private void terminate(int backend) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url);
        PreparedStatement kill =
            connection.prepareStatement("SELECT pg_terminate_backend(?, 10000)")) {
      kill.setInt(1, backend);
      kill.executeQuery().close();
    }
  }

  private void tamper() throws SQLException {
    try (Connection connection = DriverManager.getConnection(url)) {
      JdbcStore.execute(connection, "UPDATE entries SET value = ''");
    }
  }
}
