package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.util.Durations;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.Broken;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import jdk.management.VirtualThreadSchedulerMXBean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Turns that never let go of their thread, and those beside them. */
final class SpinningTurnsTest {
  private static final Duration LIMIT = Duration.ofMillis(50);

  private final VirtualThreadSchedulerMXBean scheduler =
      ManagementFactory.getPlatformMXBean(VirtualThreadSchedulerMXBean.class);

  /** As many as there are when nothing spins. */
  private final int carriers =
      Integer.getInteger(
          "jdk.virtualThreadScheduler.parallelism", Runtime.getRuntime().availableProcessors());

  private final AtomicInteger spinning = new AtomicInteger();

  /** The clock of a host whose time passes when the test says so. */
  private final AtomicLong now = new AtomicLong();

  private volatile boolean end;

  private final List<AutoCloseable> open = new ArrayList<>();
  private int port;

  private void host(HostLimits.Builder limits) throws Exception {
    host(limits, System::nanoTime);
  }

  private void host(HostLimits.Builder limits, LongSupplier nanos) throws Exception {
    DurableObjectHost.Builder builder = DurableObjectHost.builder();
    builder.nanos = nanos;
    DurableObjectHost host =
        builder
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(this::turn))
            .limits(limits.build())
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    open.add(host);
    port = host.port();
  }

  private void turn(Probe probe, Words request, StreamObserver<Words> reply) {
    if (request.getText().equals("spin")) {
      spinning.incrementAndGet();
      while (!end) {
        Thread.onSpinWait();
      }
      spinning.decrementAndGet();
    }
    Probe.echo(probe, request, reply);
  }

  private TestStub stub(String name) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
    open.add(channel::shutdownNow);
    return new TestStub(channel, TestHost.byName(name), Integer.MAX_VALUE);
  }

  /**
   * Lets the host's time pass until the turn of this stub is cut off. Then it stands still: however
   * long the turns take that come behind it, beside those that spin, they are within the limit.
   */
  private void awaitCut(TestStub stub) {
    Wait.until(
        () -> {
          now.addAndGet(LIMIT.toNanos());
          return stub.isOver();
        },
        "the end of a stub whose turn spins");
    stub.broken("INVOCATION_TIMED_OUT");
  }

  /** The host of a test before, which is closed, may be about to give up what it had more. */
  @BeforeEach
  void begin() {
    awaitCarriers();
  }

  private void awaitCarriers() {
    Wait.until(
        () -> scheduler.getParallelism() == carriers,
        "as many threads for virtual threads as there were");
  }

  @AfterEach
  void close() throws Exception {
    end = true;
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
    Wait.until(() -> spinning.get() == 0, "the end of the turns that spin");
    awaitCarriers();
  }

  @Test
  void aNeighbourIsAnsweredWhileMoreTurnsSpinThanThereAreProcessors() throws Exception {
    host(HostLimits.builder());
    TestStub neighbour = stub("neighbour");
    neighbour.ask("before");
    List<TestStub> stubs = new ArrayList<>();
    for (int i = 0; i < carriers + 2; i++) {
      stubs.add(stub("spins " + i).call("spin"));
    }
    Wait.until(() -> spinning.get() == carriers + 2, "the turns that spin, all at once");
    for (int i = 0; i < 100; i++) {
      assertThat(neighbour.ask("call " + i)).isEqualTo("call " + i);
    }
    end = true;
    for (TestStub stub : stubs) {
      assertThat(stub.answer()).isEqualTo("spin");
    }
  }

  @Test
  void turnsThatSpinAreCutOffAndTheirObjectsGoOn() throws Exception {
    host(HostLimits.builder().turnLimit(LIMIT), now::get);
    List<TestStub> stubs = new ArrayList<>();
    for (int i = 0; i < carriers + 2; i++) {
      stubs.add(stub("spins " + i).call("spin"));
    }
    for (TestStub stub : stubs) {
      awaitCut(stub);
    }
    for (int i = 0; i < carriers + 2; i++) {
      assertThat(stub("spins " + i).ask("next")).isEqualTo("next");
    }
  }

  @Test
  void aTimeoutIsToldWhileTurnsSpin() throws Exception {
    host(HostLimits.builder());
    for (int i = 0; i < carriers + 2; i++) {
      TestStub stub = stub("spins " + i);
      stub.call("spin", call -> call.setTimeout(Durations.fromMillis(1)));
      stub.broken("INVOCATION_TIMED_OUT");
    }
    assertThat(stub("neighbour").ask("a call")).isEqualTo("a call");
  }

  @Test
  void beyondTheLimitOnStrayTurnsTheirMethodIsRefusedAndOthersGoOn() throws Exception {
    host(HostLimits.builder().turnLimit(LIMIT).maxStrayTurns(2), now::get);
    for (int i = 0; i < 2; i++) {
      awaitCut(stub("stray " + i).call("spin"));
    }
    Broken refused = stub("a third").call("spin").broken("OVERLOADED");
    assertThat(refused.getCause().getMessage())
        .isEqualTo(
            "the host has 2 turns that were cut off and still run, of PROBE Do among others,"
                + " expected fewer than 2 (maxStrayTurns)");
    TestStub other = stub("a third");
    other.call("other", call -> call.setMethod("DoOther"));
    assertThat(other.answer()).isEqualTo("other");
    end = true;
    Wait.until(() -> spinning.get() == 0, "the end of the turns that were cut off");
    Wait.until(() -> worksAgain(), "an answer of a method that was refused");
  }

  private boolean worksAgain() {
    TestStub again = stub("a third");
    again.call("again");
    Wait.until(() -> again.outcomes() == 1 || again.isOver(), "an answer or a refusal");
    return again.outcomes() == 1;
  }

  @Test
  void beyondTheLimitOnSpinningTurnsTheirMethodWaitsAndOthersGoOn() throws Exception {
    int limit = carriers + 1;
    host(HostLimits.builder().maxSpinningTurns(limit));
    List<TestStub> stubs = new ArrayList<>();
    for (int i = 0; i < 3 * limit; i++) {
      stubs.add(stub("spins " + i).call("spin"));
    }
    Wait.until(() -> spinning.get() >= limit, "as many turns that spin as may");
    TestStub other = stub("neighbour");
    for (int i = 0; i < 100; i++) {
      other.call("other", call -> call.setMethod("DoOther"));
      assertThat(other.answer()).isEqualTo("other");
    }
    // At most one more on each of the threads that were free when the last of them was found.
    assertThat(spinning.get()).isAtMost(limit + 2 * carriers);
    TestStub timed = stub("timed");
    timed.call("spin", call -> call.setTimeout(Durations.fromMillis(50)));
    timed.broken("INVOCATION_TIMED_OUT");
    end = true;
    for (TestStub stub : stubs) {
      assertThat(stub.answer()).isEqualTo("spin");
    }
  }

  @Test
  void aHostThatStopsLetsGoOfTurnsThatWaitForOthersThatSpin() throws Exception {
    host(
        HostLimits.builder()
            .turnLimit(Duration.ofMillis(200))
            .drainLimit(Duration.ofMillis(300))
            .maxSpinningTurns(1));
    CountDownLatch closed = new CountDownLatch(1);
    for (int i = 0; i < carriers + 1; i++) {
      stub("spins " + i).call("spin");
    }
    Wait.until(() -> spinning.get() > 0, "a turn that spins");
    DurableObjectHost host = (DurableObjectHost) open.getFirst();
    Thread.ofPlatform()
        .start(
            () -> {
              host.close();
              closed.countDown();
            });
    Wait.on(closed, "the end of the host");
  }
}
