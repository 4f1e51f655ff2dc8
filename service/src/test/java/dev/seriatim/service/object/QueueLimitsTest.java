package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.common.base.Ascii;
import com.google.protobuf.ListValue;
import com.google.protobuf.Value;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.HostLimits.QueueSize;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.session.QueueBudget;
import dev.seriatim.service.session.Session;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The limits on what may queue, each by count and by bytes, and the room that is given back. */
final class QueueLimitsTest {
  private static final int FRAME = 100;

  enum Place {
    STUB,
    OBJECT,
    HOST;

    /** Lets so many invocations queue, and so many bytes, beside the one that holds the object. */
    HostLimits.Builder limit(long invocations, long bytes) {
      HostLimits.Builder limits = HostLimits.builder();
      QueueSize size =
          this == STUB
              ? new QueueSize(invocations, bytes)
              : new QueueSize(invocations, bytes + room(1, 1));
      return switch (this) {
        case STUB -> limits.stubQueue(size);
        case OBJECT -> limits.objectQueue(size);
        case HOST -> limits.hostQueue(size);
      };
    }
  }

  /** What a frame takes. */
  private static long room(int bytes, int invocations) {
    return bytes + invocations * Session.INVOCATION_BYTES;
  }

  /** TestObjects whose first turn waits. */
  private static final class Held implements AutoCloseable {
    final CountDownLatch entered = new CountDownLatch(1);
    final CountDownLatch leave = new CountDownLatch(1);
    final CountDownLatch enteredAgain = new CountDownLatch(1);
    final CountDownLatch leaveAgain = new CountDownLatch(1);
    final TestObjects objects;
    final RecordingAttachment holder = new RecordingAttachment();

    Held(HostLimits limits) {
      objects =
          new TestObjects(
              limits,
              Probe.doing(
                  (probe, request, reply) -> {
                    if (request.getText().equals("hold")) {
                      entered.countDown();
                      leave.await();
                    } else if (request.getText().equals("hold again")) {
                      enteredAgain.countDown();
                      leaveAgain.await();
                    }
                    Probe.echo(probe, request, reply);
                  }));
      objects.open("a", holder).add(TestObjects.invocations(1, "hold"), 1);
      Wait.on(entered, "the turn that holds the object");
    }

    @Override
    public void close() {
      leave.countDown();
      leaveAgain.countDown();
      objects.close();
    }
  }

  private static Broken awaitBroken(RecordingAttachment attachment) {
    Wait.until(attachment::isClosed, "the break");
    assertThat(attachment.breaches()).isEmpty();
    Broken broken = attachment.broken();
    if (broken == null) {
      throw new AssertionError("the stub closed, expected it to break");
    }
    return broken;
  }

