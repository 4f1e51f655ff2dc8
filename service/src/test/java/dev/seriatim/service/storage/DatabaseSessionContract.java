package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.Wait;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What databases do with the rows of sessions beside that: one subclass for each. */
abstract class DatabaseSessionContract extends SessionContract {
  /** A connection to the database, beside the engine's. */
  abstract Connection connect() throws SQLException;

  final void reopen() {
    engine.close();
    open();
  }

  final long number(String sql) {
    try (Connection connection = connect();
        PreparedStatement select = connection.prepareStatement(sql);
        ResultSet results = select.executeQuery()) {
      results.next();
      return results.getLong(1);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  final long rows() {
    return number("SELECT count(*) FROM sessions");
  }

  /** What uncommitted writes hold. */
  final long uncommitted() {
    return ((CommittingEngine) engine).budget().used();
  }

  final void execute(String... statements) {
    try (Connection connection = connect()) {
      JdbcStore.execute(connection, statements);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whatATurnWroteAndItsSessionBecomeDurableTogether() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    long commit = write(object, 1);
    hold.awaitReached();
    assertThat(number("SELECT count(*) FROM entries")).isEqualTo(0);
    assertThat(rows()).isEqualTo(0);
    // What isn't durable yet is known, and waited for.
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(0, 0));
    assertThat(object.storage().sessions().gate()).isEqualTo(commit);
    // Also over what is being committed; but another session has nothing to do with it.
    long later = object.storage().sessions().submit(says(SESSION, row(2)));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(2));
    assertThat(object.storage().sessions().read(OTHER_SESSION)).isNull();
    assertThat(object.storage().sessions().gate()).isEqualTo(later);
    hold.release();
    object.awaitDurable(later);
    assertThat(number("SELECT count(*) FROM entries")).isEqualTo(1);
    assertThat(rows()).isEqualTo(1);
    assertThat(object.storage().sessions().gate()).isEqualTo(0);
    reopen();
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(2));
    assertThat(CommitContract.entries(object)).containsExactly("k", A);
  }

