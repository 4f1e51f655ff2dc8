package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.connect.ConnectService;
import dev.seriatim.service.placement.Here;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.FaultyStorage;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The stubs that an object opens on others. */
final class OwnStubsTest implements FaultyStorage.Commits {
  private final String server = InProcessServerBuilder.generateName();
  private final List<AutoCloseable> open = new CopyOnWriteArrayList<>();

  private final CountDownLatch committing = new CountDownLatch(1);
  private final CountDownLatch durable = new CountDownLatch(1);

  /** Has objects call each other. */
  private void connect(TestObjects objects) throws IOException {
    open.add(objects);
    Server started =
        InProcessServerBuilder.forName(server)
            .directExecutor()
            .addService(
                new ConnectService(
                    objects.directory.namespaces(),
                    Here.forObjects(objects.directory),
                    objects.directory.limits(),
                    /* stubs= */ null,
                    /* authorization= */ null,
                    /* connections= */ null,
                    objects.directory.counts()))
            .build()
            .start();
    open.add(started::shutdownNow);
    ManagedChannel channel = InProcessChannelBuilder.forName(server).build();
    open.add(channel::shutdownNow);
    objects.directory.connectLocally(DurableObjects.on(channel));
  }

  @AfterEach
  void close() throws Exception {
    durable.countDown();
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  @SuppressWarnings("MustBeClosed") // Who closes it is the question.
  private static DurableObjectStub stub(DurableObjectState state, String name) {
    return state.objects().namespace("PROBE").getByName(name);
  }

  /** Calls each object that has another one's name in its own: "a>b". */
  private static final class Caller extends Probe {
    private final DurableObjectStub other;

    Caller(DurableObjectState state, String other, List<DurableObjectStub> kept) {
      super(state, Probe::echo, null);
      this.other = stub(state, other);
      kept.add(this.other); // Else it would be closed when it is collected.
    }

    @Override
    public void do_(Words request, StreamObserver<Words> reply) {
      reply.onNext(ProbeGrpc.newBlockingStub(other.channel()).do_(request));
      reply.onCompleted();
    }
  }

  @Test
  void thoseThatItsConstructorOpenedAreClosedWhenItIsEvicted() throws Exception {
    List<DurableObjectStub> kept = new CopyOnWriteArrayList<>();
    TestObjects objects =
        new TestObjects(
            HostLimits.builder().idleLimit(Duration.ofMillis(20)).build(),
            state ->
                state.name().orElse("").equals("a")
                    ? new Caller(state, "b", kept)
                    : new Probe(state, Probe::echo, null));
    connect(objects);
    RecordingAttachment sink = new RecordingAttachment();
    Session session = objects.open("a", sink);
    for (int round = 1; round <= 3; round++) {
      session.add(TestObjects.invocations(round, "x"), 1);
      int wanted = round;
      Wait.until(() -> sink.outcomes() == wanted, "the outcome");
      assertThat(sink.isClosed()).isFalse();
      DurableObjectStub opened = kept.getLast();
      Wait.until(() -> endsSoon(opened), "the end of a stub whose instance was evicted");
      assertThat(opened.isBroken()).isFalse();
    }
    assertThat(kept.size()).isAtLeast(3);
    session.halfClose();
    Wait.until(() -> objects.directory.objects().isEmpty(), "that both objects are forgotten");
  }

  private static boolean endsSoon(DurableObjectStub stub) {
    try {
      return stub.awaitEnd(Duration.ofMillis(1));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aCallThatAListenerMakesAfterTheTurnLeavesBehindWhatTheTurnWrote(@TempDir Path data)
      throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    CompletableFuture<Thread> calling = new CompletableFuture<>();
    CompletableFuture<String> arrived = new CompletableFuture<>();
    TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(
                (probe, request, reply) -> {
                  switch (probe.state().name().orElseThrow()) {
                    case "a" -> {
                      ListenableFuture<Words> answer =
                          ProbeGrpc.newFutureStub(stub(probe.state(), "b").channel()).do_(request);
                      DurableObjectStub next = stub(probe.state(), "c");
                      answer.addListener(
                          () -> {
                            calling.complete(Thread.currentThread());
                            var _ = ProbeGrpc.newFutureStub(next.channel()).do_(request);
                          },
                          task -> Thread.ofPlatform().start(task)); // It knows of no turn.
                      probe.state().storage().put("k", ByteString.EMPTY);
                    }
                    case "b" -> Wait.on(ended, "the end of the turn that calls");
                    default -> arrived.complete(request.getText());
                  }
                  Probe.echo(probe, request, reply);
                }),
            FaultyStorage.open(StorageOptions.sqlite(data), this));
    connect(objects);
    RecordingAttachment sink = new RecordingAttachment();
    objects.open("a", sink).add(TestObjects.invocations(1, "x"), 1);
    Wait.on(committing, "the commit of what the turn wrote");
    ended.countDown();
    Thread listener = Wait.on(calling, "the listener");
    Wait.until(
        () -> listener.getState() != Thread.State.RUNNABLE, "that the call waits, or has left");
    assertThat(arrived.isDone()).isFalse();
    assertThat(listener.getState()).isNotEqualTo(Thread.State.TERMINATED);
    durable.countDown();
    assertThat(Wait.on(arrived, "the call")).isEqualTo("x");
  }

  @Override
  public void afterWrites() {
    committing.countDown();
    Wait.on(durable, "the test's word that the commit may be done");
  }

  @Override
  public void beforeNotify() {}
}
