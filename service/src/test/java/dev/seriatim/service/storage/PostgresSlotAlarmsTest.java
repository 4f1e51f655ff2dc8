package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import ch.qos.logback.classic.Level;
import dev.seriatim.service.Logged;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.stub.DurableObjectId;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The alarms of a host that owns some of the slots of a PostgreSQL, and another one the others. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PostgresSlotAlarmsTest {
  /** The other host's are those from this one on. */
  private static final int BORDER = 512;

  private static final int ALARMS = 200;
  private static final Instant FAR = Instant.parse("3000-01-01T00:00:00Z");

  private final String url = PostgresServer.shared().newSchema();
  private final StorageOptions options =
      StorageOptions.postgres(url).withLease(Duration.ofSeconds(60), Duration.ofMillis(300));
  private final CommittingEngine engine = (CommittingEngine) StorageEngine.open(options);
  private final Map<String, TestObject> objects = new ConcurrentHashMap<>();
  private final AtomicInteger refused = new AtomicInteger();

  @AfterEach
  void close() {
    engine.close();
  }

  @Test
  void aHostReadsTheAlarmsOfItsOwnSlotsAlone() throws Exception {
    List<String> others = names(slot -> slot >= BORDER, ALARMS);
    for (String name : others) {
      new TestObject(engine, name).turn(s -> s.setAlarm(Instant.ofEpochMilli(1)));
    }
    List<String> own = names(slot -> slot < BORDER, 7);
    for (String name : own) {
      new TestObject(engine, name).turn(s -> s.setAlarm(Instant.ofEpochMilli(2)));
    }
    new TestObject(engine, "ELSEWHERE", others.getFirst()).turn(s -> s.setAlarm(Instant.EPOCH));
    takeSlotsFrom(BORDER);
    AlarmPage first = engine.nearestAlarms("TEST", AlarmPlace.START, 5);
    assertThat(first.alarms().stream().map(DueAlarm::name).toList())
        .containsExactlyElementsIn(own.subList(0, 5));
    AlarmPage second = engine.nearestAlarms("TEST", first.through(), 5);
    assertThat(second.alarms().stream().map(DueAlarm::name).toList())
        .containsExactlyElementsIn(own.subList(5, 7));
    assertThat(second.through()).isEqualTo(AlarmPlace.END);
    // Nor does it tell of others' that they can't run.
    assertThat(engine.alarmsOfOthers(Set.of("TEST"))).isEmpty();
    String index = "pg_indexes WHERE indexdef LIKE '%alarms%(slot, due, object)%'";
    assertThat(number("SELECT count(*) FROM " + index + " AND schemaname = current_schema()"))
        .isEqualTo(1);
  }

  @Test
  void aHostThatLostSlotsLogsNothingForAlarmsThatAreNotItsOwn() throws Exception {
    List<String> lost = names(slot -> slot >= BORDER, ALARMS);
    for (String name : lost) {
      new TestObject(engine, name).turn(s -> s.setAlarm(Instant.ofEpochMilli(1)));
    }
    List<String> own = names(slot -> slot < BORDER - 10, 6);
    for (String name : own.subList(1, own.size())) {
      new TestObject(engine, name).turn(s -> s.setAlarm(FAR));
    }
    Set<String> offered = ConcurrentHashMap.newKeySet();
    Set<String> runs = ConcurrentHashMap.newKeySet();
    engine.startAlarms(
        Set.of("TEST"),
        (namespace, id, name, due) -> {
          String called = String.valueOf(name);
          if (own.contains(called)) {
            run(called, runs);
          } else {
            offered.add(called);
          }
        });
    Wait.until(() -> offered.size() == ALARMS, "the offers of all alarms that are due");
    Logged log = Logged.at("dev.seriatim", Level.TRACE);
    try {
      // They come to their turns when they aren't its own any more.
      takeSlotsFrom(BORDER);
      lost.forEach(name -> run(name, runs));
      assertThat(refused.get()).isEqualTo(ALARMS);
      // Those that aren't its own are overdue at each of these loads.
      for (int load = 1; load < own.size(); load++) {
        String name = own.get(load);
        execute(
            "UPDATE alarms SET due = 0 WHERE object ="
                + " (SELECT object FROM objects WHERE name = '"
                + name
                + "')");
        takeSlotsFrom(BORDER - load); // Who owns other slots than before reads anew.
        Wait.until(() -> runs.contains(name), "the alarm of load " + load);
      }
      takeSlotsFrom(0);
      Wait.until(() -> !engine.isServing(), "the host's not serving any more");
    } finally {
      log.close();
    }
    assertThat(runs).containsExactlyElementsIn(own.subList(1, own.size()));
    assertThat(refused.get()).isEqualTo(ALARMS);
    // One for each loss of slots, and that it waits for them.
    assertThat(log.events().size()).isAtMost(own.size() + 2);
  }

  /** Runs an alarm as a host does. */
  private void run(String name, Set<String> runs) {
    TestObject object = objects.computeIfAbsent(name, n -> new TestObject(engine, n));
    try {
      TurnStorage s = object.instance();
      if (s.beginAlarmTurn(false) != null) {
        runs.add(name);
        s.endTurn();
      }
    } catch (StorageException e) {
      refused.incrementAndGet();
      object.storage().putOffAlarm("it could not begin", e);
    }
  }

  /** The first names whose objects fall into such slots. */
  private static List<String> names(java.util.function.IntPredicate slots, int count) {
    return IntStream.range(0, Integer.MAX_VALUE)
        .mapToObj(i -> "object " + i)
        .filter(name -> slots.test(slot(name)))
        .limit(count)
        .toList();
  }

  private static int slot(String name) {
    DurableObjectId id = TestObject.IDS.fromName(name);
    return new ObjectKey("TEST", id).slot();
  }

  /** Another host, which never goes away, takes these slots; waits until this one knows. */
  private void takeSlotsFrom(int slot) throws SQLException {
    execute(
        "INSERT INTO hosts (host, beat, slots, lease_millis, lease_until)"
            + " VALUES ('other', 1, 1, 3600000, now()) ON CONFLICT DO NOTHING",
        "UPDATE slots SET epoch = epoch + 1, host = 'other' WHERE host <> 'other' AND slot >= "
            + slot);
    Wait.until(() -> engine.ownership().owned() == slot, "the loss of all from slot " + slot);
  }

  private void execute(String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url)) {
      JdbcStore.execute(connection, statements);
    }
  }

  private long number(String sql) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url);
        PreparedStatement select = connection.prepareStatement(sql);
        var results = select.executeQuery()) {
      results.next();
      return results.getLong(1);
    }
  }
}
