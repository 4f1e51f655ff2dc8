package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.rpc.Status;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Wake-ups that come between the two looks of a turn thread, made to come there. */
final class WakeUpTest {
  private static final HostLimits LIMITS =
      HostLimits.builder().idleLimit(Duration.ofHours(1)).maxUnreadOutcomeBytes(1).build();

  /** What the turn thread is to find done behind its back when it next asks for the time. */
  private final AtomicReference<@Nullable Runnable> whenAskedForTheTime = new AtomicReference<>();

  private TestObjects objects() {
    TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(Probe::echo),
            StorageEngine.open(StorageOptions.memory()),
            /* threadStarter= */ null,
            () -> {
              Runnable done =
                  Thread.currentThread().isVirtual() ? whenAskedForTheTime.getAndSet(null) : null;
              if (done != null) {
                done.run();
              }
              return System.nanoTime();
            });
    objects.stopEvictor();
    return objects;
  }

  /** Tells what has been sent; may do something when it is sent something, or asked. */
  private abstract static class TestAttachment implements Attachment {
    final CountDownLatch second = new CountDownLatch(1);

    void sent() {}

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void send(List<Outcome> outcomes, @Nullable Broken broken) {
      sent();
      if (!outcomes.isEmpty() && outcomes.getLast().sequence() == 2) {
        second.countDown();
      }
    }

    @Override
    public void close(Status status) {}
  }

  @Test
  void whatComesWhenTheObjectHasFoundNothingToRunIsRun() throws Exception {
    AtomicReference<Session> stub = new AtomicReference<>();
    TestAttachment attachment =
        new TestAttachment() {
          private boolean sent;

          @Override
          void sent() {
            if (!sent) {
              sent = true;
              // The next time that it wants to know is that of its rest.
              whenAskedForTheTime.set(() -> stub.get().add(TestObjects.invocations(2, "x"), 1));
            }
          }
        };
    try (TestObjects objects = objects()) {
      stub.set(objects.open("a", attachment));
      stub.get().add(TestObjects.invocations(1, "x"), 1);
      Wait.on(attachment.second, "the outcome of what came as the object went to rest");
    }
  }

  @Test
  void aClientThatReadsWhenItWasFoundNotToIsServed() throws Exception {
    AtomicReference<Session> stub = new AtomicReference<>();
    CountDownLatch asked = new CountDownLatch(2);
    TestAttachment attachment =
        new TestAttachment() {
          private volatile boolean reading;

          @Override
          public boolean isReady() {
            boolean was = reading;
            // The turn thread looks twice before it stops to serve a stub whose client doesn't
            // read.
            if (!was && Thread.currentThread().isVirtual()) {
              asked.countDown();
              if (asked.getCount() == 0) {
                reading = true;
                // As a transport says so: on a thread that has none of the stub's locks.
                Thread _ = Thread.ofPlatform().start(() -> stub.get().onReady());
              }
            }
            return was;
          }
        };
    try (TestObjects objects = objects()) {
      stub.set(objects.open("a", attachment));
      stub.get().add(TestObjects.invocations(1, "x", "x"), 1);
      Wait.on(attachment.second, "the outcome behind the one that the client was late to read");
      assertThat(asked.getCount()).isEqualTo(0);
    }
  }
}
