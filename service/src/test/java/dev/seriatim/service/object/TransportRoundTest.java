package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Objects that get something to run with the same message. */
final class TransportRoundTest {
  private static final int OBJECTS = 10;

  /** What the object's code leaves behind on its thread. */
  private static final ThreadLocal<String> LEFT = new ThreadLocal<>();

  private static final ThreadLocal<String> LEFT_TO_CHILDREN = new InheritableThreadLocal<>();

  private final CountDownLatch blocks = new CountDownLatch(1);
  private final CountDownLatch goesOn = new CountDownLatch(1);
  private final Set<Long> threads = ConcurrentHashMap.newKeySet();
  private final Set<String> found = ConcurrentHashMap.newKeySet();

  /** A number of objects that have run a turn already, and a stub on each. */
  private final class World implements AutoCloseable {
    final TestObjects objects;
    final List<Session> stubs = new ArrayList<>();
    final List<RecordingAttachment> attachments = new ArrayList<>();

    World() {
      objects =
          new TestObjects(
              HostLimits.builder().build(),
              Probe.doing(
                  (probe, request, reply) -> {
                    threads.add(Thread.currentThread().threadId());
                    switch (request.getText()) {
                      case "block" -> {
                        blocks.countDown();
                        goesOn.await();
                      }
                      case "throw" -> throw new AssertionError("thrown by a test");
                      case "leave" -> LEFT.set("something");
                      case "leave to children" -> LEFT_TO_CHILDREN.set("something");
                      case "leave a name" -> Thread.currentThread().setName("something");
                      case "find" ->
                          found.add(
                              LEFT.get()
                                  + ", "
                                  + LEFT_TO_CHILDREN.get()
                                  + ", "
                                  + Thread.currentThread().getName());
                      default -> {}
                    }
                    Probe.echo(probe, request, reply);
                  }),
              StorageEngine.open(dev.seriatim.service.StorageOptions.memory()),
              requireNonNull(MountedThread.Starter.find()),
              // No time passes: what the machine does else makes no turn long, and no round.
              /* nanos= */ () -> 0);
      objects.prove("Do");
      for (int i = 0; i < OBJECTS; i++) {
        RecordingAttachment attachment = new RecordingAttachment();
        Session stub = objects.open("object-" + i, attachment);
        stub.add(TestObjects.invocations(1, "start"), 1);
        Wait.until(() -> attachment.outcomes() == 1, "the first turn of an object");
        LiveObject object = objects.object("object-" + i);
        Wait.until(() -> !object.hasTurnThread(), "that it rests");
        stubs.add(stub);
        attachments.add(attachment);
      }
      threads.clear();
    }

    /** Gives each object the second invocation of its stub, in a round. */
    void round(String... texts) {
      assertThat(objects.directory.beginRound()).isTrue();
      for (int i = 0; i < texts.length; i++) {
        stubs.get(i).add(TestObjects.invocations(2, texts[i]), 1);
        assertWithMessage("outcomes before the end of the round")
            .that(attachments.get(i).outcomes())
            .isEqualTo(1);
      }
      objects.directory.endRound();
    }

    void expectOutcomes(int from, int to) {
      for (int i = from; i < to; i++) {
        assertWithMessage("outcomes of object %s", i)
            .that(attachments.get(i).outcomes())
            .isEqualTo(2);
      }
    }

    @Override
    public void close() {
      goesOn.countDown();
      objects.close();
      for (RecordingAttachment attachment : attachments) {
        assertThat(attachment.breaches()).isEmpty();
      }
    }
  }

  @Test
  void anEndWithoutABeginningDoesNothing() {
    TransportRound.end();
    assertThat(TransportRound.current()).isNull();
  }

  @Test
  void oneThreadServesAllOfThem() {
    try (World world = new World()) {
      world.round("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
      world.expectOutcomes(0, OBJECTS);
      assertThat(threads).hasSize(1);
      for (int i = 0; i < OBJECTS; i++) {
        assertThat(world.objects.object("object-" + i).hasTurnThread()).isFalse();
      }
    }
  }

  @Test
  void oneThatBlocksKeepsItsThreadAndHoldsUpNoOther() {
    try (World world = new World()) {
      world.round("a", "block", "c", "d");
      Wait.on(blocks, "the turn that blocks");
      world.expectOutcomes(0, 1);
      world.expectOutcomes(2, 4);
      assertThat(threads).hasSize(2);
      goesOn.countDown();
      Wait.until(() -> world.attachments.get(1).outcomes() == 2, "the outcome of the one");
    }
  }

  @Test
  void anObjectThatWaitsIsServedAtOnceForAnyoneElse() throws Exception {
    try (World world = new World()) {
      assertThat(world.objects.directory.beginRound()).isTrue();
      world.stubs.getFirst().add(TestObjects.invocations(2, "a"), 1);
      RecordingAttachment other = new RecordingAttachment();
      Thread elsewhere =
          Thread.ofPlatform()
              .start(
                  () ->
                      world
                          .objects
                          .open("object-0", other)
                          .add(TestObjects.invocations(1, "b"), 1));
      elsewhere.join();
      Wait.until(() -> other.outcomes() == 1, "the outcome of another stub");
      Wait.until(() -> world.attachments.getFirst().outcomes() == 2, "the outcome of the first");
      world.objects.directory.endRound();
    }
  }

  @Test
  void noneFindsWhatAnotherHasLeftOnTheThread() {
    try (World world = new World()) {
      world.round(
          "find",
          "leave",
          "find",
          "leave to children",
          "find",
          "leave a name",
          "find",
          "leave",
          "find");
      world.expectOutcomes(0, 9);
      assertThat(threads).hasSize(1);
      assertThat(found).containsExactly("null, null, ");
    }
  }

  @Test
  void oneThatThrowsBreaksItsStubAlone() {
    try (World world = new World()) {
      world.round("a", "throw", "c");
      world.expectOutcomes(0, 1);
      world.expectOutcomes(2, 3);
      assertThat(requireNonNull(world.attachments.get(1).broken()).getFailedSequence())
          .isEqualTo(2);
    }
  }

  @Test
  void aRoundWithinARoundIsPartOfIt() {
    try (World world = new World()) {
      assertThat(world.objects.directory.beginRound()).isTrue();
      assertThat(world.objects.directory.beginRound()).isFalse();
      world.objects.directory.endRound();
      world.round("a");
      world.expectOutcomes(0, 1);
    }
  }
}
