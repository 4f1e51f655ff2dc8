package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every store does with the rows of sessions and idempotency keys. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class SessionContract {
  static final ByteString A = ByteString.copyFromUtf8("a");
  static final ByteString B = ByteString.copyFromUtf8("b");
  static final SessionId SESSION = SessionId.of(ByteString.copyFromUtf8("0123456789abcdef"));
  static final SessionId OTHER_SESSION = SessionId.of(ByteString.copyFromUtf8("fedcba9876543210"));
  static final SessionId KEY = SessionId.ofKey("a key");

  final FaultScript faults = new FaultScript();
  final FakeClock clock = new FakeClock();
  StorageEngine engine;
  TestObject object;
  TestObject other;

  /** Options for a store that is empty the first time, and the same one after that. */
  abstract StorageOptions options();

  /** Lets this time pass, as far as rows that expire are concerned. */
  abstract void pass(Duration time);

  @BeforeEach
  final void open() {
    open(options());
  }

  final void open(StorageOptions options) {
    engine = StorageEngine.open(options.withClock(clock), faults);
    object = new TestObject(engine, "object");
    other = new TestObject(engine, "other");
  }

  @AfterEach
  final void close() {
    engine.close();
  }

  /** A row of a session that has completed this. */
  static SessionRow row(long completed) {
    return new SessionRow(1, completed, null, ByteString.copyFromUtf8("frame " + completed));
  }

  static SessionRow keyRow() {
    return new SessionRow(0, 1, ByteString.copyFromUtf8("of the same call"), A);
  }

  /** Says this of a session, and counts how often it is asked. */
  static final class Said implements SessionWrite {
    final AtomicInteger asked = new AtomicInteger();
    private final SessionId session;
    private final @Nullable SessionRow row;

    Said(SessionId session, @Nullable SessionRow row) {
      this.session = session;
      this.row = row;
    }

    @Override
    public boolean isKey() {
      return row != null && row.connection() == 0;
    }

    @Override
    public SessionId session() {
      return session;
    }

    @Override
    public @Nullable SessionRow row() {
      asked.incrementAndGet();
      return row;
    }
  }

  static Said says(SessionId session, @Nullable SessionRow row) {
    return new Said(session, row);
  }

  /** A turn that writes, of a session that has then completed this. */
  final long write(TestObject of, long completed) {
    return of.submit(s -> s.put("k", A), says(SESSION, row(completed)), false);
  }

  /** The object as it is when nobody has it in memory. */
  final TestObject anew(TestObject of) {
    of.awaitDurable(of.storage().pendingCommit());
    of.evict();
    return of;
  }

  @Test
  void whatIsSaidOfATurnThatWroteIsKept() {
    assertThat(object.storage().sessions().read(SESSION)).isNull();
    object.awaitDurable(write(object, 7));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(7));
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(7));
  }

  @Test
  void allThatARowHasIsKept() {
    SessionRow largest =
        new SessionRow(
            -1,
            Long.MAX_VALUE,
            ByteString.copyFromUtf8("0123456789abcdef"),
            ByteString.copyFrom(new byte[2 << 20]));
    SessionRow empty = new SessionRow(0, 0, null, ByteString.EMPTY);
    object.awaitDurable(object.storage().sessions().submit(says(SESSION, largest)));
    object.awaitDurable(object.storage().sessions().submit(says(KEY, empty)));
    anew(object);
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(largest);
    assertThat(object.storage().sessions().read(KEY)).isEqualTo(empty);
  }

  @Test
  void aTurnThatWroteNothingLeavesNoRow() {
    Said said = says(SESSION, row(1));
    object.awaitDurable(object.submit(s -> {}, said, false));
    object.awaitDurable(object.submit(s -> s.get("k"), said, false));
    assertThat(anew(object).storage().sessions().read(SESSION)).isNull();
    assertThat(said.asked.get()).isEqualTo(0);
  }

  @Test
  void unlessItIsToBeKeptAlways() {
    object.awaitDurable(object.submit(s -> {}, says(KEY, keyRow()), true));
    object.awaitDurable(object.submit(s -> s.get("k"), says(SESSION, row(1)), true));
    anew(object);
    assertThat(object.storage().sessions().read(KEY)).isEqualTo(keyRow());
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
  }

  @Test
  void theNewestIsInThePlaceOfTheOneBefore() {
    for (int completed = 1; completed <= 5; completed++) {
      object.awaitDurable(write(object, completed));
    }
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(5));
    object.awaitDurable(object.storage().sessions().submit(says(SESSION, row(6))));
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(6));
    object.awaitDurable(object.submit(s -> s.put("k", B), says(SESSION, null), false));
    assertThat(anew(object).storage().sessions().read(SESSION)).isNull();
    assertThat(CommitContract.entries(object)).containsExactly("k", B);
  }

  @Test
  void keysAreNamedAndSessionsAreNot() {
    assertThat(object.storage().sessions().keys(10)).isEmpty();
    object.awaitDurable(write(object, 1));
    List<SessionId> keys = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      keys.add(SessionId.ofKey("key " + i));
      object.awaitDurable(object.submit(s -> s.put("k", A), says(keys.get(i), keyRow()), true));
    }
    other.awaitDurable(other.submit(s -> s.put("k", A), says(KEY, keyRow()), true));
    assertThat(anew(object).storage().sessions().keys(10)).containsExactlyElementsIn(keys);
    assertThat(object.storage().sessions().keys(2)).hasSize(2);
    pass(Duration.ofDays(2));
    assertThat(object.storage().sessions().keys(10)).isEmpty();
  }

  @Test
  void deleteAllLeavesSessions() {
    object.awaitDurable(write(object, 1));
    object.awaitDurable(
        object.submit(
            s -> {
              s.deleteAll();
              s.setAlarm(Instant.EPOCH.plus(Duration.ofDays(100_000)));
              s.deleteAlarm();
            },
            says(OTHER_SESSION, row(2)),
            false));
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(object.storage().sessions().read(OTHER_SESSION)).isEqualTo(row(2));
    assertThat(CommitContract.entries(object)).isEmpty();
    object.turn(s -> s.put("k", A));
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(1));
  }

  @Test
  void sessionsOfTwoObjectsHaveNothingToDoWithEachOther() {
    object.awaitDurable(write(object, 1));
    TestObject elsewhere = new TestObject(engine, "ELSEWHERE", "object");
    other.awaitDurable(write(other, 2));
    elsewhere.awaitDurable(write(elsewhere, 3));
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(anew(other).storage().sessions().read(SESSION)).isEqualTo(row(2));
    assertThat(anew(elsewhere).storage().sessions().read(SESSION)).isEqualTo(row(3));
    other.awaitDurable(other.storage().sessions().submit(says(SESSION, null)));
    assertThat(anew(other).storage().sessions().counts()).isEqualTo(new SessionCounts(0, 0));
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(1, 0));
  }

  @Test
  void rowsAreCounted() {
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(0, 0));
    object.awaitDurable(write(object, 1));
    object.awaitDurable(object.storage().sessions().submit(says(OTHER_SESSION, row(1))));
    object.awaitDurable(object.storage().sessions().submit(says(KEY, keyRow())));
    for (int i = 0; i < 5; i++) {
      SessionId key = SessionId.ofKey("key " + i);
      object.awaitDurable(object.submit(s -> {}, says(key, keyRow()), true));
    }
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(2, 6));
  }

  @Test
  void whatHasExpiredIsNotThere() {
    object.awaitDurable(write(object, 1));
    object.awaitDurable(object.storage().sessions().submit(says(KEY, keyRow())));
    pass(Duration.ofMinutes(9));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    pass(Duration.ofMinutes(3));
    assertThat(object.storage().sessions().read(SESSION)).isNull();
    assertThat(object.storage().sessions().read(KEY)).isEqualTo(keyRow());
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(0, 1));
    // The next turn that writes has it again.
    object.awaitDurable(write(object, 2));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(2));
    pass(Duration.ofHours(23).plusMinutes(45));
    assertThat(object.storage().sessions().read(KEY)).isEqualTo(keyRow());
    pass(Duration.ofMinutes(16));
    assertThat(object.storage().sessions().counts()).isEqualTo(new SessionCounts(0, 0));
    assertThat(object.storage().sessions().read(KEY)).isNull();
  }

  @Test
  void eachWriteBeginsTheRetentionAnew() {
    object.awaitDurable(write(object, 1));
    for (int i = 2; i < 6; i++) {
      pass(Duration.ofMinutes(9));
      object.awaitDurable(write(object, i));
    }
    assertThat(anew(object).storage().sessions().read(SESSION)).isEqualTo(row(5));
  }

  @Test
  void retentionsAreOptions() {
    engine.close();
    open(
        options()
            .withSessionRetention(Duration.ofHours(2))
            .withIdempotencyRetention(Duration.ofSeconds(1)));
    object.awaitDurable(write(object, 1));
    object.awaitDurable(object.storage().sessions().submit(says(KEY, keyRow())));
    pass(Duration.ofMinutes(3));
    assertThat(object.storage().sessions().read(KEY)).isNull();
    pass(Duration.ofMinutes(115));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    pass(Duration.ofMinutes(5));
    assertThat(object.storage().sessions().read(SESSION)).isNull();
  }

  @Test
  void thereIsNothingToWaitForWhenNothingIsPending() {
    assertThat(object.storage().sessions().gate()).isEqualTo(0);
    object.awaitDurable(write(object, 1));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(object.storage().sessions().gate()).isEqualTo(0);
  }

  @Test
  void anInstanceGoesOnWhileSessionsAreReadAndWritten() {
    TurnStorage instance = object.instance();
    object.awaitDurable(object.storage().sessions().submit(says(SESSION, row(1))));
    assertThat(object.storage().sessions().read(SESSION)).isEqualTo(row(1));
    assertThat(object.storage().sessions().gate()).isEqualTo(0);
    object.turn(s -> s.put("k", A));
    assertThat(object.instance()).isSameInstanceAs(instance);
  }
}
