package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Instances and live objects come and go. */
final class LifeTest {
  private static final HostLimits SHORT =
      HostLimits.builder().idleLimit(Duration.ofMillis(20)).build();

  @Test
  void anObjectIsCalledByOneWordWhateverItsName() {
    try (TestObjects objects = new TestObjects(SHORT, Probe.doing(Probe::echo))) {
      for (String name : List.of("plain", "a\nSEVERE: forged", "id:a")) {
        Session stub = objects.open(name, new RecordingAttachment());
        assertThat(stub.toString()).doesNotContain("\n");
      }
      assertThat(objects.object("plain").toString()).isEqualTo("PROBE/plain");
      assertThat(objects.object("a\nSEVERE: forged").toString())
          .isEqualTo("PROBE/a%0ASEVERE:%20forged");
      assertThat(objects.object("id:a").toString()).isEqualTo("PROBE/id%3Aa");
    }
  }

  @Test
  void anIdleInstanceIsEvictedAndItsStubStays() {
    try (TestObjects objects =
        new TestObjects(
            SHORT,
            Probe.doing(
                (probe, request, reply) -> Probe.reply(reply, String.valueOf(probe.calls))))) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "x"), 1);
      LiveObject object = objects.object("a");
      Wait.until(() -> attachment.outcomes() == 1, "the first outcome");
      Wait.until(() -> !object.hasInstance(), "the eviction");
      stub.add(TestObjects.invocations(2, "x"), 1);
      Wait.until(() -> attachment.outcomes() == 2, "an outcome of a new instance");
      assertThat(attachment.isClosed()).isFalse();
    }
  }

  @Test
  void objectsThatNobodyHoldsAreForgotten() {
    try (TestObjects objects = new TestObjects(SHORT, Probe.doing(Probe::echo))) {
      List<RecordingAttachment> attachments = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        RecordingAttachment attachment = new RecordingAttachment();
        attachments.add(attachment);
        Session stub = objects.open("object " + i, attachment);
        stub.add(TestObjects.invocations(1, "x"), 1);
        if (i % 3 == 0) {
          stub.cancel();
        } else {
          stub.halfClose();
        }
      }
      for (int i = 0; i < 500; i++) {
        RecordingAttachment attachment = attachments.get(i);
        assertThat(attachment.breaches()).isEmpty();
        if (i % 3 != 0) {
          Wait.until(attachment::isClosed, "the end of a stub");
        }
      }
      Wait.until(() -> objects.directory.objects().isEmpty(), "that all objects are forgotten");
    }
  }

  @Test
  void anAlarmHoldsItsObjectOnlyUntilItHasRun() {
    AtomicInteger alarms = new AtomicInteger();
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects =
        new TestObjects(
            SHORT,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("hold")) {
                    entered.countDown();
                    leave.await();
                  }
                  probe.state().storage().setAlarm(Instant.EPOCH);
                  Probe.echo(probe, request, reply);
                },
                (probe, alarm) -> alarms.incrementAndGet()))) {
      objects.directory.startAlarms();
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "hold"), 1);
      Wait.on(entered, "the turn");
      // Offered again and again while the object is busy: there is one turn for all of them.
      LiveObject object = objects.object("a");
      for (int i = 0; i < 3; i++) {
        objects.directory.offerAlarm(objects.address("a"));
      }
      leave.countDown();
      Wait.until(() -> alarms.get() > 0, "the alarm");
      stub.halfClose();
      Wait.until(attachment::isClosed, "the end of the stub");
      Wait.until(() -> objects.directory.objects().isEmpty(), "that " + object + " is forgotten");
    }
  }

  @Test
  void thereIsRoomForWhoeverComesAsLongAsOthersAreIdle() throws Exception {
    HostLimits limits = HostLimits.builder().maxInstances(16).build();
    Set<String> failures = ConcurrentHashMap.newKeySet();
    try (TestObjects objects = new TestObjects(limits, Probe.doing(Probe::echo))) {
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        int thread = t;
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int i = 0; i < 500; i++) {
                        RecordingAttachment attachment = new RecordingAttachment();
                        Session stub =
                            objects.open("object %d/%d".formatted(thread, i), attachment);
                        stub.add(TestObjects.invocations(1, "x"), 1);
                        stub.halfClose();
                        Wait.until(attachment::isClosed, "the end of a stub");
                        if (attachment.broken() != null) {
                          failures.add(String.valueOf(attachment.broken()));
                        }
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(failures).isEmpty();
    }
  }

  @Test
  void whoeverNeedsRoomLooksAtAFewObjectsHoweverManyThereAre() {
    int instances = 2_000;
    int more = 1_000;
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects =
        new TestObjects(
            HostLimits.builder().maxInstances(instances).idleLimit(Duration.ofHours(1)).build(),
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("busy")) {
                    leave.await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      // Half of them are busy; the stubs stay open, so that there are ever more objects.
      List<RecordingAttachment> idle = new ArrayList<>();
      for (int i = 0; i < instances; i++) {
        RecordingAttachment attachment = new RecordingAttachment();
        String text = i % 2 == 0 ? "busy" : "x";
        objects.open("object " + i, attachment).add(TestObjects.invocations(1, text), 1);
        if (i % 2 == 1) {
          idle.add(attachment);
        }
      }
      for (RecordingAttachment attachment : idle) {
        Wait.until(() -> attachment.outcomes() == 1, "the outcome of an object");
      }
      for (int i = 0; i < more; i++) {
        RecordingAttachment attachment = new RecordingAttachment();
        objects.open("one more " + i, attachment).add(TestObjects.invocations(1, "x"), 1);
        Wait.until(() -> attachment.outcomes() == 1, "the outcome of one more object");
      }
      assertThat(objects.directory.host().evictor().lookedAt()).isAtMost(16L * more);
      leave.countDown();
    }
  }

  @Test
  void whenNoInstanceIsIdleTheNextStubIsOverloaded() {
    CountDownLatch entered = new CountDownLatch(2);
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects =
        new TestObjects(
            HostLimits.builder().maxInstances(2).build(),
            Probe.doing(
                (probe, request, reply) -> {
                  entered.countDown();
                  leave.await();
                  Probe.echo(probe, request, reply);
                }))) {
      RecordingAttachment first = new RecordingAttachment();
      RecordingAttachment second = new RecordingAttachment();
      objects.open("1", first).add(TestObjects.invocations(1, "x"), 1);
      objects.open("2", second).add(TestObjects.invocations(1, "x"), 1);
      Wait.on(entered, "two turns");
      RecordingAttachment third = new RecordingAttachment();
      objects.open("3", third).add(TestObjects.invocations(1, "x"), 1);
      Wait.until(third::isClosed, "the break");
      Broken broken = third.broken();
      assertThat(broken != null && broken.getOverloaded()).isTrue();
      leave.countDown();
      Wait.until(() -> first.outcomes() + second.outcomes() == 2, "the outcomes");
      for (String name : List.of("1", "2")) {
        Wait.until(() -> !objects.object(name).hasTurnThread(), "the rest of object " + name);
      }
      RecordingAttachment fourth = new RecordingAttachment();
      objects.open("3", fourth).add(TestObjects.invocations(1, "x"), 1);
      Wait.until(() -> fourth.outcomes() == 1, "room for another");
    }
  }

  @Test
  void aFailedAlarmIsTriedAgainLater() {
    TestClock clock = new TestClock();
    List<Integer> tries = java.util.Collections.synchronizedList(new ArrayList<>());
    try (TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(
                (probe, request, reply) -> {
                  probe.state().storage().setAlarm(clock.instant().plusSeconds(10));
                  Probe.echo(probe, request, reply);
                },
                (probe, alarm) -> {
                  tries.add(alarm.retries());
                  if (alarm.retries() < 2) {
                    throw new IllegalStateException("not yet");
                  }
                }),
            StorageEngine.open(StorageOptions.memory().withClock(clock)))) {
      objects.directory.startAlarms();
      RecordingAttachment attachment = new RecordingAttachment();
      objects.open("a", attachment).add(TestObjects.invocations(1, "x"), 1);
      Wait.until(() -> attachment.outcomes() == 1, "the outcome");
      assertThat(tries).isEmpty();
      for (int i = 0; i < 3; i++) {
        int wanted = i + 1;
        Wait.until(
            () -> {
              // The retry is set by the turn that failed, which may still be ending.
              clock.advance(Duration.ofSeconds(10));
              return tries.size() >= wanted;
            },
            "try " + wanted + " of the alarm");
      }
      assertThat(tries).containsExactly(0, 1, 2).inOrder();
    }
  }

  @Test
  void alarmsGoOnWhenTheClockHasThrown() {
    TestClock clock = new TestClock();
    clock.broken.set(2);
    CountDownLatch ran = new CountDownLatch(1);
    try (TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(
                (probe, request, reply) -> {
                  probe.state().storage().setAlarm(Instant.EPOCH);
                  Probe.echo(probe, request, reply);
                },
                (probe, alarm) -> ran.countDown()),
            StorageEngine.open(StorageOptions.memory().withClock(clock)))) {
      objects.directory.startAlarms();
      objects.open("a", new RecordingAttachment()).add(TestObjects.invocations(1, "x"), 1);
      Wait.on(ran, "the alarm");
      assertThat(clock.broken.get()).isAtMost(0);
    }
  }

  /** A clock that a test sets. */
  private static final class TestClock implements java.time.InstantSource {
    /** So many times it throws, when the thread of the alarms asks. */
    final AtomicInteger broken = new AtomicInteger();

    private volatile Instant now = Instant.ofEpochSecond(1_000_000);

    @Override
    public Instant instant() {
      if (Thread.currentThread().getName().equals("seriatim-alarms")
          && broken.getAndDecrement() > 0) {
        throw new AssertionError("no time");
      }
      return now;
    }

    void advance(Duration time) {
      now = now.plus(time);
    }
  }
}
