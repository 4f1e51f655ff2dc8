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
    return bytes + invocations * StubQueue.INVOCATION_BYTES;
  }

  /** TestObjects whose first turn waits. */
  private static final class Held implements AutoCloseable {
    final CountDownLatch entered = new CountDownLatch(1);
    final CountDownLatch leave = new CountDownLatch(1);
    final CountDownLatch enteredAgain = new CountDownLatch(1);
    final CountDownLatch leaveAgain = new CountDownLatch(1);
    final TestObjects objects;
    final RecordingSink holder = new RecordingSink();

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

  private static Broken awaitBroken(RecordingSink sink) {
    Wait.until(sink::isClosed, "the break");
    assertThat(sink.breaches()).isEmpty();
    Broken broken = sink.broken();
    if (broken == null) {
      throw new AssertionError("the stub closed, expected it to break");
    }
    return broken;
  }

  @ParameterizedTest
  @EnumSource
  void whatFitsRunsAndTheNextOneBreaksTheStub(Place place) {
    try (Held held = new Held(place.limit(3, 1 << 20).build())) {
      RecordingSink sink = new RecordingSink();
      StubQueue stub = held.objects.open("a", sink);
      stub.add(TestObjects.invocations(1, "1", "2"), FRAME);
      stub.add(TestObjects.invocations(3, "3", "4", "5"), FRAME);
      stub.add(TestObjects.invocations(6, "6"), FRAME);
      assertThat(sink.isClosed()).isFalse();
      held.leave.countDown();
      Broken broken = awaitBroken(sink);
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
      RecordingSink sink = new RecordingSink();
      StubQueue stub = held.objects.open("a", sink);
      stub.add(TestObjects.invocations(1, "1"), FRAME);
      stub.add(TestObjects.invocations(2, "2"), FRAME);
      stub.add(TestObjects.invocations(3, "3"), FRAME);
      held.leave.countDown();
      assertThat(awaitBroken(sink).getCompletedThrough()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void roomIsGivenBackHoweverAStubEnds(Place place) throws Exception {
    int room = 4;
    try (Held held = new Held(place.limit(room, room * room(FRAME, 1)).build())) {
      for (int round = 0; round < 20; round++) {
        // Ends by cancel, with frames in the queue.
        RecordingSink cancelled = new RecordingSink();
        StubQueue stub = held.objects.open("a", cancelled);
        stub.add(TestObjects.invocations(1, "1", "2"), FRAME);
        stub.cancel();
        stub.add(TestObjects.invocations(3, "3"), FRAME);
        // Ends by a break from outside.
        RecordingSink broken = new RecordingSink();
        StubQueue other = held.objects.open("a", broken);
        other.add(TestObjects.invocations(1, "1", "2"), FRAME);
        other.breakSoon(ObjectDirectory.drainCause());
        other.add(TestObjects.invocations(3, "3"), FRAME);
        assertThat(broken.isClosed()).isTrue();
        // Ends by passing the limit; what fitted waits for its turn, or for the cancel.
        RecordingSink over = new RecordingSink();
        StubQueue third = held.objects.open("a", over);
        third.add(TestObjects.invocations(1, "1", "2", "3", "4", "5"), FRAME);
        third.cancel();
      }
      // All the room is there again, to the last one.
      RecordingSink sink = new RecordingSink();
      StubQueue stub = held.objects.open("a", sink);
      for (int i = 1; i <= room; i++) {
        stub.add(TestObjects.invocations(i, "call"), FRAME);
      }
      stub.halfClose();
      held.leave.countDown();
      Wait.until(sink::isClosed, "the end of the stub");
      assertThat(sink.broken()).isNull();
      assertThat(sink.outcomes()).isEqualTo(room);
      assertThat(sink.breaches()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFrameTakesItsRoomUntilItsLastTurnHasEnded(Place place) {
    try (Held held = new Held(place.limit(1000, room(FRAME, 3)).build())) {
      RecordingSink sink = new RecordingSink();
      StubQueue stub = held.objects.open("a", sink);
      stub.add(TestObjects.invocations(1, "1", "2", "hold again"), FRAME);
      held.leave.countDown();
      Wait.on(held.enteredAgain, "the last turn of the frame");
      stub.add(TestObjects.invocations(4, "4"), FRAME);
      held.leaveAgain.countDown();
      assertThat(awaitBroken(sink).getFailedSequence()).isEqualTo(4);
      RecordingSink later = new RecordingSink();
      held.objects.open("a", later).add(TestObjects.invocations(1, "1", "2", "3"), FRAME);
      Wait.until(() -> later.outcomes() == 3, "the outcomes of a frame that fills the room again");
    }
  }

  @Test
  void aStubThatEndsInTheMiddleOfAFrameGivesItsRoomBack() {
    HostLimits limits = Place.OBJECT.limit(3, room(FRAME, 2)).maxUnreadOutcomeBytes(1).build();
    try (TestObjects objects = new TestObjects(limits, Probe.doing(Probe::echo))) {
      for (int round = 0; round < 50; round++) {
        RecordingSink unread = new RecordingSink();
        unread.setReading(false);
        StubQueue stub = objects.open("a", unread);
        stub.add(TestObjects.invocations(1, "1", "2", "3"), FRAME);
        LiveObject object = objects.object("a");
        Wait.until(() -> !object.hasTurnThread(), "the stub to wait for its reader");
        stub.cancel();
        RecordingSink sink = new RecordingSink();
        StubQueue other = objects.open("a", sink);
        Wait.until(
            () -> object.budget().isEmpty(), "the room of the stub that ended, round " + round);
        other.add(TestObjects.invocations(1, "1", "2", "3"), FRAME);
        other.halfClose();
        Wait.until(sink::isClosed, "the end of the other stub");
        assertThat(sink.broken()).isNull();
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
      RecordingSink sink = new RecordingSink();
      StubQueue stub = objects.open("a", sink);
      stub.add(TestObjects.invocations(1, "1"), FRAME);
      stub.add(List.of(large), large.argument().size());
      Broken broken = awaitBroken(sink);
      assertThat(broken.getCompletedThrough()).isEqualTo(1);
      assertThat(broken.getFailedSequence()).isEqualTo(2);
      assertThat(broken.getOverloaded()).isTrue();
      assertThat(broken.getCause().getMessage()).contains("no room for the argument of Do");
      Wait.until(() -> objects.directory.budget().isEmpty(), "the room of the argument");
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
      RecordingSink sink = new RecordingSink();
      StubQueue stub = held.objects.open("b", sink);
      stub.add(List.of(hold), 1);
      QueueBudget host = held.objects.directory.budget();
      Wait.until(() -> host.bytes() > 100_000, "the room of the argument");
      held.leave.countDown();
      Wait.until(host::isEmpty, "the end of both turns");
      assertThat(sink.outcomes()).isEqualTo(1);
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
        RecordingSink sink = new RecordingSink();
        StubQueue stub = objects.open("a", sink);
        stub.add(TestObjects.invocations(1, "bad"), FRAME);
        stub.add(TestObjects.invocations(2, "2", "3"), FRAME);
        assertThat(awaitBroken(sink).getCause().getMessage()).contains("no good");
        stub.cancel();
      }
    }
  }

  @Test
  void whatIsRefusedTakesNoRoomFromOthersMeanwhile() throws Exception {
    QueueBudget budget = new QueueBudget("the test", new QueueSize(10, 100));
    assertThat(budget.take(1, 60)).isEqualTo(1);
    Thread refused =
        Thread.startVirtualThread(
            () -> {
              for (int i = 0; i < 200_000; i++) {
                if (budget.take(1, 50) != 0) {
                  throw new AssertionError("room for 110 of 100 bytes");
                }
              }
            });
    int small = 0;
    for (int i = 0; i < 200_000; i++) {
      small += budget.take(1, 40);
      budget.release(1, 40);
    }
    refused.join();
    assertThat(small).isEqualTo(200_000);
  }

  @Test
  void aBudgetTakesWhatFits() {
    QueueBudget budget = new QueueBudget("the test", new QueueSize(5, 100));
    assertThat(budget.take(3, 10)).isEqualTo(3);
    assertThat(budget.take(3, 10)).isEqualTo(2);
    assertThat(budget.take(1, 10)).isEqualTo(0);
    budget.release(5, 20);
    assertThat(budget.take(1, 101)).isEqualTo(0);
    assertThat(budget.take(1, 100)).isEqualTo(1);
    assertThat(budget.take(1, 1)).isEqualTo(0);
    budget.release(1, 100);
    assertThat(budget.take(5, 100)).isEqualTo(5);
  }
}
