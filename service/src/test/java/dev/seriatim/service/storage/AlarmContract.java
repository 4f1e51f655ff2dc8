package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.StorageOptions;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Alarms, whatever the store. One subclass for each store. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class AlarmContract {
  private static final ByteString A = ByteString.copyFromUtf8("a");

  final FakeClock clock = new FakeClock();
  final FaultScript faults = new FaultScript();
  private final LinkedBlockingQueue<Offer> offers = new LinkedBlockingQueue<>();

  /** Those that were taken out. */
  private final Set<Offer> taken = new HashSet<>();

  StorageEngine engine;
  TestObject object;
  TestObject sentinel;

  /** A connection to the store, past the engine. */
  abstract Connection connect() throws SQLException;

  /** Options for a store that is empty the first time, and the same one after that. */
  abstract StorageOptions options();

  /** The store was read by the time that the test begins. */
  @BeforeEach
  final void begin() {
    open(options());
    TestObject first = new TestObject(engine, "first");
    first.turn(s -> s.setAlarm(clock.instant()));
    engine.startAlarms(Set.of("TEST"), this::offered);
    assertThat(nextOffer().name()).isEqualTo("first");
    runAlarm(first, alarm -> {}, DurableObjectStorage::deleteAll);
  }

  /** Waits until nothing is due, and so the store was read. */
  private void awaitNoneDue() {
    try {
      long _ = engine.awaitNoneDue(Duration.ofSeconds(30));
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError("alarms are due", e);
    }
  }

  final void open() {
    open(options());
    engine.startAlarms(Set.of("TEST"), this::offered);
  }

  private void open(StorageOptions options) {
    engine = StorageEngine.open(options.withClock(clock), faults);
    object = new TestObject(engine, "object");
    sentinel = new TestObject(engine, "sentinel");
  }

  @AfterEach
  final void close() {
    engine.close();
  }

  final boolean isPersistent() {
    return !(options().location() instanceof StorageOptions.Memory);
  }

  final void reopen() {
    engine.close();
    offers.clear();
    open();
  }

  private void offered(String namespace, String id, @Nullable String name, Instant due) {
    offers.add(new Offer(namespace, id, name, due));
  }

  @Test
  void runsWhenItIsDue() {
    Instant due = clock.instant().plusSeconds(10);
    object.turn(s -> s.setAlarm(due));
    sentinelIn(Duration.ofSeconds(9));
    clock.advance(Duration.ofSeconds(9));
    expectSentinel();
    clock.advance(Duration.ofSeconds(1));
    assertThat(nextOffer()).isEqualTo(new Offer("TEST", object.id().toString(), "object", due));
    runAlarm(
        object,
        alarm -> {
          assertThat(alarm.due()).isEqualTo(due);
          assertThat(alarm.retries()).isEqualTo(0);
        },
        s -> {
          assertThat(s.getAlarm()).isEqualTo(Optional.empty());
          s.put("rang", A);
        });
    assertThat(entries(object)).isEqualTo(List.of("rang"));
    assertThat(alarm(object)).isEqualTo(Optional.empty());
    if (isPersistent()) {
      reopen();
      expectNoMore();
      assertThat(entries(object)).isEqualTo(List.of("rang"));
    }
  }

  @Test
  void runsAtOnceIfTheTimeHasPassed() {
    object.turn(s -> s.setAlarm(clock.instant().minusSeconds(100)));
    assertThat(nextOffer().name()).isEqualTo("object");
  }

  @Test
  void runsOverdueAlarmsInDueOrderAfterARestart() {
    if (!isPersistent()) {
      return;
    }
    for (int i = 9; i >= 0; i--) {
      Instant due = clock.instant().plusSeconds(10 + i);
      new TestObject(engine, "late " + i).turn(s -> s.setAlarm(due));
    }
    engine.close();
    clock.advance(Duration.ofSeconds(100));
    open();
    for (int i = 0; i < 10; i++) {
      assertThat(nextOffer().name()).isEqualTo("late " + i);
    }
  }

  @Test
  void anAlarmThatWasOfferedButDidNotRunIsOfferedAfterARestart() {
    if (!isPersistent()) {
      return;
    }
    object.turn(s -> s.setAlarm(clock.instant()));
    assertThat(nextOffer().name()).isEqualTo("object");
    reopen();
    assertThat(nextOffer().name()).isEqualTo("object");
    runAlarm(object, alarm -> {}, s -> {});
    reopen();
    expectNoMore();
  }

  @Test
  void isRetriedWithGrowingPausesAndThenGivenUp() throws SQLException {
    object.turn(
        s -> {
          s.setAlarm(clock.instant());
          s.put("kept", A);
        });
    long pause = 2;
    for (int retries = 0; retries < AlarmTime.MAX_RETRIES; retries++) {
      failAlarm(retries);
      assertThat(alarm(object)).isEqualTo(Optional.of(clock.instant().plusSeconds(pause)));
      if (retries == 2 && isPersistent()) {
        object.evict();
        reopen();
      }
      sentinelIn(Duration.ofSeconds(pause - 1));
      clock.advance(Duration.ofSeconds(pause - 1));
      expectSentinel();
      clock.advance(Duration.ofSeconds(1));
      pause *= 2;
    }
    expectInStore("object 6 tried again");
    failAlarm(AlarmTime.MAX_RETRIES);
    for (boolean again : new boolean[] {false, true}) {
      assertThat(alarm(object)).isEqualTo(Optional.empty());
      clock.advance(Duration.ofDays(1));
      expectNoMore();
      assertThat(entries(object)).isEqualTo(List.of("kept"));
      expectInStore("object 7 given up");
      if (!again && isPersistent()) {
        object.evict();
        reopen();
      }
    }
    // It can be set anew, and begins with no failures.
    Instant next = clock.instant().plusSeconds(5);
    object.turn(s -> s.setAlarm(next));
    assertThat(alarm(object)).isEqualTo(Optional.of(next));
    expectInStore("object 0 set");
    clock.advance(Duration.ofSeconds(5));
    assertThat(nextOffer().due()).isEqualTo(next);
    runAlarm(object, alarm -> assertThat(alarm.retries()).isEqualTo(0), s -> {});
    expectInStore();
  }

  @Test
  void oneThatIsGivenUpCanBeDeleted() throws SQLException {
    object.turn(
        s -> {
          s.setAlarm(clock.instant());
          s.put("kept", A);
        });
    for (int retries = 0; retries <= AlarmTime.MAX_RETRIES; retries++) {
      failAlarm(retries);
      clock.advance(Duration.ofMinutes(2));
    }
    expectInStore("object 7 given up");
    object.turn(DurableObjectStorage::deleteAlarm);
    expectInStore();
    assertThat(entries(object)).isEqualTo(List.of("kept"));
  }

  /** What people see of the alarms in the store, but for the sentinel's: name, retries, state. */
  private void expectInStore(String... alarms) throws SQLException {
    if (!isPersistent()) {
      return;
    }
    List<String> found = new ArrayList<>();
    try (Connection connection = connect();
        var select =
            connection.prepareStatement(
                "SELECT name, retries, state FROM readable_alarms"
                    + " WHERE name <> 'sentinel' AND namespace = 'TEST' ORDER BY due");
        var results = select.executeQuery()) {
      while (results.next()) {
        found.add(results.getString(1) + " " + results.getInt(2) + " " + results.getString(3));
      }
    }
    assertThat(found).isEqualTo(List.of(alarms));
  }

  private void failAlarm(int retries) {
    assertThat(nextOffer().name()).isEqualTo("object");
    TurnStorage s = object.instance();
    Alarm alarm = Objects.requireNonNull(s.beginAlarmTurn(false));
    assertThat(alarm.retries()).isEqualTo(retries);
    // The removal of the alarm is not a write of the object's own.
    assertThat(s.rollback()).isFalse();
    object
        .storage()
        .retryAlarm(alarm, "OBJECT_EXCEPTION", new IllegalStateException("the handler threw"));
    object.awaitDurable(object.storage().pendingCommit());
  }

  @Test
  void theHandlerMaySetTheNextOne() {
    object.turn(s -> s.setAlarm(clock.instant()));
    nextOffer();
    Instant next = clock.instant().plusSeconds(5);
    runAlarm(object, alarm -> {}, s -> s.setAlarm(next));
    assertThat(alarm(object)).isEqualTo(Optional.of(next));
    clock.advance(Duration.ofSeconds(5));
    assertThat(nextOffer().due()).isEqualTo(next);
    runAlarm(object, alarm -> assertThat(alarm.retries()).isEqualTo(0), s -> {});
    expectNoMore();
  }

  @Test
  void canBeCancelled() {
    TestObject cleared = new TestObject(engine, "cleared");
    TestObject moved = new TestObject(engine, "moved");
    Instant due = clock.instant().plusSeconds(5);
    object.turn(s -> s.setAlarm(due));
    cleared.turn(s -> s.setAlarm(due));
    moved.turn(s -> s.setAlarm(due));
    object.turn(DurableObjectStorage::deleteAlarm);
    cleared.turn(DurableObjectStorage::deleteAll);
    moved.turn(s -> s.setAlarm(due.plusSeconds(100)));
    clock.advance(Duration.ofSeconds(50));
    expectNoMore();
    clock.advance(Duration.ofSeconds(100));
    assertThat(nextOffer().name()).isEqualTo("moved");
  }

  @Test
  void anAlarmThatWasCancelledAfterItWasOfferedDoesNotRun() {
    object.turn(s -> s.setAlarm(clock.instant()));
    nextOffer();
    object.turn(DurableObjectStorage::deleteAlarm);
    TurnStorage s = object.instance();
    assertThat(s.beginAlarmTurn(false)).isNull();
    object.turn(t -> t.setAlarm(clock.instant().plusSeconds(1)));
    assertThat(s.beginAlarmTurn(false)).isNull();
    clock.advance(Duration.ofSeconds(1));
    assertThat(nextOffer().name()).isEqualTo("object");
  }

  @Test
  void anAlarmThatWasPostponedIsOfferedAgain() {
    object.turn(s -> s.setAlarm(clock.instant()));
    nextOffer();
    object.storage().putOffAlarm("there is no room", null);
    assertThat(nextOffer().name()).isEqualTo("object");
  }

  @Test
  void holdsFewInMemoryAndOffersFewAtOnce() {
    engine.close();
    open(options().withAlarmIndexSize(7).withMaxOutstandingAlarms(3));
    engine.startAlarms(Set.of("TEST"), this::offered);
    List<TestObject> objects = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      TestObject one = new TestObject(engine, "alarm " + i);
      objects.add(one);
      Instant due = clock.instant().plusSeconds(10 + (i * 17) % 40);
      one.turn(s -> s.setAlarm(due));
    }
    clock.advance(Duration.ofSeconds(1000));
    Instant last = Instant.MIN;
    for (int i = 0; i < 40; i++) {
      Offer offer = nextOffer();
      assertThat(offer.due()).isAtLeast(last);
      last = offer.due();
      assertWithMessage("offered at once").that(offers.size()).isLessThan(3);
      String name = Objects.requireNonNull(offer.name());
      runAlarm(
          objects.get(Integer.parseInt(name.substring("alarm ".length()))), alarm -> {}, s -> {});
    }
    expectNoMore();
  }

  /** The engine anew, with little room for alarms. */
  private void reopenWith(int indexSize, int maxOutstanding, String... namespaces) {
    engine.close();
    open(
        options()
            .withAlarmIndexSize(indexSize)
            .withMaxOutstandingAlarms(maxOutstanding)
            .withMaxLongAlarms(maxOutstanding));
    engine.startAlarms(Set.of(namespaces), this::offered);
  }

  @Test
  void moreThanThereIsRoomForAreMovedAheadAgainAndAgain() {
    reopenWith(7, 3, "TEST");
    List<TestObject> objects = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      objects.add(new TestObject(engine, "object " + i));
    }
    for (int round = 0; round < 3; round++) {
      Instant due = clock.instant().plusSeconds(30);
      objects.forEach(each -> each.turn(s -> s.setAlarm(due)));
      clock.advance(Duration.ofSeconds(10));
    }
    expectNoMore();
    clock.advance(Duration.ofSeconds(20));
    for (int i = 0; i < 20; i++) {
      runAlarm(objects.get(numberOf(nextOffer())), alarm -> {}, s -> {});
    }
    expectNoMore();
  }

  private static String nameOf(Offer offer) {
    return Objects.requireNonNull(offer.name());
  }

  private static int numberOf(Offer offer) {
    String name = nameOf(offer);
    return Integer.parseInt(name.substring(name.indexOf(' ') + 1));
  }

  @Test
  void aNamespaceThatIsGoneLeavesRoomForTheOthers() {
    reopenWith(7, 3, "TEST", "NEW");
    awaitNoneDue();
    for (int i = 0; i < 20; i++) {
      new TestObject(engine, "GONE", "gone " + i).turn(s -> s.setAlarm(clock.instant()));
    }
    object.turn(s -> s.setAlarm(clock.instant()));
    assertThat(nextOffer().name()).isEqualTo("object");
    if (isPersistent()) {
      reopenWith(7, 3, "TEST", "NEW");
      assertThat(nextOffer().name()).isEqualTo("object");
    }
    runAlarm(object, alarm -> {}, s -> {});
    expectNoMore();
    if (isPersistent()) {
      // A host that has it again runs them all.
      reopenWith(7, 3, "GONE");
      for (int i = 0; i < 20; i++) {
        Offer offer = nextOffer();
        assertThat(offer.namespace()).isEqualTo("GONE");
        runAlarm(new TestObject(engine, "GONE", nameOf(offer)), alarm -> {}, s -> {});
      }
    }
  }

  @Test
  void aClockThatStepsBackBetweenTheOfferAndTheTurnLosesNothing() {
    object.turn(s -> s.setAlarm(clock.instant()));
    assertThat(nextOffer().name()).isEqualTo("object");
    clock.advance(Duration.ofHours(-1));
    assertThat(object.instance().beginAlarmTurn(false)).isNull();
    clock.advance(Duration.ofMinutes(59));
    expectNoMore();
    clock.advance(Duration.ofMinutes(1));
    assertThat(nextOffer().name()).isEqualTo("object");
    runAlarm(object, alarm -> {}, s -> {});
    expectNoMore();
  }

  @Test
  void alarmsThatTakeLongDoNotHoldUpTheOthers() {
    reopenWith(30, 3, "TEST");
    awaitNoneDue();
    for (int i = 0; i < 3; i++) {
      new TestObject(engine, "long " + i).turn(s -> s.setAlarm(clock.instant()));
    }
    for (int i = 0; i < 3; i++) {
      assertThat(nextOffer().name()).startsWith("long ");
    }
    // None of them is answered.
    object.turn(s -> s.setAlarm(clock.instant()));
    assertThat(nextOffer().name()).isEqualTo("object");
  }

  @Test
  void oneNamespaceLeavesRoomForTheOthers() {
    reopenWith(30, 10, "TEST", "FLOOD");
    awaitNoneDue();
    for (int i = 0; i < 50; i++) {
      new TestObject(engine, "FLOOD", "flood " + i).turn(s -> s.setAlarm(clock.instant()));
    }
    object.turn(s -> s.setAlarm(clock.instant()));
    Offer offer = nextOffer();
    for (int flood = 0; offer.namespace().equals("FLOOD"); flood++) {
      assertWithMessage("of one namespace on their way, unanswered").that(flood).isLessThan(16);
      offer = nextOffer();
    }
    assertThat(offer.name()).isEqualTo("object");
  }

  @Test
  void anyNumberOfAlarmsThatCanNotRunHideNoneThatCan() {
    reopenWith(7, 3, "TEST");
    awaitNoneDue();
    for (int i = 0; i < 40; i++) {
      new TestObject(engine, "bad " + i).turn(s -> s.setAlarm(clock.instant().minusSeconds(100)));
    }
    object.turn(s -> s.setAlarm(clock.instant().minusSeconds(1)));
    while (true) {
      Offer offer = nextOffer();
      if ("object".equals(offer.name())) {
        break;
      }
      new TestObject(engine, nameOf(offer)).storage().putOffAlarm("its factory threw", null);
    }
    runAlarm(object, alarm -> assertThat(alarm.retries()).isEqualTo(0), s -> {});
    // They are tried again, and nothing has been counted against them.
    TestObject bad = new TestObject(engine, nameOf(nextOffer()));
    runAlarm(bad, alarm -> assertThat(alarm.retries()).isEqualTo(0), s -> {});
  }

  @Test
  void aHostThatOwnsOtherObjectsThanBeforeReadsTheirAlarms() throws SQLException {
    if (!isPersistent()) {
      return;
    }
    Instant later = clock.instant().plusSeconds(1000);
    object.turn(s -> s.setAlarm(later));
    expectNoMore();
    // As another host would do that owned the object for a while.
    try (Connection connection = connect()) {
      JdbcStore.execute(
          connection, "UPDATE alarms SET due = " + clock.instant().plusSeconds(10).toEpochMilli());
    }
    engine.alarms().ownershipChanged();
    clock.advance(Duration.ofSeconds(10));
    assertThat(nextOffer().name()).isEqualTo("object");
  }

  final void checkThatALostAlarmIsOfferedAgain() {
    object.turn(s -> s.setAlarm(clock.instant()));
    nextOffer();
    faults.failOnce(Faults.Step.AFTER_WRITES, new SQLException("out of order"));
    TurnStorage s = object.instance();
    Objects.requireNonNull(s.beginAlarmTurn(false));
    object.awaitFailure(s.endTurn());
    clock.advance(Duration.ofSeconds(2));
    assertThat(nextOffer().name()).isEqualTo("object");
    runAlarm(object, alarm -> assertThat(alarm.retries()).isEqualTo(0), t -> {});
    expectNoMore();
  }

  // ---- the host's part

  final void runAlarm(TestObject of, Checks checks, TestObject.Body body) {
    TurnStorage s = of.instance();
    checks.on(Objects.requireNonNull(s.beginAlarmTurn(false), "the alarm is not due"));
    body.run(s);
    of.awaitDurable(s.endTurn());
  }

  private void sentinelIn(Duration time) {
    sentinel.turn(s -> s.setAlarm(clock.instant().plus(time)));
  }

  /** The sentinel's alarm comes next, and so nothing was due before it. */
  private void expectSentinel() {
    assertThat(nextOffer().name()).isEqualTo("sentinel");
    runAlarm(sentinel, alarm -> {}, s -> {});
  }

  final void expectNoMore() {
    awaitNoneDue();
    sentinelIn(Duration.ZERO);
    expectSentinel();
    offers.removeIf(this::cameAgain);
    assertThat(offers).isEmpty();
  }

  final Offer nextOffer() {
    try {
      Offer offer;
      do {
        offer = offers.poll(30, TimeUnit.SECONDS);
        if (offer == null) {
          throw new AssertionError("no alarm within 30 s");
        }
      } while (cameAgain(offer));
      taken.add(offer);
      return offer;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Whether this alarm was offered before, and has run meanwhile: if it becomes durable while the
   * store is read, it may be offered twice. A host finds out the same in its turn.
   */
  private boolean cameAgain(Offer offer) {
    if (!taken.contains(offer)) {
      return false;
    }
    ByteString id = ByteString.copyFrom(HexFormat.of().parseHex(offer.id()));
    try (StoredView view = engine.view()) {
      StoredObject stored = view.find(offer.namespace(), id);
      return stored == null || !offer.due().equals(stored.alarmTime());
    }
  }

  private static List<String> entries(TestObject of) {
    return of.query(s -> List.copyOf(s.list().keySet()));
  }

  private static Optional<Instant> alarm(TestObject of) {
    return of.query(DurableObjectStorage::getAlarm);
  }

  /** What the listener was told. */
  record Offer(String namespace, String id, @Nullable String name, Instant due) {}

  /** What is expected of an alarm that runs. */
  interface Checks {
    void on(Alarm alarm);
  }
}
