package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.SessionLimits;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is remembered of sessions when their objects go from memory. */
final class SessionLifeTest {
  private static final HostLimits SHORT =
      HostLimits.builder().idleLimit(Duration.ofMillis(20)).build();

  private static final ByteString ID = ByteString.copyFrom(new byte[16]);

  /** One connection; notes what it is sent. */
  private static final class Connection implements Attachment {
    private final List<Long> completed = new CopyOnWriteArrayList<>();
    private final List<Long> outcomes = new CopyOnWriteArrayList<>();

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void sendOpened(Opened opened) {
      completed.add(opened.getSession().getCompletedThrough());
    }

    @Override
    public void send(List<Outcome> sent, @Nullable Broken broken) {
      sent.forEach(outcome -> outcomes.add(outcome.sequence()));
    }

    @Override
    public void close(Status end) {}
  }

  private static Session open(TestObjects objects, Attachment attachment, int connection) {
    return objects.directory.open(
        objects.address("a"),
        attachment,
        /* local= */ false,
        new SessionOpen(ID, connection, 0, null, Opened.getDefaultInstance()));
  }

  @Test
  void aStoreInMemoryGetsWhatIsRememberedOfAnObjectThatGoes() {
    AtomicInteger runs = new AtomicInteger();
    try (TestObjects objects =
        new TestObjects(
            SHORT,
            Probe.doing(
                (probe, request, reply) -> {
                  runs.incrementAndGet();
                  probe.state().storage().put("k", ByteString.copyFromUtf8("v"));
                  Probe.reply(reply, "done");
                }))) {
      Connection first = new Connection();
      Session session = open(objects, first, 1);
      session.add(TestObjects.invocations(1, "x", "x"), 1);
      Wait.until(() -> first.outcomes.size() == 2, "both outcomes");
      assertThat(first.completed).containsExactly(0L);
      session.cancel();
      Wait.until(() -> objects.directory.objects().isEmpty(), "the object's leaving memory");
      Connection second = new Connection();
      Session again = open(objects, second, 2);
      Wait.until(() -> second.outcomes.size() == 2, "both outcomes, again");
      assertThat(second.completed).containsExactly(2L);
      again.add(TestObjects.invocations(3, "x"), 1);
      Wait.until(() -> second.outcomes.size() == 3, "the third outcome");
      assertThat(second.outcomes).containsExactly(1L, 2L, 3L).inOrder();
      assertThat(runs.get()).isEqualTo(3);
    }
  }

  @Test
  void whatTheStoreHasIsToldWhenTheHostHadNoRoomForIt(@TempDir Path directory) {
    HostLimits tight =
        HostLimits.builder()
            .sessions(SessionLimits.defaults().withMaxUnacknowledgedBytesOfHost(1))
            .build();
    try (TestObjects objects =
        new TestObjects(
            tight,
            Probe.doing(
                (probe, request, reply) -> {
                  probe.state().storage().put("k", ByteString.copyFromUtf8("v"));
                  Probe.reply(reply, "x".repeat(1 << 16)); // Few bytes aren't counted.
                }),
            StorageEngine.open(StorageOptions.sqlite(directory)))) {
      Connection first = new Connection();
      Session session = open(objects, first, 1);
      session.add(TestObjects.invocations(1, "x", "x"), 1);
      Wait.until(() -> first.outcomes.size() == 2, "both outcomes");
      session.cancel();
      Wait.until(
          () ->
              objects
                  .directory
                  .moves()
                  .busy(Set.of(Slots.of(objects.address("a").id())), /* withLocal= */ true)
                  .isEmpty(),
          "the connection's end, which drops its outcomes: the host has no room for any");
      Connection second = new Connection();
      Session again = open(objects, second, 2);
      Wait.until(() -> second.outcomes.size() == 2, "both outcomes, again");
      assertThat(second.completed).containsExactly(2L);
      again.cancel();
    }
  }
}
