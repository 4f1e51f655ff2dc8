package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.AbstractMessageLite;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.OutputGate;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Whatever is thrown, and wherever: the object has somebody, or works when it is called next. */
final class LastResortTest {
  private static final HostLimits LIMITS =
      HostLimits.builder().idleLimit(Duration.ofHours(1)).build();

  /** Fails whoever looks at it. */
  private static final class Unreadable extends Error {
    private static final long serialVersionUID = 1;

    @Override
    public String getMessage() {
      throw new StackOverflowError();
    }

    @Override
    public synchronized @Nullable Throwable getCause() {
      throw new StackOverflowError();
    }
  }

  /** A message that has a size, and no bytes. */
  private static final class Unwritable extends AbstractMessageLite<Unwritable, Unwritable.Never> {
    abstract static class Never extends AbstractMessageLite.Builder<Unwritable, Never> {}

    @Override
    public int getSerializedSize() {
      return 1_000;
    }

    @Override
    public void writeTo(CodedOutputStream output) throws IOException {
      throw new StackOverflowError();
    }

    @Override
    public ByteString toByteString() {
      throw new StackOverflowError();
    }

    @Override
    public Parser<? extends MessageLite> getParserForType() {
      throw new UnsupportedOperationException();
    }

    @Override
    public MessageLite.Builder newBuilderForType() {
      throw new UnsupportedOperationException();
    }

    @Override
    public MessageLite.Builder toBuilder() {
      throw new UnsupportedOperationException();
    }

    @Override
    public MessageLite getDefaultInstanceForType() {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean isInitialized() {
      return true;
    }
  }

  /** Starts threads, and can run out of the memory for them. */
  private static final class Threads implements Executor {
    final AtomicBoolean exhausted = new AtomicBoolean();

    @Override
    public void execute(Runnable task) {
      if (exhausted.get()) {
        throw new OutOfMemoryError("unable to create a thread");
      }
      Thread.startVirtualThread(task);
    }
  }

  private static void assertWorks(TestObjects objects, String name) {
    RecordingAttachment sink = new RecordingAttachment();
    objects.open(name, sink).add(TestObjects.invocations(1, "fine"), 1);
    Wait.until(() -> sink.outcomes() == 1, "an outcome of an object that is to work again");
  }

  private static Broken broken(RecordingAttachment sink) {
    Wait.until(sink::isClosed, "the break");
    assertThat(sink.breaches()).isEmpty();
    return requireNonNull(sink.broken());
  }

  private static void assertBreaksOne(String reason, DurableObjectFactory factory) {
    try (TestObjects objects = new TestObjects(LIMITS, factory)) {
      RecordingAttachment witness = new RecordingAttachment();
      Session other = objects.open("a", witness);
      RecordingAttachment sink = new RecordingAttachment();
      objects.open("a", sink).add(TestObjects.invocations(1, "bad", "behind"), 1);
      Broken broken = broken(sink);
      assertThat(broken.getCompletedThrough()).isEqualTo(0);
      assertThat(broken.getCause().getDetails(0).toString()).contains(reason);
      other.add(TestObjects.invocations(1, "fine"), 1);
      Wait.until(() -> witness.outcomes() == 1, "the outcome of another stub");
      assertWorks(objects, "a");
    }
  }

  @Test
  void anErrorThatCantBeLookedAtOutOfAMethod() {
    assertBreaksOne(
        "OBJECT_EXCEPTION",
        Probe.doing(
            (probe, request, reply) -> {
              if (request.getText().equals("bad")) {
                throw new Unreadable();
              }
              Probe.echo(probe, request, reply);
            }));
  }

  @Test
  void anErrorThatCantBeLookedAtOutOfAFactory() {
    AtomicBoolean bad = new AtomicBoolean(true);
    assertBreaksOne(
        "OBJECT_START_FAILED",
        state -> {
          if (bad.getAndSet(false)) {
            throw new Unreadable();
          }
          return new Probe(state, Probe::echo, null);
        });
  }

  @Test
  void anErrorThatCantBeLookedAtAsTheReply() {
    assertBreaksOne(
        "OBJECT_EXCEPTION",
        Probe.doing(
            (probe, request, reply) -> {
              if (request.getText().equals("bad")) {
                reply.onError(Status.INTERNAL.withCause(new Unreadable()).asRuntimeException());
              } else {
                Probe.echo(probe, request, reply);
              }
            }));
  }

