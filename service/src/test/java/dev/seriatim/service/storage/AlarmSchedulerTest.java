package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.Logged;
import dev.seriatim.service.Wait;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The thread around the index: reads that take long or fail, listeners that throw, and the log. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class AlarmSchedulerTest {
  private final FakeClock clock = new FakeClock();
  private final MapSource source = new MapSource();
  private final List<ObjectKey> offered = new CopyOnWriteArrayList<>();
  private final AlarmScheduler alarms = new AlarmScheduler(source, clock, 4, 3, 3);
  private long rows;

  @AfterEach
  void close() {
    alarms.close();
  }

  /** A store that a test can hold in the middle of a read. */
  private static final class MapSource implements AlarmScheduler.Source {
    final Map<ObjectKey, DueAlarm> durable = new ConcurrentHashMap<>();
    final AtomicInteger reads = new AtomicInteger();
    final AtomicInteger looksForOthers = new AtomicInteger();
    volatile @Nullable Hold hold;
    volatile boolean away;

    /** Holds the next read when it has seen what there is. */
    private static final class Hold {
      final CountDownLatch read = new CountDownLatch(1);
      final CountDownLatch goOn = new CountDownLatch(1);
    }

    Hold holdNextRead() {
      Hold made = new Hold();
      hold = made;
      return made;
    }

    void awaitReads(int number) {
      Wait.until(() -> reads.get() >= number, "read " + number);
    }

    @Override
    public AlarmPage nearestAlarms(String namespace, AlarmPlace after, int limit)
        throws SQLException {
      Hold held = hold;
      List<DueAlarm> all = new ArrayList<>(durable.values());
      all.removeIf(alarm -> !alarm.isBeyond(after));
      all.sort(DueAlarm.ORDER);
      reads.incrementAndGet();
      if (held != null) {
        held.read.countDown();
        Wait.on(held.goOn, "the test's word to go on");
      }
      if (away) {
        throw new SQLException("the store is away");
      }
      if (all.size() < limit) {
        return new AlarmPage(all, AlarmPlace.END);
      }
      return new AlarmPage(all.subList(0, limit), all.get(limit - 1).place());
    }

    @Override
    public Map<String, Long> alarmsOfOthers(Set<String> namespaces) {
      looksForOthers.incrementAndGet();
      return Map.of("GONE", 12L);
    }
  }

  @Test
  void slotsThatComeAndGoDoNotHaveAllAlarmsCountedEachTime() {
    start();
    source.awaitReads(1);
    for (int change = 1; change <= 100; change++) {
      int read = source.reads.get();
      alarms.ownershipChanged();
      source.awaitReads(read + 1);
    }
    // One now and then, if this has taken long.
    assertThat(source.looksForOthers.get()).isAtMost(20);
  }

  private DueAlarm alarm(String name, long inMillis) {
    return new DueAlarm(
        new ObjectKey("TEST", TestObject.IDS.fromName(name)),
        name,
        clock.millis() + inMillis,
        ++rows);
  }

  private DueAlarm store(String name, long inMillis) {
    DueAlarm alarm = alarm(name, inMillis);
    source.durable.put(alarm.key(), alarm);
    return alarm;
  }

  private void start() {
    alarms.start(Set.of("TEST"), (namespace, id, name, due) -> offer(id));
  }

  private void offer(String id) {
    offered.add(new ObjectKey("TEST", TestObject.IDS.fromString(id)));
  }

  private void expect(DueAlarm alarm) {
    Wait.until(() -> offered.contains(alarm.key()), "the offer of " + alarm);
  }

  @Test
  void anAlarmThatIsSetDuringAReadIsNotLost() {
    for (int i = 0; i < 5; i++) {
      store("first " + i, 100_000);
    }
    start();
    source.awaitReads(1);
    // There are more than it has room for, so that it knows no further than to the fourth.
    MapSource.Hold held = source.holdNextRead();
    clock.advance(Duration.ofMillis(99_500));
    source.durable.keySet().forEach(alarms::removed);
    source.durable.clear();
    Wait.on(held.read, "another read");
    source.hold = null;
    DueAlarm late = store("late", 200_000);
    alarms.set(late);
    held.goOn.countDown();
    clock.advance(Duration.ofMinutes(5));
    expect(late);
  }

  @Test
  void aStoreThatIsAwayIsReadAgainAndLoggedOnce() {
    try (Logged log = Logged.at(AlarmScheduler.class.getName())) {
      DueAlarm alarm = store("object", 0);
      source.away = true;
      start();
      source.awaitReads(3);
      source.away = false;
      expect(alarm);
      assertThat(log.containing("could not be read")).hasSize(1);
    }
  }

  @Test
  void alarmsThatCanNotRunAreLoggedOnce() {
    try (Logged log = Logged.at(AlarmScheduler.class.getName())) {
      List<DueAlarm> all = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        all.add(store("object " + i, 0));
      }
      alarms.start(
          Set.of("TEST"),
          (namespace, id, name, due) -> {
            offer(id);
            throw new IllegalStateException("no room");
          });
      all.forEach(this::expect);
      offered.clear();
      all.forEach(this::expect);
      assertThat(log.containing("can't run: it was refused")).hasSize(1);
      assertThat(log.containing("12 alarms of namespace GONE can't run here")).hasSize(1);
    }
  }

  @Test
  void afterAStopNothingIsOffered() {
    start();
    alarms.stop();
    DueAlarm alarm = store("object", 0);
    alarms.set(alarm);
    alarms.close();
    assertThat(offered).isEmpty();
  }
}