  /** Else a limit could be passed by as many as are on their way, and one of them run twice. */
  @Test
  void keysCountAsSoonAsTheyAreSubmitted() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    SessionRow key = new SessionRow(0, 0, A, A);
    object.submit(s -> s.put("k", A), says(SESSION, key), true);
    hold.awaitReached();
    long commit = object.submit(s -> s.put("k", A), says(OTHER_SESSION, key), true);
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(0, 2));
    assertThat(object.storage().sessions().keys(10)).containsExactly(SESSION, OTHER_SESSION);
    hold.release();
    object.awaitDurable(commit);
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(0, 2));
    assertThat(object.storage().sessions().keys(10)).containsExactly(SESSION, OTHER_SESSION);
  }

  @Test
  void ofOneGroupOnlyTheNewestIsWritten() {
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    other.submit(s -> s.put("k", A));
    hold.awaitReached();
    Said[] said = new Said[10];
    for (int i = 0; i < said.length; i++) {
      said[i] = says(SESSION, row(i));
      object.submit(s -> s.put("k", A), said[i], false);
    }
    Said removed = says(OTHER_SESSION, row(1));
    object.storage().sessions().submit(removed);
    long commit = object.storage().sessions().submit(says(OTHER_SESSION, null));
    hold.release();
    object.awaitDurable(commit);
    for (int i = 0; i < said.length; i++) {
      assertThat(said[i].asked.get()).isEqualTo(i == said.length - 1 ? 1 : 0);
    }
    assertThat(removed.asked.get()).isEqualTo(0);
    assertThat(rows()).isEqualTo(1);
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(9));
  }

  @Test
  void deleteAllInTheSameGroupLeavesWhatWasSaidBefore() {
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    other.submit(s -> s.put("k", A));
    hold.awaitReached();
    write(object, 1);
    object.submit(s -> s.deleteAll(), says(OTHER_SESSION, row(2)), false);
    assertThat(uncommitted()).isGreaterThan(2L * Batch.SESSION_BYTES);
    hold.release();
    object.awaitDurable(object.storage().sessions().gate());
    other.awaitDurable(1);
    assertThat(uncommitted()).isEqualTo(0);
    reopen();
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(object.storage().sessions().read(OTHER_SESSION)).isEqualTo(row(2));
  }

  @Test
  void theRowIsAskedForOnceForEachTry() {
    Said said = says(SESSION, row(1));
    // An earlier try is refused for a while, as by a store that is busy.
    faults.once(
        Faults.Step.AFTER_WRITES,
        (step, connection) -> {
          throw busy();
        });
    object.awaitDurable(object.submit(s -> s.put("k", A), said, false));
    assertThat(said.asked.get()).isEqualTo(2);
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(1));
  }

  /** A failure with which it is worth trying again. */
  abstract SQLException busy();

  @Test
  void manyLargeRowsOfOneGroup() {
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    other.submit(s -> s.put("k", A));
    hold.awaitReached();
    SessionRow large = new SessionRow(1, 1, null, ByteString.copyFrom(new byte[1 << 20]));
    for (int i = 0; i < 10; i++) {
      object.storage().sessions().submit(says(SessionId.ofKey("session " + i), large));
    }
    assertThat(uncommitted()).isAtLeast(10L * Batch.SESSION_BYTES);
    hold.release();
    object.awaitDurable(object.storage().sessions().gate());
    other.awaitDurable(1);
    assertThat(uncommitted()).isEqualTo(0);
    assertThat(rows()).isEqualTo(10);
    assertThat(number("SELECT sum(length(frame)) FROM sessions")).isEqualTo(10 << 20);
  }

  @Test
  void aFloodOfKeysWaitsForCommits() throws Exception {
    engine.close();
    open(options().withMaxUncommittedBytesPerObject(3L * Batch.SESSION_BYTES));
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    submitKey(0);
    hold.awaitReached();
    CompletableFuture<Long> third = new CompletableFuture<>();
    CompletableFuture<Long> last = new CompletableFuture<>();
    Thread flood =
        Thread.startVirtualThread(
            () -> {
              submitKey(1);
              third.complete(submitKey(2));
              last.complete(submitKey(3));
            });
    assertThat(third.get(30, TimeUnit.SECONDS)).isEqualTo(3);
    // Nothing is durable yet, so it can't have ended, now or later.
    assertThat(last.isDone()).isFalse();
    hold.release();
    object.awaitDurable(last.get(30, TimeUnit.SECONDS));
    flood.join();
    assertThat(rows()).isEqualTo(4);
  }

  private long submitKey(int number) {
    return object.submit(s -> {}, says(SessionId.ofKey("key " + number), keyRow()), true);
  }

  @Test
  void aCommitOfSessionsAloneMakesNoObject() {
    object.awaitDurable(object.storage().sessions().submit(says(SESSION, row(1))));
    object.awaitDurable(object.submit(s -> {}, says(KEY, keyRow()), true));
    assertThat(number("SELECT count(*) FROM objects")).isEqualTo(0);
    assertThat(rows()).isEqualTo(2);
    // And neither hides nor loses what the object stores then.
    object.turn(s -> s.put("k", A));
    object.awaitDurable(object.storage().sessions().submit(says(SESSION, row(2))));
    assertThat(CommitContract.entries(anew(object))).containsExactly("k", A);
    assertThat(number("SELECT count(*) FROM objects WHERE name IS NOT NULL")).isEqualTo(1);
  }

  @Test
  void anObjectWithoutAnEntryKeepsItsSessions() {
    object.awaitDurable(write(object, 1));
    object.awaitDurable(object.submit(s -> s.deleteAll(), says(OTHER_SESSION, row(1)), false));
    assertThat(number("SELECT count(*) FROM objects")).isEqualTo(0);
    assertThat(rows()).isEqualTo(2);
    reopen();
    // Another object may get the row of the one that is gone.
    other.turn(s -> s.put("k", B));
    assertThat(other.storage().sessions().read(SESSION)).isNull();
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
  }

  @ParameterizedTest
  @EnumSource(names = {"BEFORE_BEGIN", "AFTER_FENCE", "AFTER_WRITES"})
  void aLostCommitTakesItsSessionsWithIt(Faults.Step step) {
    object.awaitDurable(write(object, 1));
    FaultScript.Hold hold = faults.hold(step);
    faults.failOnce(step, new SQLException("out of order"));
    object.submit(s -> s.put("k", B), says(SESSION, row(2)), false);
    hold.awaitReached();
    long last = object.storage().sessions().submit(says(SESSION, row(3)));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(3));
    hold.release();
    object.awaitFailure(last);
    assertThat(uncommitted()).isEqualTo(0);
    // What was read before isn't so, and whoever would tell of it is told.
    StorageException e =
        assertThrows(StorageException.class, () -> object.storage().sessions().gate());
    assertThat(e).hasMessageThat().contains("may be lost");
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(object.storage().sessions().gate()).isEqualTo(0);
    assertThat(CommitContract.entries(object)).containsExactly("k", A);
    long next = object.storage().sessions().submit(says(SESSION, row(4)));
    object.awaitDurable(next);
    reopen();
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(4));
  }

  @Test
  void whatWasReadInAnEarlierLifeIsNotToldOf() {
    object.awaitDurable(write(object, 1));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    faults.failOnce(Faults.Step.AFTER_WRITES, new SQLException("out of order"));
    long lost = write(object, 2);
    hold.awaitReached();
    hold.release();
    object.awaitFailure(lost);
    assertThrows(StorageException.class, () -> object.storage().sessions().gate());
    // That has been said, and only once.
    assertThat(object.storage().sessions().gate()).isEqualTo(0);
  }

  @Test
  void nothingIsSaidOfSessionsWhileACommitIsInDoubt() {
    engine.close();
    open(options().withStorePatience(Duration.ofMillis(100)));
    TestObject.untilItSucceeds(() -> object.awaitDurable(write(object, 1)));
    // Whoever asks what became of the commit gets no answer.
    CountDownLatch away = new CountDownLatch(1);
    faults.once(
        Faults.Step.AFTER_COMMIT,
        (step, connection) -> {
          execute("ALTER TABLE commit_groups RENAME TO away");
          away.countDown();
          throw new SQLException("the answer got lost", "08006");
        });
    // Of a commit of sessions alone, too.
    object.awaitDoubt(object.storage().sessions().submit(says(SESSION, row(2))));
    // A committer that stands still before it comes to this is in doubt as well.
    Wait.on(away, "the loss of the answer");
    ObjectLog log = object.storage();
    assertInDoubt(() -> log.sessions().read(SESSION));
    assertInDoubt(() -> log.sessions().counts());
    assertInDoubt(() -> log.sessions().gate());
    assertInDoubt(() -> log.sessions().submit(says(SESSION, row(3))));
    execute("ALTER TABLE away RENAME TO commit_groups");
    TestObject.untilItSucceeds(() -> assertThat(log.sessions().read(SESSION)).isEqualTo(row(2)));
  }

  private static void assertInDoubt(org.junit.jupiter.api.function.Executable use) {
    StorageException e = assertThrows(StorageException.class, use);
    assertThat(e).hasMessageThat().contains("has not said yet");
  }

  @Test
  void aCommitThatWasDoneIsDurableThoughTheAnswerWasLost() {
    faults.failOnce(Faults.Step.AFTER_COMMIT, new SQLException("the answer got lost", "08006"));
    object.awaitDurable(write(object, 1));
    assertThat(object.failed()).isEmpty();
    reopen();
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
  }

  @Test
  void expiredRowsAreSweptAndNoOthers() throws SQLException {
    // Not as many as any number of steps takes.
    for (int i = 0; i < 130; i++) {
      object.storage().sessions().submit(says(SessionId.ofKey("session " + i), row(i)));
    }
    for (int i = 0; i < 30; i++) {
      object.storage().sessions().submit(says(SessionId.ofKey("key " + i), keyRow()));
    }
    object.awaitDurable(object.storage().sessions().gate());
    assertThat(rows()).isEqualTo(160);
    int _ = engine.sweepSessions(SweepPace.MOST);
    pass(Duration.ofMinutes(12));
    object.awaitDurable(write(object, 1));
    // Each sweep takes some of them, and the committer goes on.
    Wait.until(
        () -> {
          sweep();
          return rows() == 31;
        },
        "all that has expired is swept");
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(1, 30));
    object.awaitDurable(write(object, 2));
    assertThat(rows()).isEqualTo(31);
  }

  private void sweep() {
    try {
      int _ = engine.sweepSessions(60);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void peopleMayRead() throws SQLException {
    object.awaitDurable(write(object, 7));
    object.awaitDurable(object.storage().sessions().submit(says(KEY, keyRow())));
    try (Connection connection = connect();
        PreparedStatement select =
            connection.prepareStatement(
                "SELECT namespace, name, id, kind, connection, completed, expires, bytes"
                    + " FROM readable_sessions ORDER BY completed DESC");
        ResultSet results = select.executeQuery()) {
      assertThat(results.next()).isTrue();
      assertThat(results.getString(1)).isEqualTo("TEST");
      assertThat(results.getString(2)).isEqualTo("object");
      assertThat(results.getString(3)).isEqualTo(object.id().toString());
      assertThat(results.getString(4)).isEqualTo("session");
      assertThat(results.getLong(5)).isEqualTo(1);
      assertThat(results.getLong(6)).isEqualTo(7);
      assertThat(results.getString(7)).startsWith("20");
      assertThat(results.getLong(8)).isEqualTo(row(7).frame().size());
      assertThat(results.next()).isTrue();
      assertThat(results.getString(4)).isEqualTo("key");
      assertThat(results.getLong(5)).isEqualTo(0);
      assertThat(results.next()).isFalse();
    }
  }
}