  @ParameterizedTest
  @EnumSource
  void whatFitsRunsAndTheNextOneBreaksTheStub(Place place) {
    try (Held held = new Held(place.limit(3, 1 << 20).build())) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = held.objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "1", "2"), FRAME);
      stub.add(TestObjects.invocations(3, "3", "4", "5"), FRAME);
      stub.add(TestObjects.invocations(6, "6"), FRAME);
      assertThat(attachment.isClosed()).isFalse();
      held.leave.countDown();
      Broken broken = awaitBroken(attachment);
      assertThat(broken.getCompletedThrough()).isEqualTo(3);
      assertThat(broken.getFailedSequence()).isEqualTo(4);
      assertThat(broken.getOverloaded()).isTrue();
      assertThat(broken.getRetryable()).isFalse();
      assertThat(broken.getCause().getMessage()).contains("the " + Ascii.toLowerCase(place.name()));
    }
  }

  @ParameterizedTest
  @EnumSource
  void bytesCountToo(Place place) {
    try (Held held = new Held(place.limit(1000, 2 * room(FRAME, 1)).build())) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = held.objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "1"), FRAME);
      stub.add(TestObjects.invocations(2, "2"), FRAME);
      stub.add(TestObjects.invocations(3, "3"), FRAME);
      held.leave.countDown();
      assertThat(awaitBroken(attachment).getCompletedThrough()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void roomIsGivenBackHoweverAStubEnds(Place place) throws Exception {
    int room = 4;
    try (Held held = new Held(place.limit(room, room * room(FRAME, 1)).build())) {
      for (int round = 0; round < 20; round++) {
        // Ends by cancel, with frames in the queue.
        RecordingAttachment cancelled = new RecordingAttachment();
        Session stub = held.objects.open("a", cancelled);
        stub.add(TestObjects.invocations(1, "1", "2"), FRAME);
        stub.cancel();
        stub.add(TestObjects.invocations(3, "3"), FRAME);
        // Ends by a break from outside.
        RecordingAttachment broken = new RecordingAttachment();
        Session other = held.objects.open("a", broken);
        other.add(TestObjects.invocations(1, "1", "2"), FRAME);
        other.breakSoon(ObjectDirectory.drainCause());
        other.add(TestObjects.invocations(3, "3"), FRAME);
        assertThat(broken.isClosed()).isTrue();
        // Ends by passing the limit; what fitted waits for its turn, or for the cancel.
        RecordingAttachment over = new RecordingAttachment();
        Session third = held.objects.open("a", over);
        third.add(TestObjects.invocations(1, "1", "2", "3", "4", "5"), FRAME);
        third.cancel();
      }
      // All the room is there again, to the last one.
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = held.objects.open("a", attachment);
      for (int i = 1; i <= room; i++) {
        stub.add(TestObjects.invocations(i, "call"), FRAME);
      }
      stub.halfClose();
      held.leave.countDown();
      Wait.until(attachment::isClosed, "the end of the stub");
      assertThat(attachment.broken()).isNull();
      assertThat(attachment.outcomes()).isEqualTo(room);
      assertThat(attachment.breaches()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFrameTakesItsRoomUntilItsLastTurnHasEnded(Place place) {
    try (Held held = new Held(place.limit(1000, room(FRAME, 3)).build())) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = held.objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "1", "2", "hold again"), FRAME);
      held.leave.countDown();
      Wait.on(held.enteredAgain, "the last turn of the frame");
      stub.add(TestObjects.invocations(4, "4"), FRAME);
      held.leaveAgain.countDown();
      assertThat(awaitBroken(attachment).getFailedSequence()).isEqualTo(4);
      RecordingAttachment later = new RecordingAttachment();
      held.objects.open("a", later).add(TestObjects.invocations(1, "1", "2", "3"), FRAME);
      Wait.until(() -> later.outcomes() == 3, "the outcomes of a frame that fills the room again");
    }
  }

  @Test
  void aStubThatEndsInTheMiddleOfAFrameGivesItsRoomBack() {
    HostLimits limits = Place.OBJECT.limit(3, room(FRAME, 2)).maxUnreadOutcomeBytes(1).build();
    try (TestObjects objects = new TestObjects(limits, Probe.doing(Probe::echo))) {
      for (int round = 0; round < 50; round++) {
        RecordingAttachment unread = new RecordingAttachment();
        unread.setReading(false);
        Session stub = objects.open("a", unread);
        stub.add(TestObjects.invocations(1, "1", "2", "3"), FRAME);
        LiveObject object = objects.object("a");
        Wait.until(() -> !object.hasTurnThread(), "the stub to wait for its reader");
        stub.cancel();
        RecordingAttachment attachment = new RecordingAttachment();
        Session other = objects.open("a", attachment);
        Wait.until(
            () -> object.budget().isEmpty(), "the room of the stub that ended, round " + round);
        other.add(TestObjects.invocations(1, "1", "2", "3"), FRAME);
        other.halfClose();
        Wait.until(attachment::isClosed, "the end of the other stub");
        assertThat(attachment.broken()).isNull();
      }
    }
  }

  /** An empty value is two bytes in a frame, and an object in memory. */
  @Test
  void whatAnArgumentBecomesInMemoryCountsToo() {
    ListValue.Builder list = ListValue.newBuilder();
    for (int i = 0; i < 10_000; i++) {
      list.addValues(Value.getDefaultInstance());
    }
    Invocation large =
        Invocation.of(
            dev.seriatim.v1.Invocation.newBuilder()
                .setSequence(2)
                .setMethod("Do")
                .setJson(Value.newBuilder().setListValue(list))
                .build());
    try (TestObjects objects =
        new TestObjects(
            HostLimits.builder().hostQueue(new QueueSize(1_000, 1_000_000)).build(),
            Probe.doing(Probe::echo))) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "1"), FRAME);
      stub.add(List.of(large), large.argument().size());
      Broken broken = awaitBroken(attachment);
      assertThat(broken.getCompletedThrough()).isEqualTo(1);
      assertThat(broken.getFailedSequence()).isEqualTo(2);
      assertThat(broken.getOverloaded()).isTrue();
      assertThat(broken.getCause().getMessage()).contains("no room for the argument of Do");
      Wait.until(() -> objects.directory.host().queued().isEmpty(), "the room of the argument");
    }
  }

  @Test
  void anArgumentTakesItsRoomUntilItsTurnHasEnded() {
    Words words = Probe.filling(100_000);
    Invocation hold =
        Invocation.of(
            dev.seriatim.v1.Invocation.newBuilder()
                .setSequence(1)
                .setMethod("Do")
                .setMessage(words.toBuilder().setText("hold").build().toByteString())
                .build());
    try (Held held = new Held(HostLimits.defaults())) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = held.objects.open("b", attachment);
      stub.add(List.of(hold), 1);
      QueueBudget host = held.objects.directory.host().queued();
      Wait.until(() -> host.bytes() > 100_000, "the room of the argument");
      held.leave.countDown();
      Wait.until(host::isEmpty, "the end of both turns");
      assertThat(attachment.outcomes()).isEqualTo(1);
    }
  }

  @Test
  void aTurnThatFailsGivesBackTheRoomOfThoseBehindIt() {
    try (TestObjects objects =
        new TestObjects(
            Place.OBJECT.limit(2, 1 << 20).build(),
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("bad")) {
                    throw new IllegalStateException("no good");
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      for (int round = 0; round < 50; round++) {
        RecordingAttachment attachment = new RecordingAttachment();
        Session stub = objects.open("a", attachment);
        stub.add(TestObjects.invocations(1, "bad"), FRAME);
        stub.add(TestObjects.invocations(2, "2", "3"), FRAME);
        assertThat(awaitBroken(attachment).getCause().getMessage()).contains("no good");
        stub.cancel();
      }
    }
  }
}
