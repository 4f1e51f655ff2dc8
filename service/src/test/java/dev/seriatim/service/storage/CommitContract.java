package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The output gate and the commit path, with faults at every step. One subclass for each database.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class CommitContract {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final ByteString B = ByteString.copyFromUtf8("b");

  final FaultScript faults = new FaultScript();
  StorageEngine engine;
  TestObject object;
  TestObject other;

  /** Options for a store that is empty the first time, and the same one after that. */
  abstract StorageOptions options();

  /** A connection to the database, beside the engine's. */
  abstract Connection connect() throws SQLException;

  @BeforeEach
  final void open() {
    open(options());
  }

  final void open(StorageOptions options) {
    engine = StorageEngine.open(options, faults);
    object = new TestObject(engine, "object");
    other = new TestObject(engine, "other");
  }

  final void reopen() {
    engine.close();
    open();
  }

  @AfterEach
  final void close() {
    engine.close();
  }

  @Test
  void laterTurnsRunOverUncommittedOnesAndWaitForThem() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    assertThat(object.submit(s -> s.put("k", A))).isEqualTo(1);
    hold.awaitReached();
    // A read that may have seen the first commit waits for it, as does a turn without storage.
    assertThat(object.submit(s -> assertThat(s.get("k")).isEqualTo(Optional.of(A)))).isEqualTo(1);
    assertThat(object.submit(s -> {})).isEqualTo(1);
    assertThat(object.submit(s -> s.put("k", B))).isEqualTo(2);
    assertThat(object.submit(s -> s.put("l", B))).isEqualTo(3);
    assertThat(object.submit(s -> assertThat(s.get("k")).isEqualTo(Optional.of(B)))).isEqualTo(3);
    assertThat(object.storage().pendingCommit()).isEqualTo(3);
    assertThat(object.durable()).isEqualTo(0);
    // Another object has nothing to wait for.
    assertThat(other.submit(s -> s.get("k"))).isEqualTo(0);
    hold.release();
    object.awaitDurable(3);
    assertThat(object.storage().pendingCommit()).isEqualTo(0);
    assertThat(object.submit(s -> s.get("k"))).isEqualTo(0);
    object.evict();
    assertThat(entries(object)).containsExactly("k", B, "l", B);
  }

  @Test
  void listsUncommittedWritesOverDurableOnes() {
    object.turn(s -> s.put(Map.of("a", A, "b", A, "c", A, "d", A)));
    object.evict();
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    object.submit(s -> s.delete("a"));
    hold.awaitReached();
    object.submit(s -> s.put("b", B));
    object.submit(
        s -> {
          s.put("e", B);
          s.delete("d");
          assertThat(s.list()).containsExactly("b", B, "c", A, "e", B).inOrder();
          assertThat(s.list(ListOptions.all().limit(2))).containsExactly("b", B, "c", A).inOrder();
          assertThat(s.list(ListOptions.all().reverse().limit(1))).containsExactly("e", B);
        });
    object.submit(
        s -> {
          s.deleteAll();
          assertThat(s.list()).isEmpty();
        });
    object.submit(
        s -> {
          assertThat(s.list()).isEmpty();
          assertThat(s.get("c")).isEqualTo(Optional.empty());
          s.put("c", B);
        });
    object.submit(s -> assertThat(s.list()).containsExactly("c", B));
    hold.release();
    object.awaitDurable(object.storage().pendingCommit());
    assertThat(entries(object)).containsExactly("c", B);
    object.evict();
    assertThat(entries(object)).containsExactly("c", B);
  }

  /** Without a word on what was taken already, a later commit would stand for it. */
  @Test
  void batchesAreTakenThoughThereIsNoMemoryForAMoment() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    TestObject first = new TestObject(engine, "first");
    long held = first.submit(s -> s.put("k", A));
    hold.awaitReached();
    object.submit(s -> s.put("k", A));
    other.submit(s -> s.put("k", A));
    faults.once(Faults.Step.BEFORE_NOTIFY, (_, _) -> faults.noMemory(Faults.Need.TO_TAKE, 2));
    hold.release();
    first.awaitDurable(held);
    object.awaitDurable(1);
    other.awaitDurable(1);
    object.turn(s -> s.put("l", B));
    other.evict();
    object.evict();
    assertThat(entries(other)).containsExactly("k", A);
    assertThat(entries(object)).containsExactly("k", A, "l", B);
  }

  @ParameterizedTest
  @EnumSource(names = {"BEFORE_BEGIN", "AFTER_FENCE", "AFTER_WRITES"})
  void withoutMemoryEveryoneIsToldAndTheNextCommitSucceeds(Faults.Step step) {
    object.turn(s -> s.put("k", A));
    FaultScript.Hold hold = faults.hold(step);
    faults.once(
        step,
        (_, _) -> {
          faults.noMemory(Faults.Need.TO_TELL, 2);
          throw new OutOfMemoryError("no memory to commit");
        });
    long lost = object.submit(s -> s.put("k", B));
    hold.awaitReached();
    long onTop = object.submit(s -> s.put("l", B));
    hold.release();
    assertThat(object.awaitFailure(lost)).hasMessageThat().contains("no memory to commit");
    assertThat(object.awaitFailure(onTop)).hasMessageThat().contains("no memory to commit");
    assertThat(object.failed()).containsExactly(2L);
    object.turn(s -> s.put("m", B));
    assertThat(entries(object)).containsExactly("k", A, "m", B);
  }

  @ParameterizedTest
  @EnumSource(names = {"AFTER_COMMIT", "BEFORE_NOTIFY"})
  void whatIsDurableIsToldAsSuchThoughThereIsNoMemory(Faults.Step step) {
    faults.once(
        step,
        (_, _) -> {
          faults.noMemory(Faults.Need.TO_TELL, 2);
          throw new OutOfMemoryError("no memory after the commit");
        });
    object.turn(s -> s.put("k", A));
    object.turn(s -> s.put("l", B));
    assertThat(object.failed()).isEmpty();
    assertThat(entries(object)).containsExactly("k", A, "l", B);
  }

  @Test
  void theFailureOfAFailureIsNoEnd() {
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    faults.once(
        Faults.Step.BEFORE_BEGIN,
        (_, connection) -> {
          connection.close();
          faults.noMemory(Faults.Need.TO_FAIL, 3);
          throw new OutOfMemoryError("no memory to commit");
        });
    long lost = object.submit(s -> s.put("k", A));
    hold.awaitReached();
    hold.release();
    assertThat(object.awaitFailure(lost)).hasMessageThat().contains("memory");
    other.turn(s -> s.put("k", A));
    object.turn(s -> s.put("l", A));
    assertThat(entries(object)).containsExactly("l", A);
  }

  @Test
  void halfOfATurnIsNeverCommitted() {
    object.turn(s -> s.put("a", A));
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    object.submit(s -> s.put("b", A));
    hold.awaitReached();
    long whole = object.submit(s -> s.put("c", A));
    faults.noMemory(Faults.Need.TO_SUBMIT, 1);
    assertThrows(
        OutOfMemoryError.class,
        () ->
            object.submit(
                s -> {
                  s.put("b", B);
                  s.put("d", B);
                }));
    hold.release();
    object.awaitDurable(2);
    assertThat(object.awaitFailure(whole)).hasMessageThat().contains("TO_SUBMIT");
    assertThat(object.storage().pendingCommit()).isEqualTo(0);
    object.turn(s -> s.put("e", B));
    object.evict();
    assertThat(entries(object)).containsExactly("a", A, "b", A, "e", B);
  }

  @ParameterizedTest
  @EnumSource(names = {"BEFORE_BEGIN", "AFTER_FENCE", "AFTER_WRITES"})
  void aFailedCommitTakesAllThatCameOnTopOfIt(Faults.Step step) {
    object.turn(s -> s.put("k", A));
    TurnStorage lost = object.instance();
    FaultScript.Hold hold = faults.hold(step);
    faults.failOnce(step, new SQLException("out of order"));
    object.submit(s -> s.put("k", B));
    hold.awaitReached();
    object.submit(s -> s.put("l", B));
    long last = object.submit(s -> s.get("l"));
    other.submit(s -> s.put("o", A));
    hold.release();
    assertThat(object.awaitFailure(last)).hasMessageThat().contains("out of order");
    assertThat(object.failed()).containsExactly(2L);
    assertThat(object.durable()).isEqualTo(1);
    StorageException e = assertThrows(StorageException.class, lost::beginTurn);
    assertThat(e).hasMessageThat().contains("out of order");
    assertThat(object.storage().pendingCommit()).isEqualTo(0);
    // What was submitted while the group failed belongs to the next one.
    other.awaitDurable(1);
    assertThat(entries(object)).containsExactly("k", A);
    object.turn(s -> s.put("m", B));
    assertThat(entries(object)).containsExactly("k", A, "m", B);
    reopen();
    assertThat(entries(object)).containsExactly("k", A, "m", B);
    assertThat(entries(other)).containsExactly("o", A);
  }

  @Test
  void aTurnThatRunsWhileItsBaseIsLostCanNotEnd() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    faults.failOnce(Faults.Step.AFTER_WRITES, new SQLException("out of order"));
    long first = object.submit(s -> s.put("k", A));
    hold.awaitReached();
    TurnStorage s = object.instance();
    s.beginTurn();
    s.put("l", A);
    hold.release();
    object.awaitFailure(first);
    assertThrows(StorageException.class, () -> s.get("k"));
    assertThrows(StorageException.class, s::endTurn);
    assertThat(s.rollback()).isTrue();
    s.discard();
    assertThat(entries(object)).isEmpty();
  }

  @Test
  void syncTellsOfALostCommit() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    faults.failOnce(Faults.Step.AFTER_WRITES, new SQLException("out of order"));
    object.submit(s -> s.put("k", A));
    hold.awaitReached();
    TurnStorage s = object.instance();
    s.beginTurn();
    hold.release();
    StorageException e = assertThrows(StorageException.class, s::sync);
    assertThat(e).hasMessageThat().contains("out of order");
    s.rollback();
  }

  @ParameterizedTest
  @EnumSource(names = {"AFTER_COMMIT", "BEFORE_NOTIFY"})
  void aCommitThatWasDoneIsDurableThoughTheAnswerWasLost(Faults.Step step) {
    faults.failOnce(step, new SQLException("the answer got lost", "08006"));
    object.turn(s -> s.put("k", A));
    assertThat(object.failed()).isEmpty();
    object.turn(s -> s.put("l", A));
    reopen();
    assertThat(entries(object)).containsExactly("k", A, "l", A);
  }

  @ParameterizedTest
  @EnumSource(names = {"AFTER_COMMIT", "BEFORE_NOTIFY"})
  void aCommitThatWasDoneIsDurableWhateverIsThrownBehindIt(Faults.Step step) {
    faults.once(
        step,
        (s, connection) -> {
          throw new OutOfMemoryError("as if");
        });
    object.turn(s -> s.put("k", A));
    assertThat(object.failed()).isEmpty();
    object.turn(s -> s.put("l", A));
    reopen();
    assertThat(entries(object)).containsExactly("k", A, "l", A);
  }

  @Test
  void aListenerThatThrowsIsItsOwnLossAlone() {
    CommitListener broken =
        new CommitListener() {
          @Override
          public void durable(long commit, boolean idle) {
            throw new AssertionError("a listener's fault");
          }

          @Override
          public void failed(long first, long last, Throwable cause) {
            throw new AssertionError("a listener's fault");
          }

          @Override
          public void inDoubt(long first, long lastInDoubt, long last, Throwable cause) {
            throw new AssertionError("a listener's fault");
          }
        };
    ObjectLog faulty = engine.log("TEST", TestObject.IDS.fromName("faulty"), broken);
    object.turn(s -> s.put("k", A));
    for (boolean lost : new boolean[] {false, true}) {
      FaultScript.Hold first = faults.hold(Faults.Step.BEFORE_BEGIN);
      object.submit(s -> s.put("k", A));
      first.awaitReached();
      TurnStorage instance = faulty.newStorage();
      instance.beginTurn();
      instance.put("k", A);
      instance.endTurn();
      instance.discard();
      long commit = other.submit(s -> s.put("k", A));
      FaultScript.Hold second = faults.hold(Faults.Step.AFTER_WRITES);
      first.release();
      // It is the first group that is held here; then both others are one.
      second.awaitReached();
      if (lost) {
        faults.once(
            Faults.Step.BEFORE_BEGIN,
            (s, connection) -> {
              throw new SQLException("out of order");
            });
      }
      second.release();
      if (lost) {
        other.awaitFailure(commit);
      } else {
        other.awaitDurable(commit);
      }
    }
    object.turn(s -> s.put("l", A));
    assertThat(entries(object)).containsExactly("k", A, "l", A);
  }

  @Test
  void aCommitThatWasNotDoneIsNotDurable() {
    // Asked for the answer, the store says that there was no such commit.
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> connection.close());
    long commit = object.submit(s -> s.put("k", A));
    boolean durable = true;
    try {
      object.awaitDurable(commit);
    } catch (TestObject.CommitLostException e) {
      durable = false; // unless the committer thought it worth trying again
    }
    reopen();
    assertThat(entries(object)).isEqualTo(durable ? Map.of("k", A) : Map.of());
  }

  @Test
  void tooManyUncommittedTurnsWait() throws Exception {
    engine.close();
    open(options().withMaxUncommittedTurnsPerObject(3));
    checkThatTurnsWait(A);
  }

  @Test
  void tooManyUncommittedBytesOfAnObjectWait() throws Exception {
    engine.close();
    open(options().withMaxUncommittedBytesPerObject(3_500));
    checkThatTurnsWait(ByteString.copyFrom(new byte[1_000]));
  }

  @Test
  void tooManyUncommittedBytesWait() throws Exception {
    engine.close();
    open(options().withMaxUncommittedBytes(3_000));
    checkThatTurnsWait(ByteString.copyFrom(new byte[1_000]));
  }

  private void checkThatTurnsWait(ByteString value) throws Exception {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    assertThat(object.submit(s -> s.put("0", value))).isEqualTo(1);
    hold.awaitReached();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      CompletableFuture<Long> third = new CompletableFuture<>();
      CompletableFuture<Long> last = new CompletableFuture<>();
      threads.execute(
          () -> {
            object.submit(s -> s.put("1", value));
            third.complete(object.submit(s -> s.put("2", value)));
            last.complete(object.submit(s -> s.put("3", value)));
          });
      assertThat(third.get(30, TimeUnit.SECONDS)).isEqualTo(3);
      // Nothing is durable yet, so it can't have ended, now or later.
      assertThat(last.isDone()).isFalse();
      hold.release();
      object.awaitDurable(last.get(30, TimeUnit.SECONDS));
    }
    assertThat(entries(object)).hasSize(4);
  }

  @Test
  void aDiscardWakesTheTurnThatWaitsForRoom() throws Exception {
    engine.close();
    open(options().withMaxUncommittedTurnsPerObject(1));
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    object.submit(s -> s.put("0", A));
    hold.awaitReached();
    TurnStorage instance = object.instance();
    CompletableFuture<Long> waiting = new CompletableFuture<>();
    Thread.startVirtualThread(
        () -> {
          try {
            instance.beginTurn();
            instance.put("1", A);
            waiting.complete(instance.endTurn());
          } catch (RuntimeException e) {
            waiting.completeExceptionally(e);
          }
        });
    object.discard();
    ExecutionException e =
        assertThrows(ExecutionException.class, () -> waiting.get(30, TimeUnit.SECONDS));
    assertThat(e).hasCauseThat().isInstanceOf(IllegalStateException.class);
    hold.release();
    object.awaitDurable(1);
    assertThat(entries(object)).containsExactly("0", A);
  }

  @Test
  void manyObjectsCommitTogether() {
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    object.submit(s -> s.put("k", A));
    hold.awaitReached();
    TestObject[] many = new TestObject[500];
    for (int i = 0; i < many.length; i++) {
      many[i] = new TestObject(engine, "many " + i);
      many[i].submit(s -> s.put("k", A));
      many[i].submit(s -> s.put("l", A));
    }
    hold.release();
    for (TestObject one : many) {
      one.awaitDurable(2);
      one.evict();
      assertThat(entries(one)).containsExactly("k", A, "l", A);
    }
  }

  @Test
  void closingCommitsWhatWasSubmitted() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    object.submit(s -> s.put("k", A));
    hold.awaitReached();
    other.submit(s -> s.put("k", B));
    hold.release();
    engine.close();
    assertThat(object.durable()).isEqualTo(1);
    assertThat(other.durable()).isEqualTo(1);
    open();
    assertThat(entries(object)).containsExactly("k", A);
    assertThat(entries(other)).containsExactly("k", B);
  }

  @Test
  void nothingIsCommittedOnTopOfACommitThatStaysInDoubt() throws Exception {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    object.submit(s -> s.put("k", A));
    hold.awaitReached();
    object.submit(s -> s.put("l", B));
    other.submit(s -> s.put("o", B));
    // Whoever asks what became of the first commit gets no answer; the next one could be made.
    faults.once(
        Faults.Step.AFTER_COMMIT,
        (step, connection) -> {
          execute("ALTER TABLE commit_groups RENAME TO away");
          throw new SQLException("the answer got lost", "08006");
        });
    faults.once(
        Faults.Step.BEFORE_BEGIN,
        (step, connection) -> execute("ALTER TABLE away RENAME TO commit_groups"));
    Thread closing = Thread.ofPlatform().start(engine::close);
    hold.release();
    closing.join(TimeUnit.SECONDS.toMillis(60));
    assertThat(closing.isAlive()).isFalse();
    assertThat(object.durable()).isEqualTo(0);
    object.awaitDoubt(1);
    assertThat(object.failed()).containsExactly(2L);
    restore();
    open();
    assertThat(entries(object)).containsExactly("k", A);
  }

  private void restore() {
    try {
      execute("ALTER TABLE away RENAME TO commit_groups");
    } catch (SQLException e) {
      // It is in its place.
    }
  }

  private void execute(String sql) throws SQLException {
    try (Connection connection = connect()) {
      JdbcStore.execute(connection, sql);
    }
  }

  @Test
  void rereadsNothingThatItHasInMemory() {
    // With the reads' results in memory, a hot object doesn't need the store to read.
    object.turn(s -> s.put("k", A));
    object.turn(
        s -> {
          ByteString first = s.get("k").orElseThrow();
          assertThat(s.get("k").orElseThrow()).isSameInstanceAs(first);
        });
    engine.close();
    open(options().withCacheBytesPerObject(0));
    object.turn(
        s -> {
          ByteString first = s.get("k").orElseThrow();
          assertThat(s.get("k").orElseThrow()).isNotSameInstanceAs(first);
        });
  }

  static Map<String, ByteString> entries(TestObject of) {
    return of.query(DurableObjectStorage::list);
  }
}
