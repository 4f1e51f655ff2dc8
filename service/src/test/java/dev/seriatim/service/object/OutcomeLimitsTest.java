package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.OutcomeBudget;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.FaultyStorage;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What outcomes may take in memory while they wait for a commit or for their reader. */
final class OutcomeLimitsTest {
  private static final int RESPONSE_BYTES = 100_000;

  private final AtomicInteger turns = new AtomicInteger();

  /** Writes, or replies with a large response, as it is told. */
  private TestObjects objects(HostLimits.Builder limits, StorageEngine storage) {
    return new TestObjects(
        limits.build(),
        Probe.doing(
            (probe, request, reply) -> {
              turns.incrementAndGet();
              if (request.getText().equals("small")) {
                Probe.echo(probe, request, reply);
                return;
              }
              if (request.getText().equals("write")) {
                probe.state().storage().put("k", ByteString.EMPTY);
              }
              reply.onNext(Probe.filling(RESPONSE_BYTES));
              reply.onCompleted();
            }),
        storage);
  }

  private TestObjects objects(HostLimits.Builder limits) {
    return objects(limits, StorageEngine.open(StorageOptions.memory()));
  }

  private static String[] times(int count, String text) {
    String[] texts = new String[count];
    java.util.Arrays.fill(texts, text);
    return texts;
  }

  private static Broken broken(RecordingAttachment attachment) {
    Wait.until(attachment::isClosed, "the break");
    assertThat(attachment.breaches()).isEmpty();
    Broken broken = attachment.broken();
    if (broken == null) {
      throw new AssertionError("the stub closed, expected it to break");
    }
    return broken;
  }

  /** A store whose first commit waits. */
  private static final class Stalled implements FaultyStorage.Commits {
    final CountDownLatch entered = new CountDownLatch(1);
    final CountDownLatch leave = new CountDownLatch(1);

    @Override
    public void afterWrites() {
      entered.countDown();
      Wait.on(leave, "the test's release of the commit");
    }

    @Override
    public void beforeNotify() {}
  }

