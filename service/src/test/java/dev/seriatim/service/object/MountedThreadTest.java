package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.wire.Invocation;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A virtual thread on a thread that it borrows, and gives back as it was. */
final class MountedThreadTest {
  private static final String BORROWED = "the borrowed thread";

  private final MountedThread.Starter starter = requireNonNull(MountedThread.Starter.find());
  private final String ownName = Thread.currentThread().getName();

  @BeforeEach
  void nameTheThread() {
    Thread.currentThread().setName(BORROWED);
  }

  @AfterEach
  void restoreTheThread() {
    boolean _ = Thread.interrupted();
    Thread.currentThread().setName(ownName);
  }

  /** Where a virtual thread runs is told only by what it prints as. */
  static boolean isOn(String platformThread) {
    return Thread.currentThread().toString().endsWith("@" + platformThread);
  }

  /** A virtual thread that does this first leaves when it is told to. */
  private void assertLeaves(Runnable first) {
    AtomicReference<String> seen = new AtomicReference<>("");
    CountDownLatch ended = new CountDownLatch(1);
    starter.startHere(
        thread -> {
          first.run();
          seen.set("before: " + isOn(BORROWED));
          thread.leave();
          seen.set(seen.get() + ", behind: " + isOn(BORROWED));
          ended.countDown();
        });
    Wait.on(ended, "the end of the virtual thread");
    assertThat(seen.get()).isEqualTo("before: true, behind: false");
  }

  @Test
  void runsOnTheCallersThreadUntilItLeaves() {
    assertLeaves(() -> {});
  }

  /** A thread that it starts has the same scheduler, and says nothing about where it is itself. */
  @Test
  void leavesThoughAThreadThatItStartedIsElsewhere() {
    assertLeaves(() -> Thread.startVirtualThread(() -> {}));
  }

  @Test
  void goesOnElsewhereWhenItWaits() {
    CountDownLatch callerIsBack = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    AtomicReference<Boolean> borrows = new AtomicReference<>();
    starter.startHere(
        _ -> {
          Wait.on(callerIsBack, "the caller");
          borrows.set(isOn(BORROWED));
          ended.countDown();
        });
    callerIsBack.countDown();
    Wait.on(ended, "the end of the virtual thread");
    assertThat(borrows.get()).isFalse();
  }

  @Test
  void whatAMountedThreadHasToBeDoneIsDoneElsewhere() {
    CountDownLatch ended = new CountDownLatch(1);
    AtomicReference<Boolean> borrows = new AtomicReference<>();
    starter.execute(
        () ->
            starter.execute(
                () -> {
                  borrows.set(isOn(BORROWED));
                  ended.countDown();
                }));
    Wait.on(ended, "the end of the other thread");
    assertThat(borrows.get()).isFalse();
  }

  @Test
  void anInterruptOfTheCallerIsTheCallersAlone() {
    AtomicReference<Boolean> seen = new AtomicReference<>();
    Thread.currentThread().interrupt();
    starter.startHere(_ -> seen.set(Thread.currentThread().isInterrupted()));
    assertThat(seen.get()).isFalse();
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void anInterruptOfTheVirtualThreadIsItsOwn() {
    starter.startHere(_ -> Thread.currentThread().interrupt());
    assertThat(Thread.interrupted()).isFalse();
  }

  /** "Do" is short, as it has proved, and starts a thread; "DoOther" has still to prove itself. */
  @Test
  void aNewMethodRunsElsewhereThoughAShortTurnHasStartedAThread() {
    Queue<Boolean> borrowed = new ConcurrentLinkedQueue<>();
    AtomicReference<WeakReference<Thread>> turnThread = new AtomicReference<>();
    try (TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("start")) {
                    var _ = Thread.startVirtualThread(() -> {});
                  }
                  if (!request.getText().isEmpty()) {
                    borrowed.add(isOn(BORROWED));
                    turnThread.set(new WeakReference<>(Thread.currentThread()));
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(List.of(TestObjects.invocation(1, "Do", "")), 1); // An instance is made elsewhere.
      Wait.until(() -> attachment.outcomes() == 1, "the first outcome");
      Wait.until(() -> !objects.object("a").hasTurnThread(), "the object's rest");

      objects.prove("Do");
      Invocation start = TestObjects.invocation(2, "Do", "start");
      Invocation other = TestObjects.invocation(3, "DoOther", "other");
      stub.add(List.of(start, other), 1);
      Wait.until(() -> attachment.outcomes() == 3, "the outcomes");
      assertThat(borrowed).containsExactly(true, false).inOrder();

      Wait.until(() -> !objects.object("a").hasTurnThread(), "the object's rest");
      objects.prove("Do");
      stub.add(List.of(TestObjects.invocation(4, "Do", "rest")), 1);
      Wait.until(() -> attachment.outcomes() == 4, "the last outcome");
      assertThat(borrowed).containsExactly(true, false, true).inOrder();
      Wait.until(
          () -> {
            System.gc();
            return turnThread.get().get() == null;
          },
          "the end of a thread that a resting object doesn't need");
    }
  }

  /** What is borrowed here stands for one of the few threads that all virtual threads run on. */
  @Test
  void anObjectWithMuchToDoLetsOthersHaveTheThread() {
    AtomicLong now = new AtomicLong();
    Queue<Boolean> borrowed = new ConcurrentLinkedQueue<>();
    try (TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(
                (probe, request, reply) -> {
                  now.addAndGet(TimeUnit.MILLISECONDS.toNanos(1));
                  borrowed.add(isOn(BORROWED));
                  Probe.echo(probe, request, reply);
                }),
            StorageEngine.open(StorageOptions.memory()),
            /* threadStarter= */ null,
            /* threads= */ starter,
            now::get)) {
      RecordingAttachment attachment = new RecordingAttachment();
      String[] texts = new String[100];
      Arrays.fill(texts, "");
      objects.open("a", attachment).add(TestObjects.invocations(1, texts), 1);
      Wait.until(() -> attachment.outcomes() == 100, "the outcomes");
      long here = borrowed.stream().filter(isHere -> isHere).count();
      assertThat(here).isGreaterThan(0);
      assertThat(here).isAtMost(10);
    }
  }

  /** Whether its turn is short says nothing about how long an argument takes to read. */
  @Test
  void aLongArgumentIsReadElsewhereThoughTheMethodIsShort() {
    Queue<Boolean> borrowed = new ConcurrentLinkedQueue<>();
    try (TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(
                (probe, request, reply) -> {
                  borrowed.add(isOn(BORROWED));
                  Probe.echo(probe, request, reply);
                }))) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(List.of(TestObjects.invocation(1, "Do", "")), 1); // An instance is made elsewhere.
      Wait.until(() -> attachment.outcomes() == 1, "the first outcome");
      borrowed.clear();
      for (int textBytes : new int[] {10, 1_000}) {
        Wait.until(() -> !objects.object("a").hasTurnThread(), "the object's rest");
        objects.prove("Do");
        long next = attachment.outcomes() + 1L;
        stub.add(List.of(json(next, "x".repeat(textBytes))), 1);
        Wait.until(() -> attachment.outcomes() == next, "the outcome");
      }
      assertThat(borrowed).containsExactly(true, false).inOrder();
    }
  }

  private static Invocation json(long sequence, String text) {
    return Invocation.of(
        dev.seriatim.v1.Invocation.newBuilder()
            .setSequence(sequence)
            .setMethod("Do")
            .setJson(
                Value.newBuilder()
                    .setStructValue(
                        Struct.newBuilder()
                            .putFields("text", Value.newBuilder().setStringValue(text).build())))
            .build());
  }
}
