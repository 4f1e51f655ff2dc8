package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.util.Durations;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.Outcome;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Invocations whose time runs out while another stub's turn holds the object. */
final class TurnDeadlineTest {
  private static final long HOUR = 3_600_000;

  private final CountDownLatch entered = new CountDownLatch(1);
  private final CountDownLatch leave = new CountDownLatch(1);
  private final CountDownLatch enteredAgain = new CountDownLatch(1);
  private final CountDownLatch leaveAgain = new CountDownLatch(1);

  /** The host's; its timers go by the machine's all the same. */
  private volatile LongSupplier clock = System::nanoTime;

  private final TestObjects objects =
      new TestObjects(
          HostLimits.defaults(),
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
              }),
          StorageEngine.open(StorageOptions.memory()),
          MountedThread.Starter.find(),
          () -> clock.getAsLong());
  private final RecordingAttachment attachment = new RecordingAttachment();
  private final Session stub = objects.open("a", attachment);
  private final RecordingAttachment otherAttachment = new RecordingAttachment();
  private final Session other = objects.open("a", otherAttachment);

  @AfterEach
  void close() {
    leave.countDown();
    leaveAgain.countDown();
    objects.close();
  }

  private void hold() {
    other.add(TestObjects.invocations(1, "hold"), 1);
    Wait.on(entered, "the turn that holds the object");
  }

  private void add(long sequence, long timeoutMillis) {
    stub.add(
        List.of(
            Invocation.of(
                dev.seriatim.v1.Invocation.newBuilder()
                    .setSequence(sequence)
                    .setMethod("Do")
                    .setTimeout(Durations.fromMillis(timeoutMillis))
                    .build())),
        1);
  }

  private Broken broken() {
    Wait.until(attachment::isClosed, "the break");
    assertThat(attachment.breaches()).isEmpty();
    Broken broken = attachment.broken();
    if (broken == null) {
      throw new AssertionError("the stub closed, expected it to break");
    }
    return broken;
  }

  private int timers() {
    // But for the turn watch's, which isn't there while it goes off.
    return (int)
        ((ScheduledThreadPoolExecutor) objects.directory.host().timer())
            .getQueue().stream()
                .filter(task -> !((RunnableScheduledFuture<?>) task).isPeriodic())
                .count();
  }

  @Test
  void theBreakWaitsForTheCommitsOfTheOutcomesBeforeIt() {
    stub.complete(new Outcome(1, /* message= */ null, /* json= */ null), 2);
    hold();
    add(1, HOUR); // In the place of the one that the test has completed.
    add(2, 1);
    Wait.until(stub::isBroken, "the break, in line");
    assertThat(attachment.isClosed()).isFalse();
    objects.object("a").gate().open(2, Thread::startVirtualThread);
    Broken broken = broken();
    assertThat(broken.getCompletedThrough()).isEqualTo(1);
    assertThat(broken.getFailedSequence()).isEqualTo(2);
    assertThat(otherAttachment.outcomes()).isEqualTo(0);
  }

  @Test
  void aLaterInvocationMayHaveAnEarlierDeadline() {
    add(1, HOUR);
    Wait.until(() -> attachment.outcomes() == 1, "the outcome");
    hold();
    add(2, HOUR);
    assertThat(timers()).isAtLeast(1);
    leave.countDown();
    Wait.until(() -> attachment.outcomes() == 2, "the outcome");
    other.add(TestObjects.invocations(2, "hold again"), 1);
    Wait.on(enteredAgain, "the turn that holds the object again");
    add(3, 1);
    assertThat(broken().getFailedSequence()).isEqualTo(3);
    assertThat(timers()).isEqualTo(0);
  }

  @Test
  void aTimerThatGoesOffForNothingIsSetAgain() {
    // No time passes until the second one waits: however long that takes, the first has its turn.
    long begin = System.nanoTime();
    clock = () -> begin;
    hold();
    add(1, 200);
    leave.countDown();
    Wait.until(() -> attachment.outcomes() == 1, "the outcome");
    other.add(TestObjects.invocations(2, "hold again"), 1);
    Wait.on(enteredAgain, "the turn that holds the object again");
    add(2, 300);
    long still = System.nanoTime() - begin;
    clock = () -> System.nanoTime() - still;
    assertThat(broken().getFailedSequence()).isEqualTo(2);
  }

  @Test
  void oneThatHasAnInvocationOfItsOwnStubBeforeItWaits() {
    hold();
    stub.add(TestObjects.invocations(1, "1"), 1);
    add(2, 0);
    add(3, 0);
    assertThat(timers()).isEqualTo(0);
    assertThat(stub.isBroken()).isFalse();
    leave.countDown();
    assertThat(broken().getCompletedThrough()).isEqualTo(1);
    assertThat(broken().getFailedSequence()).isEqualTo(2);
  }

  @Test
  void aStubThatEndsLeavesNoTimerBehind() {
    hold();
    add(1, HOUR);
    assertThat(timers()).isEqualTo(1);
    stub.cancel();
    assertThat(timers()).isEqualTo(0);
  }

  @Test
  void aStubThatHasNothingToRunEndsWithoutItsObject() {
    hold();
    stub.halfClose();
    assertThat(attachment.isClosed()).isTrue();
    assertThat(attachment.broken()).isNull();
  }

  @Test
  void aFailureThatIsNextBreaksTheStubWithoutItsObject() {
    hold();
    stub.add(TestObjects.invocations(2, "2"), 1);
    assertThat(attachment.isClosed()).isTrue();
    assertThat(broken().getFailedSequence()).isEqualTo(2);
  }

  @Test
  void anInvalidTimeoutWaitsForItsTurn() {
    hold();
    stub.add(
        List.of(
            Invocation.of(
                dev.seriatim.v1.Invocation.newBuilder()
                    .setSequence(1)
                    .setMethod("Do")
                    .setTimeout(
                        com.google.protobuf.Duration.newBuilder().setSeconds(-1).setNanos(1))
                    .build())),
        1);
    assertThat(timers()).isEqualTo(0);
    leave.countDown();
    assertThat(broken().getCause().getMessage()).contains("Duration");
  }
}
