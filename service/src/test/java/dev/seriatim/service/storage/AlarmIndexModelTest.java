package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.Seeds;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random lives of the alarms of a host against a plain map of what is durable: alarms that are set,
 * moved, removed and lost, commits that are told late, reads that fail or see what is told later,
 * clocks that leap to and fro, namespaces that aren't served, alarms that can't run, and objects
 * that go to another host and come back. After each step the invariant holds for every alarm; and
 * in the end every one has run, and none of those that shouldn't.
 */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class AlarmIndexModelTest {
  private static final int STEPS = 400;
  private static final List<String> NAMESPACES = List.of("A", "B", "GONE");
  private static final Set<String> SERVED = Set.of("A", "B", "EMPTY");

  @Test
  void everyAlarmRunsAndNoOther() {
    Seeds.each(1_000, seed -> new Run(seed).run());
  }

  /** What the index is told of one object, a while after it has become durable. */
  private record Telling(ObjectKey key, Runnable tell) {}

  private static final class Run {
    private final Random random;
    private final AlarmIndex index;
    private final int maxFresh;
    private final int maxLong;
    private final List<ObjectKey> objects = new ArrayList<>();
    private final List<String> log = new ArrayList<>();

    /** What is durable. */
    private final Map<ObjectKey, DueAlarm> durable = new HashMap<>();

    /** What the committer has still to tell, in order. */
    private final ArrayDeque<Telling> untold = new ArrayDeque<>();

    /** What was offered and isn't answered. */
    private final Map<ObjectKey, DueAlarm> running = new LinkedHashMap<>();

    /** What another host owns. */
    private final Set<ObjectKey> away = new HashSet<>();

    private long millis = 1_000_000_000;
    private long nanos;
    private long rows;

    Run(long seed) {
      random = new Random(seed);
      nanos = random.nextLong();
      maxFresh = 1 + random.nextInt(4);
      maxLong = 1 + random.nextInt(4);
      index = new AlarmIndex(SERVED, 1 + random.nextInt(20), maxFresh, maxLong);
      for (int i = 0; i < 3 + random.nextInt(20); i++) {
        String namespace = NAMESPACES.get(random.nextInt(NAMESPACES.size()));
        objects.add(new ObjectKey(namespace, TestObject.IDS.fromName("object " + i)));
      }
      for (ObjectKey key : objects) {
        if (random.nextBoolean()) {
          durable.put(key, newAlarm(key));
        }
      }
    }

    void run() {
      try {
        for (int i = 0; i < STEPS; i++) {
          operation();
          check();
        }
        finish();
      } catch (Throwable e) {
        throw new AssertionError(
            "after " + String.join("\n", log.subList(Math.max(0, log.size() - 60), log.size())), e);
      }
    }

    private ObjectKey anyObject() {
      return objects.get(random.nextInt(objects.size()));
    }

    private DueAlarm newAlarm(ObjectKey key) {
      // Many at the same time, some long ago, some very far away.
      long due =
          switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> millis;
            case 2 -> Long.MAX_VALUE - random.nextInt(2);
            case 3 -> millis + 1_000L * random.nextInt(5);
            case 4 -> millis - 1_000L * random.nextInt(5);
            default -> millis + random.nextInt(100_000);
          };
      return new DueAlarm(key, null, due, ++rows);
    }

    private void operation() {
      switch (random.nextInt(20)) {
        case 0, 1, 2 -> change(anyObject());
        case 3 -> lose(anyObject());
        case 4 -> {
          long leap = random.nextLong(-200_000, 200_000);
          log("the clock leaps by " + leap);
          millis += leap;
        }
        case 5, 6 -> pass(random.nextInt(2_000));
        case 7 -> ownership();
        case 8, 9 -> tell();
        case 10, 11, 12 -> answer();
        default -> step();
      }
    }

    private void pass(long time) {
      millis += time;
      nanos += TimeUnit.MILLISECONDS.toNanos(time);
    }

    /** A commit sets or removes the object's alarm. */
    private void change(ObjectKey key) {
      if (away.contains(key)) {
        return;
      }
      if (random.nextInt(3) == 0) {
        commit(key, null);
      } else {
        commit(key, newAlarm(key));
      }
    }

    private void commit(ObjectKey key, @Nullable DueAlarm alarm) {
      log(key + " is " + (alarm == null ? "removed" : "set to " + alarm.dueMillis()));
      if (alarm == null) {
        durable.remove(key);
      } else {
        durable.put(key, alarm);
      }
      untold.add(
          new Telling(
              key,
              () -> {
                running.remove(key);
                if (alarm == null) {
                  index.removed(key);
                } else {
                  index.set(alarm);
                }
              }));
      if (random.nextBoolean()) {
        tellAll();
      }
    }

    private void lose(ObjectKey key) {
      log(key + " is lost");
      untold.add(
          new Telling(
              key,
              () -> {
                running.remove(key);
                index.lost(key, nanos);
              }));
    }

    private void tell() {
      Telling next = untold.poll();
      if (next != null) {
        log("told of " + next.key);
        next.tell.run();
      }
    }

    private void tellAll() {
      while (!untold.isEmpty()) {
        tell();
      }
    }

    /** Some objects go to another host, which changes them; others come back. */
    private void ownership() {
      tellAll();
      log("another ownership");
      for (ObjectKey key : objects) {
        if (random.nextInt(4) != 0) {
          continue;
        }
        if (!away.add(key)) {
          away.remove(key);
          durable.remove(key);
          if (random.nextBoolean()) {
            durable.put(key, newAlarm(key));
          }
        }
      }
      index.ownershipChanged();
    }

    /** A turn of an alarm that was offered ends. */
    private void answer() {
      if (running.isEmpty()) {
        return;
      }
      ObjectKey key = List.copyOf(running.keySet()).get(random.nextInt(running.size()));
      DueAlarm now = durable.get(key);
      if (away.contains(key)) {
        running.remove(key);
        index.lost(key, nanos);
      } else if (now == null || now.dueMillis() > millis) {
        // The clock went back, or the alarm was changed: the storage says what is so, unless a
        // commit will.
        if (untold.stream().noneMatch(telling -> telling.key.equals(key))) {
          log(key + " has nothing to run");
          running.remove(key);
          if (now == null) {
            index.removed(key);
          } else {
            index.set(now);
          }
        }
      } else {
        switch (random.nextInt(5)) {
          case 0 -> {
            log(key + " can't run");
            running.remove(key);
            index.putOff(key, nanos);
          }
          case 1 -> lose(key);
          case 2 -> commit(key, newAlarm(key));
          default -> commit(key, null);
        }
      }
    }

    private void step() {
      AlarmIndex.Step step = index.next(millis, nanos);
      switch (step) {
        case AlarmIndex.Rest rest -> log("rest for " + rest.millis());
        case AlarmIndex.Offer offer -> offered(offer.alarm());
        case AlarmIndex.Read read -> read(read.near());
      }
    }

    private void offered(DueAlarm alarm) {
      ObjectKey key = alarm.key();
      log(key + " is offered");
      assertWithMessage("due now").that(alarm.dueMillis()).isAtMost(millis);
      assertWithMessage("served").that(SERVED).contains(key.namespace());
      assertWithMessage("offered twice").that(running.put(key, alarm)).isNull();
      assertWithMessage("on their way").that(running.size()).isAtMost(maxFresh + maxLong);
    }

    private void read(NearAlarms near) {
      AlarmPlace after = near.beginRead();
      AlarmPage page = null;
      // Now and then so much that what is set meanwhile has no room.
      int meanwhile = 1 + (random.nextInt(4) == 0 ? random.nextInt(40) : random.nextInt(4));
      int seenAt = random.nextInt(meanwhile);
      for (int i = 0; i < meanwhile; i++) {
        if (i == seenAt) {
          page = page(near.namespace(), after, near.capacity());
        }
        switch (random.nextInt(8)) {
          case 0, 1 -> change(anyObject());
          case 2 -> {
            if (random.nextInt(3) == 0) {
              lose(anyObject());
            }
          }
          case 3 -> {
            tell();
            answer();
          }
          case 4 -> pass(random.nextInt(100));
          case 5 -> {
            if (random.nextInt(20) == 0) {
              ownership();
            }
          }
          default -> {}
        }
        check();
      }
      if (page == null || random.nextInt(8) == 0) {
        log("a read fails");
        boolean _ = index.readFailed(near, nanos);
      } else {
        log("a read of " + near.namespace() + " brings " + page.alarms().size());
        index.read(near, page);
      }
    }

    private AlarmPage page(String namespace, AlarmPlace after, int limit) {
      List<DueAlarm> all = new ArrayList<>();
      for (DueAlarm alarm : durable.values()) {
        if (alarm.key().namespace().equals(namespace) && alarm.isBeyond(after)) {
          all.add(alarm);
        }
      }
      all.sort(DueAlarm.ORDER);
      List<DueAlarm> first = all.subList(0, Math.min(limit, all.size()));
      AlarmPlace through = first.size() < limit ? AlarmPlace.END : first.getLast().place();
      // The store leaves out what isn't owned, as it reads on.
      return new AlarmPage(
          first.stream().filter(alarm -> !away.contains(alarm.key())).toList(), through);
    }

    private void check() {
      Set<ObjectKey> undecided = new HashSet<>(away);
      untold.forEach(telling -> undecided.add(telling.key));
      durable.forEach(
          (key, alarm) -> {
            if (!undecided.contains(key)) {
              assertWithMessage("%s is accounted for", alarm)
                  .that(index.accountsFor(alarm))
                  .isTrue();
            }
          });
    }

    /** Nothing new happens, time passes, and every turn is well. */
    private void finish() {
      log("finish");
      tellAll();
      Set<ObjectKey> wanted = new HashSet<>();
      durable.forEach(
          (key, alarm) -> {
            if (SERVED.contains(key.namespace()) && !away.contains(key)) {
              wanted.add(key);
            }
          });
      int left = 20 * objects.size() + 200;
      while (!wanted.isEmpty()) {
        assertWithMessage("alarms that never run: %s", wanted).that(left--).isGreaterThan(0);
        for (ObjectKey key : List.copyOf(running.keySet())) {
          running.remove(key);
          DueAlarm alarm = durable.get(key);
          if (away.contains(key)) {
            index.lost(key, nanos);
          } else if (alarm != null && alarm.dueMillis() > millis) {
            index.set(alarm);
          } else {
            durable.remove(key);
            wanted.remove(key);
            index.removed(key);
          }
        }
        if (wanted.isEmpty()) {
          break;
        }
        switch (index.next(millis, nanos)) {
          case AlarmIndex.Offer offer -> offered(offer.alarm());
          case AlarmIndex.Read read ->
              index.read(
                  read.near(),
                  page(read.near().namespace(), read.near().beginRead(), read.near().capacity()));
          case AlarmIndex.Rest rest -> {
            assertWithMessage("it rests though something is left")
                .that(rest.millis())
                .isLessThan(Long.MAX_VALUE);
            // In vain, now and then, as the clock is looked at.
            nanos += TimeUnit.MILLISECONDS.toNanos(Math.min(rest.millis(), 100_000));
            millis =
                rest.millis() > Long.MAX_VALUE - millis ? Long.MAX_VALUE : millis + rest.millis();
          }
        }
      }
      assertWithMessage("those that aren't served stay")
          .that(durable.keySet().stream().allMatch(this::isNobodys))
          .isTrue();
    }

    private boolean isNobodys(ObjectKey key) {
      return key.namespace().equals("GONE") || away.contains(key);
    }

    private void log(String what) {
      log.add(what);
    }
  }
}
