package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Over a real transport: connecting, losing the connection, and never reaching anyone. */
@Timeout(120)
final class LoopbackTest {
  private FakeHost host;
  private Server server;
  private DurableObjects objects;

  @BeforeEach
  void start() throws Exception {
    host = new FakeHost();
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(host)
            .build()
            .start();
    objects =
        DurableObjects.connect(
            "127.0.0.1:" + server.getPort(),
            InsecureChannelCredentials.create(),
            OnLanes.defaults());
  }

  @AfterEach
  void stop() {
    objects.close();
    server.shutdownNow();
    host.close();
  }

  @Test
  void manyCallsAndAnOrderlyEnd() throws Exception {
    DurableObjectStub stub = objects.namespace("ECHO").getByName("foo");
    List<ListenableFuture<EchoMessage>> calls = new ArrayList<>();
    for (long n = 1; n <= 2000; n++) {
      calls.add(stub.call(EchoGrpc.getEchoMethod(), number(n)));
    }
    stub.close();
    FakeHost.Stub accepted = host.accept().opened("foo");
    for (long answered = 0; answered < 2000; ) {
      int count = accepted.frame().getInvocationsCount();
      accepted.answer(answered + 1, answered + count);
      answered += count;
    }
    for (int i = 0; i < 2000; i++) {
      assertThat(get(calls.get(i))).isEqualTo(number(i + 1));
    }
    assertThat(accepted.end()).isEqualTo("half-closed");
    accepted.end(Status.OK);
    assertThat(stub.awaitEnd(Duration.ofSeconds(60))).isTrue();
    assertThat(stub.isBroken()).isFalse();
  }

  @Test
  void aLostConnectionTellsWhatWasSent() throws Exception {
    objects.close();
    objects =
        DurableObjects.connect(
            "127.0.0.1:" + server.getPort(),
            InsecureChannelCredentials.create(),
            OnLanes.options(ClientOptions.builder().maxUnansweredFrames(1).build()));
    DurableObjectStub stub = objects.namespace("ECHO").getByName("foo");
    ListenableFuture<EchoMessage> completed = stub.call(EchoGrpc.getEchoMethod(), number(1));
    FakeHost.Stub accepted = host.accept().opened("foo");
    accepted.frame();
    accepted.answer(1, 1);
    assertThat(get(completed)).isEqualTo(number(1));
    ListenableFuture<EchoMessage> sent = stub.call(EchoGrpc.getEchoMethod(), number(2));
    accepted.frame();
    ListenableFuture<EchoMessage> waits = stub.call(EchoGrpc.getEchoMethod(), number(3));
    server.shutdownNow();

    assertThat(failureOf(sent).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(sent).reason()).isEqualTo(Reasons.CONNECTION_LOST);
    assertThat(failureOf(sent).retryable()).isTrue();
    assertThat(failureOf(waits).fate()).isEqualTo(Fate.NOT_EXECUTED);
  }

  @Test
  void whatNeverReachedAHostWasNotExecuted() throws Exception {
    try (Nobody nobody = new Nobody();
        DurableObjects lonely =
            DurableObjects.connect(
                nobody.target(), InsecureChannelCredentials.create(), OnLanes.defaults())) {
      ListenableFuture<EchoMessage> call =
          lonely.namespace("ECHO").getByName("foo").call(EchoGrpc.getEchoMethod(), number(1));

      CallFailure failure = failureOf(call);
      assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
      assertThat(failure.reason()).isEqualTo(Reasons.CONNECTION_LOST);
      assertThat(failure.code()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(failure.retryable()).isTrue();
    }
  }

  /** Takes some 10 s, since gRPC doesn't let a client probe its connection any sooner. */
  @Test
  void aConnectionThatGoesSilentIsGivenUp() throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    Server stopped =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .bossEventLoopGroup(loop)
            .workerEventLoopGroup(loop)
            .channelType(NioServerSocketChannel.class)
            .addService(host)
            .build()
            .start();
    try (DurableObjects probing =
        DurableObjects.connect(
            "127.0.0.1:" + stopped.getPort(),
            InsecureChannelCredentials.create(),
            OnLanes.options(
                ClientOptions.builder()
                    .keepAliveTime(Duration.ofMillis(1))
                    .keepAliveTimeout(Duration.ofMillis(100))
                    .build()))) {
      DurableObjectStub stub = probing.namespace("ECHO").getByName("foo");
      ListenableFuture<EchoMessage> completed = stub.call(EchoGrpc.getEchoMethod(), number(1));
      host.accept().opened("foo").answer(1, 1);
      assertThat(get(completed)).isEqualTo(number(1));
      // From here on the host's one thread reads nothing and writes nothing; the socket stays open.
      loop.execute(() -> Uninterruptibles.awaitUninterruptibly(over));
      CallFailure lost = failureOf(stub.call(EchoGrpc.getEchoMethod(), number(2)));
      assertThat(lost.reason()).isEqualTo(Reasons.CONNECTION_LOST);
      assertThat(lost.fate()).isEqualTo(Fate.UNKNOWN);
    } finally {
      over.countDown();
      stopped.shutdownNow();
      Future<?> unused = loop.shutdownGracefully();
    }
  }

  @Test
  void closingTheClientBreaksItsStubs() throws Exception {
    DurableObjectStub stub = objects.namespace("ECHO").getByName("foo");
    ListenableFuture<EchoMessage> call = stub.call(EchoGrpc.getEchoMethod(), number(1));
    host.accept().opened("foo").frame();
    objects.close();

    assertThat(failureOf(call).fate()).isEqualTo(Fate.UNKNOWN);
    assertThat(failureOf(call).reason()).isEqualTo(Reasons.CONNECTION_LOST);
  }
}