  @Test
  void anErrorThatCantBeLookedAtBehindTheReply() {
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(
                (probe, request, reply) -> {
                  ((ServerCallStreamObserver<Words>) reply)
                      .setOnCloseHandler(
                          () -> {
                            throw new Unreadable();
                          });
                  Probe.echo(probe, request, reply);
                }))) {
      assertWorks(objects, "a");
      assertWorks(objects, "a");
    }
  }

  @Test
  void anErrorThatCantBeLookedAtOutOfAnAlarm() {
    AtomicInteger alarms = new AtomicInteger();
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(
                (probe, request, reply) -> {
                  probe.state().storage().setAlarm(Instant.EPOCH);
                  Probe.echo(probe, request, reply);
                },
                (probe, alarm) -> {
                  alarms.incrementAndGet();
                  throw new Unreadable();
                }))) {
      objects.directory.startAlarms();
      assertWorks(objects, "a");
      Wait.until(() -> alarms.get() > 0, "the alarm");
      assertWorks(objects, "a");
      // That call has set the alarm again, which may begin at any time.
      Wait.until(() -> alarms.get() > 1, "the alarm again");
      Wait.until(
          () -> objects.directory.host().drain().others() == 0, "the end of the alarm's turn");
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static void replyUnwritable(StreamObserver<Words> reply) {
    ((StreamObserver) reply).onNext(new Unwritable());
    reply.onCompleted();
  }

  @Test
  void aReplyThatHasNoBytesLosesItsStubAlone() {
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("bad")) {
                    replyUnwritable(reply);
                  } else {
                    Probe.echo(probe, request, reply);
                  }
                }))) {
      CountDownLatch closed = new CountDownLatch(1);
      List<com.google.rpc.Status> ends = new ArrayList<>();
      Attachment unread =
          new Attachment() {
            @Override
            public boolean isReady() {
              return false; // So it has to be made bytes, to be kept.
            }

            @Override
            public void send(List<Outcome> outcomes, @Nullable Broken broken) {
              throw new AssertionError("sent to a client that doesn't read");
            }

            @Override
            public void close(com.google.rpc.Status end) {
              ends.add(end);
              closed.countDown();
            }
          };
      objects.open("a", unread).add(TestObjects.invocations(1, "bad"), 1);
      Wait.on(closed, "the end of a stub whose outcome can't be kept");
      assertThat(ends.getFirst().getCode()).isEqualTo(Status.Code.INTERNAL.value());
      assertWorks(objects, "a");
    }
  }

  @Test
  void whenThereIsNoThreadTheStubIsToldAndTheNextOneIsServed() {
    Threads threads = new Threads();
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(Probe::echo),
            StorageEngine.open(StorageOptions.memory()),
            /* threadStarter= */ null,
            threads,
            System::nanoTime)) {
      assertWorks(objects, "a");
      Wait.until(() -> !objects.object("a").hasTurnThread(), "the object's rest");
      threads.exhausted.set(true);
      RecordingAttachment sink = new RecordingAttachment();
      objects.open("a", sink).add(TestObjects.invocations(1, "x", "x"), 1);
      Broken broken = broken(sink);
      assertThat(broken.getRetryable()).isTrue();
      assertThat(broken.getCause().getMessage()).contains("unable to create a thread");
      threads.exhausted.set(false);
      assertWorks(objects, "a");
    }
  }

  @Test
  void whenThereIsNoThreadAfterACutTheNextOneIsServed() {
    Threads threads = new Threads();
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("block")) {
                    entered.countDown();
                    leave.await();
                  }
                  Probe.echo(probe, request, reply);
                }),
            StorageEngine.open(StorageOptions.memory()),
            /* threadStarter= */ null,
            threads,
            System::nanoTime)) {
      RecordingAttachment sink = new RecordingAttachment();
      objects.open("a", sink).add(TestObjects.invocations(1, "block"), 1);
      Wait.on(entered, "the turn");
      RecordingAttachment other = new RecordingAttachment();
      objects.open("a", other).add(TestObjects.invocations(1, "x"), 1);
      threads.exhausted.set(true);
      objects
          .object("a")
          .cutOff()
          .running(BreakCause.of(BreakReason.INVOCATION_TIMED_OUT, "cut off by the test"));
      assertThat(broken(sink).getCause().getMessage()).isEqualTo("cut off by the test");
      assertThat(broken(other).getCause().getMessage()).contains("unable to create a thread");
      threads.exhausted.set(false);
      assertWorks(objects, "a");
    } finally {
      leave.countDown();
    }
  }

  @Test
  void whenThereIsNoThreadToSendWhatACommitHeldBackItIsSentAllTheSame() {
    try (TestObjects objects = new TestObjects(LIMITS, Probe.doing(Probe::echo))) {
      RecordingAttachment sink = new RecordingAttachment();
      Session stub = objects.open("a", sink);
      stub.complete(new Outcome(1, /* message= */ null, /* json= */ null), 1);
      OutputGate gate = objects.object("a").gate();
      gate.open(
          1,
          _ -> {
            throw new OutOfMemoryError("unable to create a thread");
          });
      assertWithMessage("outcomes").that(sink.outcomes()).isEqualTo(1);
    }
  }

  @Test
  void whenThereIsNoThreadForADeadlineItIsTriedAgain() {
    Threads threads = new Threads();
    CountDownLatch fired = new CountDownLatch(1);
    CountDownLatch refused = new CountDownLatch(2);
    try (TestObjects objects =
        new TestObjects(
            LIMITS,
            Probe.doing(Probe::echo),
            StorageEngine.open(StorageOptions.memory()),
            /* threadStarter= */ null,
            task -> {
              if (threads.exhausted.get()) {
                refused.countDown();
              }
              threads.execute(task);
            },
            System::nanoTime)) {
      threads.exhausted.set(true);
      var _ =
          objects
              .directory
              .host()
              .timer()
              .schedule(fired::countDown, 1, java.util.concurrent.TimeUnit.MILLISECONDS);
      Wait.on(refused, "the second try");
      threads.exhausted.set(false);
      Wait.on(fired, "the deadline");
    }
  }
}
