package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import io.grpc.Channel;
import io.grpc.Status;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Stubs that nobody closes and nobody holds on to any more. */
@Timeout(120)
final class DroppedStubsTest {
  private static final int STUBS = 200;

  // Held, since loggers are collected.
  private static final Logger LOGGER = Logger.getLogger(DroppedStubs.class.getName());

  /** The stubs that were warned of. */
  private final Queue<String> warnings = new ConcurrentLinkedQueue<>();

  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          warnings.add(String.valueOf(record.getParameters()[0]));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  private FakeHost host;
  private DurableObjects client;

  @BeforeEach
  void start() throws Exception {
    LOGGER.addHandler(handler);
    host = new FakeHost();
    client = host.client();
  }

  @AfterEach
  void stop() {
    host.close();
    LOGGER.removeHandler(handler);
  }

  /** Collects garbage until this is so, in bounded time. */
  private static void collectUntil(String what, BooleanSupplier condition) throws Exception {
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(100);
    while (!condition.getAsBoolean()) {
      assertWithMessage("%s: never", what).that(System.nanoTime()).isLessThan(patience);
      System.gc();
    }
  }

  private ListenableFuture<EchoMessage> callAndDrop() {
    DurableObjectStub stub = client.namespace("ECHO").getByName("foo");
    return stub.call(EchoGrpc.getEchoMethod(), number(1));
  }

  @Test
  void theyAreClosedWhenTheyAreCollectedAndItIsSaidOnce() throws Exception {
    List<FakeHost.Stub> accepted = new ArrayList<>();
    for (int i = 0; i < STUBS; i++) {
      ListenableFuture<EchoMessage> call = callAndDrop();
      FakeHost.Stub stub = host.accept().opened("foo");
      stub.frame();
      stub.answer(1, 1);
      assertThat(get(call)).isEqualTo(number(1));
      accepted.add(stub);
    }
    collectUntil(
        "every stub is half-closed", () -> accepted.stream().allMatch(FakeHost.Stub::hasEnd));
    for (FakeHost.Stub stub : accepted) {
      assertThat(stub.end()).isEqualTo("half-closed");
      stub.end(Status.OK);
    }
    assertThat(warnings.size()).isAtMost(1); // Of the process, so another test may have had it.
  }

  @Test
  void aCallOnItsWayIsStillAnswered() throws Exception {
    ListenableFuture<EchoMessage> call = callAndDrop();
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    collectUntil("the stub is half-closed", accepted::hasEnd);
    assertThat(accepted.end()).isEqualTo("half-closed");
    accepted.answer(1, 1);
    assertThat(get(call)).isEqualTo(number(1));
  }

  @Test
  void theChannelAloneKeepsAStub() throws Exception {
    List<WeakReference<DurableObjectStub>> dropped = new ArrayList<>();
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    Channel channel = callAndKeepTheChannel(dropped, calls);
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(calls.get(0))).isEqualTo(number(1));
    collectUntil("the stub is collected", () -> dropped.get(0).get() == null);

    ListenableFuture<EchoMessage> second = EchoGrpc.newFutureStub(channel).echo(number(1));
    accepted.frame();
    accepted.answer(2, 2);
    assertThat(get(second)).isEqualTo(number(2));
    assertThat(accepted.hasEnd()).isFalse();
  }

  private Channel callAndKeepTheChannel(
      List<WeakReference<DurableObjectStub>> dropped, List<ListenableFuture<EchoMessage>> calls) {
    DurableObjectStub stub = client.namespace("ECHO").getByName("foo");
    calls.add(stub.call(EchoGrpc.getEchoMethod(), number(1)));
    dropped.add(new WeakReference<>(stub));
    return stub.channel();
  }

  @Test
  void aStubThatWasClosedLeavesNothingBehind() throws Exception {
    WeakReference<Channel> channel = callAndClose();
    collectUntil("its channel is collected", () -> channel.get() == null);
    // One that another test has dropped may have been collected with it.
    assertThat(warnings).doesNotContain("ECHO/closed");
  }

  private WeakReference<Channel> callAndClose() throws Exception {
    DurableObjectStub stub = client.namespace("ECHO").getByName("closed");
    ListenableFuture<EchoMessage> call = stub.call(EchoGrpc.getEchoMethod(), number(1));
    stub.close();
    FakeHost.Stub accepted = host.accept().opened("closed");
    accepted.frame();
    accepted.answer(1, 1).end(Status.OK);
    assertThat(get(call)).isEqualTo(number(1));
    return new WeakReference<>(stub.channel());
  }
}
