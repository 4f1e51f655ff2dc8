package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.base.Ticker;
import com.google.common.collect.ImmutableSet;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.stub.DurableObjectId;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Hosts that share the slots of one PostgreSQL, each of which takes what it is told to. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresSlotsTest {
  private static final ByteString A = ByteString.copyFromUtf8("a");
  private static final ByteString B = ByteString.copyFromUtf8("b");
  private static final int BORDER = 512;
  private static final Set<Integer> LOW = slots(0, BORDER);
  private static final Set<Integer> HIGH = slots(BORDER, Slots.COUNT);

  /** Hosts live, also where the machine stands still for a while. */
  private static final Duration LEASE = Duration.ofSeconds(20);

  @TempDir private Path directory;

  private final String url = PostgresServer.shared().newSchema();
  private final FaultScript faults = new FaultScript();
  private final StorageOptions alone =
      StorageOptions.postgres(url).withLease(LEASE, Duration.ofMillis(200));
  private final StorageOptions options = alone.withSharedSlots();

  /** For a host that dies, and for one that waits for that: no sooner than its own lease allows. */
  private final StorageOptions mortal =
      options.withLease(Duration.ofSeconds(4), Duration.ofMillis(200));

  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : opened.reversed()) {
      each.close();
    }
  }

  private StorageEngine open(StorageOptions host) {
    StorageEngine engine = StorageEngine.open(host, faults);
    opened.add(engine);
    return engine;
  }

  // ---- owning some

  @Test
  void aHostTakesNothingByItselfAndServes() {
    StorageEngine engine = open(options);
    assertThat(engine.isServing()).isTrue();
    assertThat(owned(engine)).isEmpty();
    TestObject object = object(engine, slot -> true);
    StorageException e = assertThrows(StorageException.class, object::instance);
    assertThat(e).hasMessageThat().contains("this host has not claimed it");
    assertThat(engine.slots()).isSameInstanceAs(engine.slots());
  }

  /** All objects of the slots that it takes may read at the same time. */
  @Test
  void aHostOfManyHasItsSessionsForReadsBeforeItTakesAnything() throws Exception {
    try (Connection connection = DriverManager.getConnection(url)) {
      String user = "reader_of_" + directory.getFileName().toString().replace("-", "_");
      JdbcStore.execute(connection, "CREATE ROLE " + user + " LOGIN SUPERUSER");
      open(
          StorageOptions.postgres(url.replace("user=seriatim", "user=" + user))
              .withLease(LEASE, Duration.ofMillis(200))
              .withReadConnections(3)
              .withSharedSlots());
      Wait.until(() -> readers(connection, user).equals("3"), "three sessions for reads");
    }
  }

  /** The sessions of this user by which objects are read. */
  private static String readers(Connection connection, String user) {
    try {
      return PostgresStore.single(
          connection,
          "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seriatim'"
              + " AND usename = '"
              + user.toLowerCase(Locale.ROOT)
              + "'");
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void twoHostsHaveDifferentSlotsAndEachCommitsToItsOwn() {
    StorageEngine first = open(options);
    StorageEngine second = open(options);
    claim(first, LOW);
    claim(second, HIGH);
    TestObject low = object(first, LOW::contains);
    TestObject high = object(second, HIGH::contains);
    low.turn(s -> s.put("k", A));
    high.turn(s -> s.put("k", B));
    assertThat(first.slots().claim(slots(0, Slots.COUNT))).isEqualTo(LOW);
    assertThat(second.slots().claim(Set.of(0, 600))).isEqualTo(Set.of(600));
    assertThrows(StorageException.class, object(first, HIGH::contains)::instance);
    assertThrows(StorageException.class, object(second, LOW::contains)::instance);
    low.turn(s -> s.put("l", A));
    high.turn(s -> s.put("l", B));
    assertThat(CommitContract.entries(low)).containsExactly("k", A, "l", A);
    assertThat(CommitContract.entries(high)).containsExactly("k", B, "l", B);
  }

  @Test
  void eachHostRunsTheAlarmsOfItsOwnSlotsAndNoOthers() throws Exception {
    StorageEngine first = open(options);
    StorageEngine second = open(options);
    claim(first, LOW);
    claim(second, HIGH);
    LinkedBlockingQueue<String> atFirst = alarms(first);
    LinkedBlockingQueue<String> atSecond = alarms(second);
    // Those that become durable while the store is read for the first time may be offered twice.
    for (StorageEngine each : List.of(first, second)) {
      assertThat(each.awaitNoneDue(Duration.ofSeconds(30))).isEqualTo(Long.MAX_VALUE);
    }
    List<String> low = names(LOW::contains, 20);
    List<String> high = names(HIGH::contains, 20);
    for (int i = 0; i < 20; i++) {
      new TestObject(first, low.get(i)).turn(s -> s.setAlarm(Instant.EPOCH));
      new TestObject(second, high.get(i)).turn(s -> s.setAlarm(Instant.EPOCH));
    }
    assertThat(poll(atFirst, 20)).containsExactlyElementsIn(low);
    assertThat(poll(atSecond, 20)).containsExactlyElementsIn(high);
    assertThat(atFirst).isEmpty();
    assertThat(atSecond).isEmpty();
  }

  // ---- giving

  @Test
  void anObjectMovesWithItsStateAndItsAlarm() throws Exception {
    StorageEngine first = open(options);
    StorageEngine second = open(options);
    claim(first, LOW);
    LinkedBlockingQueue<String> atSecond = alarms(second);
    String name = names(LOW::contains, 1).getFirst();
    TestObject object = new TestObject(first, name);
    object.turn(
        s -> {
          s.put("k", A);
          s.setAlarm(Instant.EPOCH);
        });
    LinkedBlockingQueue<Set<Integer>> lost = lost(first);
    Set<Integer> moved = Set.of(slot(name));
    assertThat(second.slots().claim(moved)).isEmpty();
    first.slots().give(moved);
    assertThat(first.slots().has(slot(name))).isFalse();
    claim(second, moved);
    assertThat(poll(atSecond, 1)).containsExactly(name);
    TestObject there = new TestObject(second, name);
    assertThat(get(there)).isEqualTo(Optional.of(A));
    there.turn(s -> s.put("k", B));
    assertThrows(StorageException.class, object.instance()::beginTurn);
    // And back, with what was written there.
    second.slots().give(moved);
    claim(first, moved);
    TestObject back = new TestObject(first, name);
    assertThat(get(back)).isEqualTo(Optional.of(B));
    assertThat(lost).isEmpty(); // It was asked for.
  }

  @Test
  void theAlarmOfASlotThatWasGivenAwayIsNotOfferedHere() throws Exception {
    FakeClock clock = new FakeClock();
    StorageEngine first = open(options.withClock(clock));
    claim(first, LOW);
    LinkedBlockingQueue<String> offers = alarms(first);
    List<String> names = names(LOW::contains, 40);
    String kept =
        names.stream().filter(n -> slot(n) != slot(names.getFirst())).findFirst().orElseThrow();
    Instant due = clock.instant().plusSeconds(10);
    new TestObject(first, names.getFirst()).turn(s -> s.setAlarm(due));
    new TestObject(first, kept).turn(s -> s.setAlarm(due.plusMillis(1)));
    first.slots().give(Set.of(slot(names.getFirst())));
    clock.advance(Duration.ofSeconds(20));
    assertThat(poll(offers, 1)).containsExactly(kept);
    claim(first, Set.of(slot(names.getFirst())));
    assertThat(poll(offers, 1)).containsExactly(names.getFirst());
  }

  @Test
  void aSlotWithACommitUnderWayIsNotGivenAndNothingIsLost() throws Exception {
    StorageEngine first = open(options);
    claim(first, LOW);
    TestObject object = object(first, LOW::contains);
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    long commit = object.submit(s -> s.put("k", A));
    hold.awaitReached();
    StorageException e =
        assertThrows(StorageException.class, () -> first.slots().give(Set.of(slot(object))));
    assertThat(e).hasMessageThat().contains("a commit of this host is under way");
    assertThat(first.slots().has(slot(object))).isTrue();
    hold.release();
    object.awaitDurable(commit);
    first.slots().give(Set.of(slot(object)));
    assertThat(first.slots().has(slot(object))).isFalse();
  }

  @Test
  void whatWaitsForItsCommitWhenItsSlotIsGivenIsLostAndToldSo() throws Exception {
    StorageEngine first = open(options);
    claim(first, LOW);
    List<String> names = names(LOW::contains, 40);
    TestObject object = new TestObject(first, names.getFirst());
    TestObject other =
        names.stream()
            .filter(n -> slot(n) != slot(object))
            .map(n -> new TestObject(first, n))
            .findFirst()
            .orElseThrow();
    FaultScript.Hold hold = faults.hold(Faults.Step.BEFORE_BEGIN);
    long first1 = other.submit(s -> s.put("k", A));
    hold.awaitReached();
    long commit = object.submit(s -> s.put("k", A));
    // Against the rule; so it must be loud.
    first.slots().give(Set.of(slot(object)));
    hold.release();
    assertThat(object.awaitFailure(commit)).hasMessageThat().contains("is not owned by this host");
    other.awaitDurable(first1);
  }

  @Test
  void aGiveThatDidNotReachTheStoreChangesNothing() {
    TcpProxy proxy = proxy();
    StorageEngine first = open(through(proxy));
    StorageEngine second = open(options);
    claim(first, LOW);
    proxy.silence();
    assertThrows(StorageException.class, () -> first.slots().give(LOW));
    assertThat(first.slots().has(0)).isTrue();
    proxy.speak();
    Wait.until(() -> gives(first, LOW), "an answer");
    assertThat(first.slots().has(0)).isFalse();
    claim(second, LOW);
  }

  @Test
  void aGiveThatGotNoAnswerIsAskedAgain() {
    TcpProxy proxy = proxy();
    StorageEngine first = open(through(proxy));
    StorageEngine second = open(options);
    claim(first, LOW);
    proxy.silenceAnswersToCommitOfSlots();
    assertThrows(StorageException.class, () -> first.slots().give(LOW));
    // Another host may have it by now; so this one has it no more.
    assertThat(first.slots().has(0)).isFalse();
    claim(second, LOW);
    object(second, LOW::contains).turn(s -> s.put("k", A));
    proxy.speak();
    Wait.until(() -> gives(first, LOW), "an answer");
    assertThat(second.slots().claim(LOW)).isEqualTo(LOW);
    object(second, LOW::contains).turn(s -> s.put("l", A));
  }

  @Test
  void aClaimThatGotNoAnswerLeavesNothingBehind() {
    TcpProxy proxy = proxy();
    StorageEngine first = open(through(proxy));
    StorageEngine second = open(options);
    claim(second, HIGH);
    claim(first, Set.of(0));
    proxy.silenceAnswersToCommitOfSlots();
    assertThrows(StorageException.class, () -> first.slots().claim(slots(1, 100)));
    assertThat(first.slots().has(1)).isFalse();
    assertThat(number("SELECT count(*) FROM slots WHERE host = '" + first.slots().host() + "'"))
        .isEqualTo(100);
    proxy.speak();
    // Nobody asks again, and so they are nobody's.
    claim(second, slots(1, 100));
    object(second, slots(1, 100)::contains).turn(s -> s.put("k", A));
    object(first, slot -> slot == 0).turn(s -> s.put("k", A));
  }

  @Test
  void aClaimThatGotNoAnswerAndIsAskedAgainHasThem() {
    TcpProxy proxy = proxy();
    StorageEngine first = open(through(proxy));
    claim(first, Set.of(0));
    proxy.silenceAnswersToCommitOfSlots();
    assertThrows(StorageException.class, () -> first.slots().claim(slots(1, 100)));
    proxy.speak();
    claim(first, slots(1, 100));
    object(first, slots(1, 100)::contains).turn(s -> s.put("k", A));
  }

  // ---- dying

  @Test
  void theSlotsOfADeadHostCanBeClaimedWhenItIsBuried() throws Exception {
    AtomicBoolean hangs = new AtomicBoolean();
    HangingTicker ticker = new HangingTicker(hangs);
    StorageEngine first = open(mortal.withTicker(ticker));
    StorageEngine second = open(mortal);
    claim(first, LOW);
    claim(second, HIGH);
    TestObject object = object(first, LOW::contains);
    object.turn(s -> s.put("k", A));
    LinkedBlockingQueue<Set<Integer>> lost = lost(first);
    LinkedBlockingQueue<List<Slots.HostRow>> hosts = hosts(second);
    assertThat(second.slots().claim(LOW)).isEmpty();
    hangs.set(true);
    claim(second, LOW);
    assertThat(second.slots().hosts()).hasSize(1);
    TestObject taken = object(second, LOW::contains);
    assertThat(get(taken)).isEqualTo(Optional.of(A));
    taken.turn(s -> s.put("k", B));
    long stale = object.submit(s -> s.put("k", ByteString.copyFromUtf8("never")));
    object.awaitFailure(stale);
    hangs.set(false);
    assertThat(all(lost, LOW.size())).isEqualTo(LOW);
    // It comes back, and can have what is free.
    Wait.until(() -> second.slots().hosts().size() == 2, "the other host's return");
    assertThat(hosts).isNotEmpty();
    second.slots().give(Set.of(slot(object)));
    claim(first, Set.of(slot(object)));
    object.discard();
    assertThat(get(object)).isEqualTo(Optional.of(B));
  }

  @Test
  void aHostThatHangsInTheMiddleOfACommitKeepsNoSlotFromAnother() throws Exception {
    AtomicBoolean hangs = new AtomicBoolean();
    StorageEngine first = open(mortal.withTicker(new HangingTicker(hangs)));
    StorageEngine second = open(mortal);
    claim(first, LOW);
    TestObject object = object(first, LOW::contains);
    object.turn(s -> s.put("k", A));
    FaultScript.Hold hold = faults.hold(Faults.Step.AFTER_WRITES);
    hangs.set(true);
    long commit = object.submit(s -> s.put("k", B));
    hold.awaitReached();
    claim(second, LOW);
    TestObject taken = object(second, LOW::contains);
    assertThat(get(taken)).isEqualTo(Optional.of(A));
    hold.release();
    hangs.set(false);
    object.awaitFailure(commit);
    assertThat(get(taken)).isEqualTo(Optional.of(A));
  }

  @Test
  void aHostThatClosesFreesItsSlotsAtOnce() {
    StorageEngine first = open(options);
    StorageEngine second = open(options);
    claim(first, LOW);
    claim(second, HIGH);
    first.close();
    assertThat(second.slots().claim(LOW)).isEqualTo(LOW);
    StorageException e = assertThrows(StorageException.class, () -> first.slots().claim(LOW));
    assertThat(e).hasMessageThat().contains("closed");
  }

  // ---- a store that goes back

  @Test
  void whenTheStoreWentBackNothingIsClaimedThatAHostMayThinkItOwnsWhichHangs() throws Exception {
    AtomicBoolean hangs = new AtomicBoolean();
    StorageEngine first = open(mortal.withTicker(new HangingTicker(hangs)));
    StorageEngine second = open(mortal);
    claim(first, LOW);
    claim(second, HIGH);
    awaitBeatsOfOwners();
    hangs.set(true);
    forgetLow();
    assertThat(claims(second, LOW)).isEmpty();
    claim(second, LOW);
    // It was buried, and so it isn't certain any more, if its clock goes.
    assertThat(number("SELECT count(*) FROM hosts")).isEqualTo(1);
    hangs.set(false);
    Wait.until(() -> !first.slots().has(0), "the loss");
  }

  @Test
  void whenTheStoreWentBackNothingIsClaimedBeforeWhoThoughtItOwnedItKnowsBetter() throws Exception {
    StorageEngine first = open(mortal);
    StorageEngine second = open(mortal);
    claim(first, LOW);
    claim(second, HIGH);
    LinkedBlockingQueue<Set<Integer>> lost = lost(first);
    awaitBeatsOfOwners();
    forgetLow();
    Wait.until(
        () -> {
          boolean got = !claims(second, LOW).isEmpty();
          assertThat(got && first.slots().has(0)).isFalse();
          return got;
        },
        "a claim");
    assertThat(all(lost, LOW.size())).isEqualTo(LOW);
    object(second, LOW::contains).turn(s -> s.put("k", B));
  }

  private void awaitBeatsOfOwners() {
    Wait.until(() -> number("SELECT count(*) FROM hosts WHERE slots > 0") == 2, "beats of both");
  }

  /** A failover to a standby that has not seen a host claim these. */
  private void forgetLow() throws SQLException {
    execute("UPDATE slots SET epoch = epoch - 1, host = NULL WHERE slot < " + BORDER);
    endSessions();
  }

  @Test
  void aHostWhoseOwnBeatsAreForgottenResetsEverythingAndClaimsAfterALease() throws Exception {
    StorageEngine first = open(mortal);
    StorageEngine second = open(mortal);
    claim(first, LOW);
    claim(second, HIGH);
    TestObject object = object(first, LOW::contains);
    object.turn(s -> s.put("k", A));
    LinkedBlockingQueue<Set<Integer>> lost = lost(first);
    execute("UPDATE hosts SET beat = beat - 3", "UPDATE commit_groups SET number = 0");
    assertThat(all(lost, LOW.size())).isEqualTo(LOW);
    object.discard();
    claim(first, LOW);
    assertThat(get(object)).isEqualTo(Optional.of(A));
    object.turn(s -> s.put("k", B));
  }

  // ---- what hosts know of each other

  @Test
  void hostsKnowWhatOthersSay() throws Exception {
    StorageEngine first = open(options);
    StorageEngine second = open(options);
    LinkedBlockingQueue<List<Slots.HostRow>> told = hosts(second);
    Slots.Announcement says =
        new Slots.Announcement(
            "127.0.0.1:1", "127.0.0.1:2", "3", List.of(A, ByteString.EMPTY, B), false, A);
    first.slots().announce(says);
    assertThat(row(first, first)).isEqualTo(new Slots.HostRow(first.slots().host(), says, true));
    Wait.until(() -> row(second, first).announcement().equals(says), "what the first one says");
    Slots.Announcement leaving =
        new Slots.Announcement("127.0.0.1:1", "127.0.0.1:2", "3", List.of(), true, A);
    first.slots().announce(leaving);
    Wait.until(() -> row(second, first).announcement().equals(leaving), "that it leaves");
    // Buried, it says it again.
    execute("DELETE FROM hosts WHERE host = '" + first.slots().host() + "'");
    Wait.until(
        () -> number("SELECT count(*) FROM readable_hosts WHERE state = 'leaving'") == 1,
        "its return");
    assertThat(told.size()).isAtLeast(2);
    assertThat(number("SELECT count(*) FROM readable_hosts WHERE state = 'leaving' AND slots = 0"))
        .isEqualTo(1);
  }

  @Test
  void aLeaseIsOneHostsUntilItRunsOutOrIsGivenUp() throws Exception {
    Slots first = open(options).slots();
    StorageEngine second = open(options);
    Duration hour = Duration.ofHours(1);
    assertThat(first.acquireLease("x", hour)).isTrue();
    assertThat(second.slots().acquireLease("x", hour)).isFalse();
    assertThat(second.slots().acquireLease("y", hour)).isTrue();
    assertThat(first.acquireLease("x", hour)).isTrue();
    second.slots().releaseLease("x"); // Not its own.
    assertThat(second.slots().acquireLease("x", hour)).isFalse();
    first.releaseLease("x");
    assertThat(second.slots().acquireLease("x", Duration.ZERO)).isTrue();
    assertThat(first.acquireLease("x", hour)).isTrue();
    second.close(); // Who has no row has no lease.
    assertThat(first.acquireLease("y", hour)).isTrue();
  }

  @Test
  void hostsAreAloneOneAfterTheOtherAndKnowWhatTheOneBeforeHasSaid() throws Exception {
    StorageEngine first = open(options);
    StorageEngine second = open(options);
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    LinkedBlockingQueue<String> order = new LinkedBlockingQueue<>();
    Thread one =
        Thread.ofPlatform()
            .start(
                () ->
                    first
                        .slots()
                        .alone(
                            () -> {
                              inside.countDown();
                              await(go);
                              first
                                  .slots()
                                  .announce(
                                      new Slots.Announcement(
                                          "a", "founder", "", List.of(), false, A));
                              return order.add("first");
                            }));
    await(inside);
    Thread two =
        Thread.ofPlatform()
            .start(
                () ->
                    second
                        .slots()
                        .alone(
                            () ->
                                order.add(
                                    "second after "
                                        + row(second, first).announcement().clusterAddress())));
    go.countDown();
    one.join();
    two.join();
    assertThat(order).containsExactly("first", "second after founder").inOrder();
  }

  // ---- hosts that share none

  @Test
  void aHostThatSharesNoneWaitsForThoseThatDo() throws Exception {
    StorageEngine shared = open(options);
    claim(shared, LOW);
    StorageEngine lone = StorageEngine.openAtOnce(alone);
    opened.add(lone);
    Wait.until(() -> shared.slots().hosts().size() == 2, "the other host");
    shared.slots().give(Set.of(7));
    long beats = number("SELECT sum(beat) FROM hosts");
    Wait.until(() -> number("SELECT sum(beat) FROM hosts") > beats + 10, "beats");
    assertThat(lone.isServing()).isFalse();
    assertThat(lone.whyNotServing()).contains("one of a cluster");
    claim(shared, Set.of(7));
    shared.close();
    lone.awaitServing();
    object(lone, slot -> true).turn(s -> s.put("k", A));
  }

  @Test
  void hostsThatShareWaitForOneThatDoesNotAndOwnsSlots() throws Exception {
    StorageEngine lone = open(alone);
    StorageEngine shared = open(options);
    assertThat(shared.slots().claim(LOW)).isEmpty();
    // Not even those that it doesn't own.
    execute("UPDATE slots SET epoch = epoch + 1, host = NULL WHERE slot = 0");
    long beats = number("SELECT sum(beat) FROM hosts");
    Wait.until(() -> number("SELECT sum(beat) FROM hosts") > beats + 10, "beats");
    assertThat(shared.slots().claim(LOW)).isEmpty();
    lone.close();
    claim(shared, LOW);
  }

  @Test
  void storesOfOneHostHaveNoSlots() {
    for (StorageOptions each :
        List.of(StorageOptions.memory(), StorageOptions.sqlite(directory), alone)) {
      StorageEngine engine = open(each);
      IllegalStateException e = assertThrows(IllegalStateException.class, engine::slots);
      assertThat(e).hasMessageThat().contains("withSharedSlots()");
    }
  }

  // ----

  private static void claim(StorageEngine engine, Set<Integer> slots) {
    Wait.until(() -> claims(engine, slots).equals(slots), "the claim of " + slots.size());
  }

  /** As a cluster does, which asks until it has it. */
  private static ImmutableSet<Integer> claims(StorageEngine engine, Set<Integer> slots) {
    try {
      return engine.slots().claim(slots);
    } catch (StorageException e) {
      return ImmutableSet.of();
    }
  }

  private static Optional<ByteString> get(TestObject object) {
    return object.query(s -> s.get("k"));
  }

  private static boolean gives(StorageEngine engine, Set<Integer> slots) {
    try {
      engine.slots().give(slots);
      return true;
    } catch (StorageException e) {
      return false;
    }
  }

  private static Set<Integer> owned(StorageEngine engine) {
    return slots(slot -> engine.slots().has(slot));
  }

  private static Set<Integer> slots(int from, int to) {
    return slots(slot -> from <= slot && slot < to);
  }

  private static Set<Integer> slots(IntPredicate which) {
    return IntStream.range(0, Slots.COUNT)
        .filter(which)
        .boxed()
        .collect(ImmutableSet.toImmutableSet());
  }

  private static Slots.HostRow row(StorageEngine of, StorageEngine about) {
    return of.slots().hosts().stream()
        .filter(row -> row.host().equals(about.slots().host()))
        .findFirst()
        .orElseThrow();
  }

  private static LinkedBlockingQueue<Set<Integer>> lost(StorageEngine engine) {
    LinkedBlockingQueue<Set<Integer>> lost = new LinkedBlockingQueue<>();
    engine.slots().listen(new Told(lost, new LinkedBlockingQueue<>()));
    return lost;
  }

  private static LinkedBlockingQueue<List<Slots.HostRow>> hosts(StorageEngine engine) {
    LinkedBlockingQueue<List<Slots.HostRow>> hosts = new LinkedBlockingQueue<>();
    engine.slots().listen(new Told(new LinkedBlockingQueue<>(), hosts));
    return hosts;
  }

  private record Told(
      LinkedBlockingQueue<Set<Integer>> lostSlots, LinkedBlockingQueue<List<Slots.HostRow>> hosts)
      implements Slots.Listener {
    @Override
    public void lost(Set<Integer> slots) {
      lostSlots.add(slots);
    }

    @Override
    public void hostsChanged(List<Slots.HostRow> rows) {
      hosts.add(rows);
    }
  }

  private static Set<Integer> all(LinkedBlockingQueue<Set<Integer>> lost, int count)
      throws InterruptedException {
    Set<Integer> all = new java.util.HashSet<>();
    while (all.size() < count) {
      Set<Integer> some = lost.poll(30, TimeUnit.SECONDS);
      if (some == null) {
        throw new AssertionError("lost " + all.size() + " slots, expected " + count);
      }
      all.addAll(some);
    }
    return all;
  }

  private static LinkedBlockingQueue<String> alarms(StorageEngine engine) {
    LinkedBlockingQueue<String> offers = new LinkedBlockingQueue<>();
    engine.startAlarms(
        Set.of("TEST"), (namespace, id, name, due) -> offers.add(String.valueOf(name)));
    return offers;
  }

  private static List<String> poll(LinkedBlockingQueue<String> offers, int count)
      throws InterruptedException {
    List<String> polled = new ArrayList<>();
    while (polled.size() < count) {
      String offer = offers.poll(30, TimeUnit.SECONDS);
      if (offer == null) {
        throw new AssertionError("offers of " + polled + ", expected " + count);
      }
      polled.add(offer);
    }
    return polled;
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static TestObject object(StorageEngine engine, IntPredicate slots) {
    return new TestObject(engine, names(slots, 1).getFirst());
  }

  private static List<String> names(IntPredicate slots, int count) {
    return IntStream.range(0, Integer.MAX_VALUE)
        .mapToObj(i -> "object " + i)
        .filter(name -> slots.test(slot(name)))
        .limit(count)
        .toList();
  }

  private static int slot(String name) {
    DurableObjectId id = TestObject.IDS.fromName(name);
    return Slots.of(id);
  }

  private static int slot(TestObject object) {
    return Slots.of(object.id());
  }

  private TcpProxy proxy() {
    TcpProxy proxy = new TcpProxy(PostgresServer.shared());
    opened.add(proxy);
    return proxy;
  }

  /** With a lease that outlasts a silence. */
  private StorageOptions through(TcpProxy proxy) {
    return StorageOptions.postgres(proxy.url(url))
        .withLease(Duration.ofSeconds(20), Duration.ofMillis(500))
        .withSharedSlots();
  }

  private void endSessions() throws SQLException {
    execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            + " WHERE application_name LIKE 'seriatim-lease%' AND pid <> pg_backend_pid()");
  }

  private void execute(String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url)) {
      JdbcStore.execute(connection, statements);
    }
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

  /** A monotonic clock that stands still while its host hangs. */
  private static final class HangingTicker extends Ticker {
    private final AtomicBoolean hangs;
    private final AtomicLong last = new AtomicLong(System.nanoTime());

    HangingTicker(AtomicBoolean hangs) {
      this.hangs = hangs;
    }

    @Override
    public long read() {
      if (!hangs.get()) {
        last.set(System.nanoTime());
      }
      return last.get();
    }
  }
}
