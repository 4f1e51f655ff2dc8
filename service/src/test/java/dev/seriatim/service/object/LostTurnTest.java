package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.storage.FaultyStorage;
import dev.seriatim.v1.Broken;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A commit is lost while a later turn of another stub runs, which has seen what was in it. */
final class LostTurnTest implements FaultyStorage.Commits {
  private final CountDownLatch committing = new CountDownLatch(1);
  private final CountDownLatch reading = new CountDownLatch(1);
  private final CountDownLatch failing = new CountDownLatch(1);

  @Test
  void whatATurnThrowsThatSawALostWriteIsNotTold(@TempDir Path data) {
    try (TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(LostTurnTest.this::turn),
            FaultyStorage.open(StorageOptions.sqlite(data), this))) {
      RecordingAttachment writer = new RecordingAttachment();
      objects.open("a", writer).add(TestObjects.invocations(1, "write"), 1);
      Wait.on(committing, "the commit of the write");
      RecordingAttachment reader = new RecordingAttachment();
      objects.open("a", reader).add(TestObjects.invocations(1, "read"), 1);
      Wait.on(reading, "the turn that reads");
      // The instance is lost then, but its gate can't be told: nothing can cut the turn off.
      synchronized (objects.object("a").gate()) {
        failing.countDown();
        Wait.until(reader::isClosed, "the break of the stub that reads");
      }
      Wait.until(writer::isClosed, "the break of the stub that wrote");
      Broken broken = Objects.requireNonNull(reader.broken());
      assertThat(broken.getCause().getMessage()).contains("out of order");
      assertThat(broken.getCause().getCode()).isEqualTo(Status.Code.ABORTED.value());
      assertThat(broken.getRetryable()).isTrue();
      assertThat(broken.getRemote()).isFalse();
    }
  }

  private void turn(Probe probe, Words request, StreamObserver<Words> reply) throws Exception {
    if (request.getText().equals("write")) {
      probe.state().storage().put("k", ByteString.EMPTY);
      Probe.echo(probe, request, reply);
      return;
    }
    reading.countDown();
    Wait.until(() -> isLost(probe), "the loss of the instance");
    throw Status.FAILED_PRECONDITION.withDescription("k is there").asException();
  }

  private static boolean isLost(Probe probe) {
    try {
      return probe.state().storage().get("k").isEmpty();
    } catch (StorageException e) {
      return true;
    }
  }

  @Override
  public void afterWrites() throws SQLException {
    committing.countDown();
    Wait.on(failing, "the test's word that the commit may fail");
    throw new SQLException("out of order");
  }

  @Override
  public void beforeNotify() {}
}
