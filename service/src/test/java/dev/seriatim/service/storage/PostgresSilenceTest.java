package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.base.Ticker;
import com.google.protobuf.ByteString;
import com.google.protobuf.Int64Value;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A PostgreSQL that says nothing any more, and whose connections don't break: each turn is told
 * within its host's patience what is certain, and none what isn't.
 */
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresSilenceTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final ByteString B = ByteString.copyFromUtf8("b");
  private static final Int64Value ZERO = Int64Value.getDefaultInstance();

  private final TcpProxy proxy = new TcpProxy(PostgresServer.shared());
  private final FaultScript faults = new FaultScript();
  private final String direct = PostgresServer.shared().newSchema();
  private final StorageOptions options =
      StorageOptions.postgres(proxy.url(direct)).withStorePatience(Duration.ofSeconds(1));
  private final AtomicLong nanos = new AtomicLong();
  private final Ticker ticker =
      new Ticker() {
        @Override
        public long read() {
          return nanos.get();
        }
      };
  private final List<StorageEngine> engines = new ArrayList<>();
  private final StorageEngine engine = opened(options);
  private final TestObject object = new TestObject(engine, "object");
  private final TestObject other = new TestObject(engine, "other");

  @AfterEach
  void close() {
    proxy.speak();
    engines.forEach(StorageEngine::close);
    proxy.close();
  }

  private StorageEngine opened(StorageOptions with) {
    StorageEngine made = StorageEngine.open(with, faults);
    engines.add(made);
    return made;
  }

  @Test
  void aCommitThatWasNotSentIsLostForCertain() {
    object.turn(s -> s.put("k", A));
    proxy.silence();
    long commit = object.submit(s -> s.put("k", B));
    assertThat(object.awaitFailure(commit)).hasMessageThat().contains("the commit failed");
    other.awaitFailure(other.submit(s -> s.put("k", A)));
    proxy.speak();
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("l", A)));
    checkStored(object, Map.of("k", A, "l", A));
    checkStored(other, Map.of());
  }

  @Test
  void aCommitThatIsTooLargeForTheSocketIsLostForCertain() {
    object.turn(s -> s.put("k", A));
    faults.once(Faults.Step.AFTER_FENCE, (step, connection) -> proxy.silence());
    ByteString large = ByteString.copyFrom(new byte[1_500_000]);
    long commit =
        object.submit(
            s -> {
              for (int i = 0; i < 10; i++) {
                s.put("large" + i, large);
              }
            });
    object.awaitFailure(commit);
    proxy.speak();
    TestObject.untilItSucceeds(() -> object.turn(s -> s.put("l", A)));
    checkStored(object, Map.of("k", A, "l", A));
  }

  @Test
  void aCommitThatWasSentIsInDoubtUntilTheServerSpeaks() {
    object.turn(s -> s.put("k", A));
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> proxy.silenceAnswers());
    long commit = object.submit(s -> s.put("k", B));
    assertThat(object.awaitDoubt(commit)).hasMessageThat().contains("has not said");
    assertThat(object.failed()).isEmpty();
    assertThat(object.durable()).isEqualTo(1);
    assertThat(object.storage().pendingCommit()).isEqualTo(0);
    // Nobody may see what it was like before, or build on it.
    StorageException e =
        assertThrows(StorageException.class, () -> object.submit(s -> s.put("l", A)));
    assertThat(e).hasMessageThat().contains("has not said");
    assertThat(e.isRetryable()).isTrue();
    object.discard();
    object.storage().close();
    TestObject again = new TestObject(engine, "object");
    assertThrows(StorageException.class, () -> again.submit(s -> s.put("l", A)));
    other.awaitFailure(other.submit(s -> s.put("k", A)));
    proxy.speak();
    TestObject.untilItSucceeds(() -> again.turn(s -> s.put("l", A)));
    checkStored(again, Map.of("k", B, "l", A));
    checkStored(other, Map.of());
  }

  @Test
  void whatIsOnTopOfACommitInDoubtIsLostForCertain() {
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    long commit = object.submit(s -> s.put("k", A));
    hold.awaitReached();
    long top = object.submit(s -> s.put("k", B));
    long behind = other.submit(s -> s.put("k", B));
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> {});
    proxy.silenceAnswers();
    hold.release();
    object.awaitDoubt(commit);
    object.awaitFailure(top);
    other.awaitFailure(behind);
    proxy.speak();
    checkStored(object, Map.of("k", A));
    checkStored(other, Map.of());
  }

  @Test
  void aReadThatPassesThroughTheFenceIsNeverInDoubt() {
    engines.removeFirst().close();
    // It is certain of what it owns for no longer than a moment.
    StorageEngine uncertain =
        opened(options.withLease(Duration.ofMinutes(10), Duration.ofMinutes(3)).withTicker(ticker));
    TestObject reader = new TestObject(uncertain, "reader");
    reader.turn(s -> s.get("k"));
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> proxy.silenceAnswers());
    long commit = 0;
    while (commit == 0) { // The lease's own thread may make it certain again meanwhile.
      nanos.addAndGet(Duration.ofMinutes(10).toNanos());
      commit = reader.submit(s -> s.get("k"));
    }
    reader.awaitFailure(commit);
  }

  @Test
  void aCommitThatArrivesAfterTheSilenceIsTakenOrLeftForGood() {
    object.turn(s -> s.put("n", Int64Value.of(0)));
    long n = 0;
    for (int round = 0; round < 5; round++) {
      long next = n + 1;
      faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> proxy.silence());
      object.awaitDoubt(object.submit(s -> s.put("n", Int64Value.of(next))));
      // Now the order to commit arrives at the server, and so does the question what became of it.
      proxy.speak();
      long[] found = new long[1];
      TestObject.untilItSucceeds(() -> found[0] = number(object));
      assertThat(found[0]).isAnyOf(n, next);
      n = found[0];
      object.evict();
      assertThat(number(object)).isEqualTo(n);
    }
    checkStored(object, Map.of("n", Int64Value.of(n).toByteString()));
  }

  private static long number(TestObject of) {
    return of.query(s -> s.get("n", ZERO)).getValue();
  }

  @Test
  void everyReadIsToldInTime() {
    int readers = 40;
    object.turn(s -> s.put("k", A));
    List<TestObject> objects = new ArrayList<>();
    for (int i = 0; i < readers; i++) {
      objects.add(new TestObject(engine, "reader " + i));
    }
    proxy.silence();
    CountDownLatch last = new CountDownLatch(1);
    Thread reads =
        Thread.ofPlatform()
            .start(
                () -> {
                  for (TestObject reader : objects) {
                    StorageException e =
                        assertThrows(StorageException.class, () -> reader.query(s -> s.get("k")));
                    assertThat(e.isRetryable()).isTrue();
                  }
                  last.countDown();
                });
    // One after the other, as turns of one object are. Each for itself would take a second or more.
    Wait.on(last, "the answer to the last of " + readers + " reads");
    assertThat(reads.isDaemon()).isFalse();
    proxy.speak();
    TestObject.untilItSucceeds(
        () -> assertThat(object.<Optional<ByteString>>query(s -> s.get("never read"))).isEmpty());
  }

  @Test
  void anAlarmWhoseTurnIsInDoubtRunsAgainIfItDidNot() throws Exception {
    LinkedBlockingQueue<String> offers = new LinkedBlockingQueue<>();
    engine.startAlarms(
        Set.of("TEST"), (namespace, id, name, due) -> offers.add(String.valueOf(name)));
    object.turn(s -> s.setAlarm(Instant.EPOCH));
    assertThat(offers.poll(30, TimeUnit.SECONDS)).isEqualTo("object");
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> proxy.silence());
    TurnStorage s = object.instance();
    assertThat(s.beginAlarmTurn(false)).isNotNull();
    long commit = s.endTurn();
    object.awaitDoubt(commit);
    proxy.speak();
    TestObject.untilItSucceeds(
        () -> {
          if (object.query(storage -> storage.getAlarm().isPresent())) {
            poll(offers);
          }
        });
  }

  private static void poll(LinkedBlockingQueue<String> offers) {
    try {
      assertThat(offers.poll(30, TimeUnit.SECONDS)).isEqualTo("object");
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aHostThatWasSilentForLongerThanItsLeaseIsTakenOver() {
    StorageOptions brief = options.withLease(Duration.ofSeconds(2), Duration.ofMillis(300));
    engines.removeFirst().close();
    StorageEngine first = opened(brief);
    TestObject silent = new TestObject(first, "object");
    silent.turn(s -> s.put("n", Int64Value.of(1)));
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> proxy.silenceAnswers());
    silent.awaitDoubt(silent.submit(s -> s.put("n", Int64Value.of(2))));
    StorageOptions beside =
        StorageOptions.postgres(direct).withLease(Duration.ofSeconds(2), Duration.ofMillis(300));
    StorageEngine second = opened(beside);
    TestObject taken = new TestObject(second, "object");
    assertThat(number(taken)).isEqualTo(2);
    taken.turn(s -> s.put("n", Int64Value.of(3)));
    proxy.speak();
    Wait.until(() -> refusal(silent).contains("not owned"), "the first host's knowing better");
    taken.turn(s -> s.put("n", Int64Value.of(4)));
    engines.remove(second);
    second.close();
    TestObject.untilItSucceeds(() -> assertThat(number(silent)).isEqualTo(4));
  }

  private static String refusal(TestObject of) {
    try {
      of.submit(s -> {});
      return "none";
    } catch (StorageException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Test
  void aHostThatIsClosedWhileACommitIsInDoubtSaysSo() {
    faults.once(Faults.Step.AFTER_WRITES, (step, connection) -> proxy.silenceAnswers());
    long commit = object.submit(s -> s.put("k", A));
    object.awaitDoubt(commit);
    CountDownLatch closed = new CountDownLatch(1);
    Thread.startVirtualThread(
        () -> {
          engine.close();
          closed.countDown();
        });
    Wait.on(closed, "the end of the host");
    proxy.speak();
    engines.clear();
    StorageEngine next = opened(StorageOptions.postgres(direct));
    checkStored(new TestObject(next, "object"), Map.of("k", A));
  }

  @Test
  void aHostIsClosedInTimeThoughTheServerSaysNothing() {
    engines.removeFirst().close();
    // Whoever holds a lease for so long waits long for the word that it is given up.
    StorageEngine lasting =
        opened(options.withLease(Duration.ofMinutes(10), Duration.ofMinutes(3)));
    TestObject last = new TestObject(lasting, "last");
    last.turn(s -> s.get("k"));
    proxy.silence();
    long commit = last.submit(s -> s.put("k", A));
    CountDownLatch closed = new CountDownLatch(1);
    Thread.startVirtualThread(
        () -> {
          lasting.close();
          closed.countDown();
        });
    Wait.on(closed, "the end of the host");
    last.awaitFailure(commit);
    engines.clear();
  }

  /** What the store has, from another instance and, in the end, from the tables. */
  private static void checkStored(TestObject of, Map<String, ByteString> entries) {
    TestObject.untilItSucceeds(of::evict);
    TestObject.untilItSucceeds(
        () -> assertThat(CommitContract.entries(of)).containsExactlyEntriesIn(entries));
  }
}
