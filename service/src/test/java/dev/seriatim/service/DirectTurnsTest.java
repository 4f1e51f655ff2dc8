package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.util.Durations;
import dev.seriatim.service.probe.ProbeGrpc;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Turns on the transport's threads keep the same rules. */
final class DirectTurnsTest {
  private final List<AutoCloseable> open = new ArrayList<>();
  private int port;

  private void host(DurableObjectFactory factory) throws Exception {
    DurableObjectHost host =
        DurableObjectHost.builder()
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), factory)
            .directExecutor()
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    open.add(host);
    port = host.port();
  }

  /** A stub on a connection of its own. */
  private TestStub stub(String name) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
    open.add(channel::shutdownNow);
    return new TestStub(channel, TestHost.byName(name), Integer.MAX_VALUE);
  }

  @AfterEach
  void close() throws Exception {
    Collections.reverse(open);
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  @Test
  void aTurnRunsWhereItsFrameWasRead() throws Exception {
    host(
        Probe.doing(
            (probe, request, reply) ->
                Probe.reply(reply, Thread.currentThread().isVirtual() + " " + probe.calls)));
    TestStub stub = stub("a");
    assertThat(stub.ask("1")).isEqualTo("false 1");
    assertThat(stub.ask("2")).isEqualTo("false 2");
    stub.halfClose();
    stub.closed();
  }

  @Test
  void turnsOfSeveralConnectionsNeverOverlap() throws Exception {
    AtomicInteger running = new AtomicInteger();
    host(
        Probe.doing(
            (probe, request, reply) -> {
              if (running.incrementAndGet() != 1) {
                throw new AssertionError("two turns at once");
              }
              running.decrementAndGet();
              Probe.echo(probe, request, reply);
            }));
    int frames = 50;
    int perFrame = 200;
    List<TestStub> stubs = List.of(stub("a"), stub("a"), stub("a"));
    for (int frame = 0; frame < frames; frame++) {
      for (TestStub stub : stubs) {
        stub.call(perFrame, Probe.words("x"));
      }
    }
    for (TestStub stub : stubs) {
      assertThat(stub.outcome(frames * perFrame).getText()).isEqualTo("x");
      stub.halfClose();
      stub.closed();
    }
  }

  @Test
  void aTurnThatBlocksIsCutOffAndItsThreadGoesOn() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    host(
        Probe.doing(
            (probe, request, reply) -> {
              if (request.getText().equals("block")) {
                never.await();
              }
              Probe.reply(reply, request.getText() + " " + probe.calls);
            }));
    TestStub stub = stub("a");
    assertThat(stub.ask("1")).isEqualTo("1 1");
    for (int i = 0; i < 20; i++) {
      TestStub blocked = stub("a");
      int millis = 1 + i;
      blocked.call("block", call -> call.setTimeout(Durations.fromMillis(millis)));
      blocked.broken("INVOCATION_TIMED_OUT");
      // The instance is a new one, and the interrupt hits no later turn.
      assertThat(stub.ask("2")).isEqualTo("2 1");
    }
  }

  @Test
  void aReplyMayBeClosedLaterByAnotherThread() throws Exception {
    host(
        Probe.doing(
            (probe, request, reply) ->
                Thread.startVirtualThread(() -> Probe.echo(probe, request, reply))));
    TestStub stub = stub("a");
    stub.call("1", "2", "3");
    assertThat(stub.outcome(3).getText()).isEqualTo("3");
  }
}