  @Test
  void turnsWaitWhenTooMuchIsBehindAClosedGate(@TempDir Path data) {
    Stalled stalled = new Stalled();
    HostLimits.Builder limits = HostLimits.builder().stubOutcomeBytes(10L * RESPONSE_BYTES);
    try (TestObjects objects =
        objects(limits, FaultyStorage.open(StorageOptions.sqlite(data), stalled))) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "write"), 1);
      Wait.on(stalled.entered, "the commit");
      stub.add(TestObjects.invocations(2, times(200, "read")), 1);
      LiveObject object = objects.object("a");
      Wait.until(() -> turns.get() >= 10 && !object.hasTurnThread(), "the stub to wait");
      assertThat(turns.get()).isAtMost(11);
      assertThat(attachment.outcomes()).isEqualTo(0);
      assertThat(object.outcomeBudget().bytes()).isAtLeast(9L * RESPONSE_BYTES);
      stalled.leave.countDown();
      Wait.until(() -> attachment.outcomes() == 201, "all outcomes");
      assertThat(attachment.breaches()).isEmpty();
      // Who sends gives the room back behind that.
      Wait.until(() -> object.outcomeBudget().bytes() == 0, "the room that was given back");
    }
  }

  /** What is full: an object, or the host. */
  private void assertLargeOutcomesAreRefused(HostLimits.Builder limits, boolean sameObject) {
    try (TestObjects objects = objects(limits)) {
      List<Session> stubs = new ArrayList<>();
      List<RecordingAttachment> attachments = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        RecordingAttachment unread = new RecordingAttachment();
        unread.setReading(false);
        attachments.add(unread);
        stubs.add(objects.open(sameObject ? "a" : "a" + i, unread));
        stubs.getLast().add(TestObjects.invocations(1, "read"), 1);
      }
      Wait.until(
          () -> objects.directory.host().outcomes().bytes() >= 3 * RESPONSE_BYTES,
          "an outcome of each stub");
      // Those that have one have to read it before they get more.
      for (Session stub : stubs) {
        stub.add(TestObjects.invocations(2, "read"), 1);
      }
      RecordingAttachment late = new RecordingAttachment();
      objects.open(sameObject ? "a" : "b", late).add(TestObjects.invocations(1, "write"), 1);
      Broken broken = broken(late);
      assertThat(broken.getOverloaded()).isTrue();
      assertThat(broken.getFailedSequence()).isEqualTo(1);
      assertThat(broken.getCause().getMessage())
          .contains(sameObject ? "the object may have" : "the host may have");
      // What is small has room, on the same object and on others.
      RecordingAttachment small = new RecordingAttachment();
      Session other = objects.open("a", small);
      for (int i = 1; i <= 10; i++) {
        int sent = i;
        other.add(TestObjects.invocations(i, "small"), 1);
        Wait.until(() -> small.outcomes() == sent, "an outcome that is small");
      }
      assertThat(turns.get()).isEqualTo(14);
      for (int i = 0; i < 3; i++) {
        attachments.get(i).setReading(true);
        stubs.get(i).onReady();
      }
      for (RecordingAttachment attachment : attachments) {
        Wait.until(
            () -> attachment.outcomes() == 2, "both outcomes of a stub whose client reads again");
        assertThat(attachment.breaches()).isEmpty();
      }
      Wait.until(
          () -> objects.directory.host().outcomes().bytes() == 0, "the room that was given back");
    }
  }

  @Test
  void aLargeOutcomeThatFindsTheObjectFullIsRefusedAndASmallOneIsNot() {
    assertLargeOutcomesAreRefused(
        HostLimits.builder().objectOutcomeBytes(4 * RESPONSE_BYTES), true);
  }

  @Test
  void aLargeOutcomeThatFindsTheHostFullIsRefusedAndASmallOneIsNot() {
    assertLargeOutcomesAreRefused(HostLimits.builder().hostOutcomeBytes(4 * RESPONSE_BYTES), false);
  }

  @Test
  void anOutcomeThatIsRefusedHadNoEffect() {
    try (TestObjects objects =
        objects(HostLimits.builder().hostOutcomeBytes(RESPONSE_BYTES + 10_000))) {
      RecordingAttachment unread = new RecordingAttachment();
      unread.setReading(false);
      Session first = objects.open("a", unread);
      first.add(TestObjects.invocations(1, "read"), 1);
      Wait.until(() -> objects.directory.host().outcomes().bytes() > 0, "the outcome");
      RecordingAttachment late = new RecordingAttachment();
      objects.open("b", late).add(TestObjects.invocations(1, "write"), 1);
      assertThat(broken(late).getCompletedThrough()).isEqualTo(0);
      assertWithMessage("the instance that wrote")
          .that(!objects.object("b").hasTurnThread() && objects.object("b").hasInstance())
          .isFalse();
      first.cancel();
      // The thread of its turn may still be handing its outcome in.
      Wait.until(
          () -> objects.directory.host().outcomes().bytes() == 0, "the room that was given back");
    }
  }

  /** Takes what it is given, and then is as slow as the test wants. */
  private static final class SlowAttachment implements Attachment {
    volatile boolean ready = true;
    final AtomicInteger outcomes = new AtomicInteger();
    volatile @Nullable Status status;

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public void send(List<dev.seriatim.wire.Outcome> sent, @Nullable Broken broken) {
      ready = false;
      outcomes.addAndGet(sent.size());
    }

    @Override
    public void close(Status end) {
      ready = false;
      status = end;
    }
  }

  @Test
  void whatTheTransportHasCountsUntilItHasLeft() {
    try (TestObjects objects = objects(HostLimits.builder())) {
      SlowAttachment attachment = new SlowAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "read"), 1);
      Wait.until(() -> attachment.outcomes.get() == 1, "the outcome");
      OutcomeBudget host = objects.directory.host().outcomes();
      assertThat(host.bytes()).isAtLeast(RESPONSE_BYTES);
      attachment.ready = true;
      stub.onReady(); // The turn's thread may still be sending, and finds it ready then.
      Wait.until(() -> host.bytes() == 0, "the room of what has left");
      stub.add(TestObjects.invocations(2, "read"), 1);
      Wait.until(() -> attachment.outcomes.get() == 2, "the outcome");
      stub.halfClose();
      attachment.ready = true;
      stub.onReady();
      Wait.until(() -> attachment.status != null, "the end of the call");
      Wait.until(() -> host.bytes() == 0, "the room of what has left");
    }
  }

  @Test
  void whatTheTransportHasWhenTheCallEndsCountsUntilItIsDone() {
    try (TestObjects objects = objects(HostLimits.builder())) {
      SlowAttachment attachment = new SlowAttachment();
      Session stub = objects.open("a", attachment);
      stub.add(TestObjects.invocations(1, "read"), 1);
      stub.halfClose();
      Wait.until(() -> attachment.outcomes.get() == 1, "the outcome");
      attachment.ready = attachment.status == null;
      stub.onReady();
      Wait.until(() -> attachment.status != null, "the end of the call");
      stub.onDelivered();
      Wait.until(
          () -> objects.directory.host().outcomes().bytes() == 0, "the room of what is done");
    }
  }

  @Test
  void turnsOfManyStubsOnAStalledObjectStayWithinItsLimit(@TempDir Path data) {
    Stalled stalled = new Stalled();
    HostLimits.Builder limits = HostLimits.builder().objectOutcomeBytes(10L * RESPONSE_BYTES);
    try (TestObjects objects =
        objects(limits, FaultyStorage.open(StorageOptions.sqlite(data), stalled))) {
      RecordingAttachment writer = new RecordingAttachment();
      objects.open("a", writer).add(TestObjects.invocations(1, "write"), 1);
      Wait.on(stalled.entered, "the commit");
      List<RecordingAttachment> attachments = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        RecordingAttachment attachment = new RecordingAttachment();
        attachments.add(attachment);
        Session stub = objects.open("a", attachment);
        stub.add(TestObjects.invocations(1, times(5, "read")), 1);
        stub.halfClose();
      }
      LiveObject object = objects.object("a");
      Wait.until(() -> turns.get() >= 10 && !object.hasTurnThread(), "the object to rest");
      assertThat(object.outcomeBudget().bytes()).isAtMost(10L * RESPONSE_BYTES);
      stalled.leave.countDown();
      for (RecordingAttachment attachment : attachments) {
        Wait.until(attachment::isClosed, "the end of a stub");
        assertThat(attachment.breaches()).isEmpty();
        Broken broken = attachment.broken();
        assertThat(broken == null || broken.getOverloaded()).isTrue();
      }
      assertThat(object.outcomeBudget().bytes()).isEqualTo(0);
    }
  }
}
