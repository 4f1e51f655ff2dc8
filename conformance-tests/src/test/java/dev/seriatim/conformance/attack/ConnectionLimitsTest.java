package dev.seriatim.conformance.attack;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.protobuf.ByteString;
import dev.seriatim.attack.v1.EchoRequest;
import dev.seriatim.attack.v1.TargetGrpc;
import dev.seriatim.service.ConnectionLimits;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Wait;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Invocation;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What clients may do before anything of theirs is queued, and what they are told beyond it. */
@Timeout(120)
final class ConnectionLimitsTest {
  private static final int MIB = 1 << 20;
  private static final String CONNECT = "seriatim.v1.DurableObjects/Connect";
  private static final String ECHO = "seriatim.attack.v1.Target/Echo";
  private static final String HEALTH = "grpc.health.v1.Health/Check";

  /** How many streams more than stubs a connection may have, to be told of one stub too many. */
  private static final int STREAMS_TO_REFUSE = 1_000;

  private final List<RawConnection> connections = new ArrayList<>();

  @SuppressWarnings("NullAway.Init") // Each test starts it first.
  private DurableObjectHost host;

  @SuppressWarnings("NullAway.Init") // Likewise.
  private ManagedChannel channel;

  private void host(
      UnaryOperator<ConnectionLimits> connectionLimits, UnaryOperator<HostLimits.Builder> limits)
      throws IOException {
    host =
        DurableObjectHost.builder()
            .namespace(
                TargetNamespace.NAME, TargetGrpc.getServiceDescriptor(), TargetNamespace.FACTORY)
            .service(new HealthStatusManager().getHealthService())
            .limits(
                limits
                    .apply(
                        HostLimits.builder()
                            .connections(connectionLimits.apply(ConnectionLimits.defaults())))
                    .build())
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    channel = NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
  }

  private void host(UnaryOperator<ConnectionLimits> connectionLimits) throws IOException {
    host(connectionLimits, UnaryOperator.identity());
  }

  @AfterEach
  void close() {
    connections.forEach(RawConnection::close);
    channel.shutdownNow();
    host.close();
  }

  private RawConnection connect() throws IOException {
    RawConnection connection = RawConnection.open(host.port());
    connections.add(connection);
    return connection;
  }

  private static RawStream stub(RawConnection connection, String name) throws IOException {
    return connection
        .call(CONNECT)
        .message(ConnectRequest.newBuilder().setOpen(FrameStub.target(name)).build());
  }

  private static ConnectRequest echo(int sequence, int bytes) {
    return echo(sequence, bytes, /* replyBytes= */ 0);
  }

  private static ConnectRequest echo(int sequence, int bytes, int replyBytes) {
    return ConnectRequest.newBuilder()
        .addInvocations(
            Invocation.newBuilder()
                .setSequence(sequence)
                .setMethod("Echo")
                .setMessage(
                    EchoRequest.newBuilder()
                        .setPayload(ByteString.copyFrom(new byte[bytes]))
                        .setReplyBytes(replyBytes)
                        .build()
                        .toByteString()))
        .build();
  }

  private static void awaitBreak(RawStream stream, String message) throws InterruptedException {
    Wait.until(stream::isOver, "the break of a stub: " + message);
    assertThat(stream.reason()).isEqualTo("OVERLOADED");
    assertThat(stream.breakMessage()).contains(message);
  }

  private void assertNeighbourIsServed(int bytes) throws Exception {
    assertNeighbourIsServed(channel, bytes);
  }

  /** Calls wait for a connection, should one be closed since it was slow. */
  private static Channel waiting(Channel channel) {
    return ClientInterceptors.intercept(
        channel,
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            return next.newCall(method, options.withWaitForReady());
          }
        });
  }

  private static void assertNeighbourIsServed(Channel channel, int bytes) throws Exception {
    try (DurableObjectStub stub =
        DurableObjects.on(channel).namespace(TargetNamespace.NAME).getByName("neighbour")) {
      EchoRequest request =
          EchoRequest.newBuilder().setPayload(ByteString.copyFrom(new byte[bytes])).build();
      var _ = stub.call(TargetGrpc.getEchoMethod(), request).get(30, TimeUnit.SECONDS);
    }
  }

  // ---- connections without a call

  @Test
  void aConnectionWithoutACallIsClosedAndOneWithAStubIsNot() throws Exception {
    // By then, a connection that was opened must have its stub.
    host(limits -> limits.withMaxConnectionIdle(Duration.ofSeconds(3)));
    RawConnection busy = connect();
    RawStream stub = stub(busy, "busy").message(echo(1, 10));
    Wait.until(() -> stub.outcomes() == 1, "the outcome of a call");
    RawConnection idle = connect();
    RawStream ended = stub(idle, "idle").message(echo(1, 10));
    Wait.until(() -> ended.outcomes() == 1, "the outcome of a call");
    assertThat(idle.isOver()).isFalse();
    ended.end();
    Wait.until(idle::isOver, "the end of an idle connection");
    assertThat(busy.isOver()).isFalse();
    RawStream more = stub.message(echo(2, 10));
    Wait.until(() -> more.outcomes() == 2, "the outcome of a call on the other connection");
  }

  // ---- messages that don't come to their end

  @Test
  void halfFramesThatTakeTooMuchBreakTheirStubsInTheirPlace() throws Exception {
    host(limits -> limits.withMaxArrivingBytes(4 * MIB));
    RawConnection connection = connect();
    List<RawStream> halves = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      RawStream stream = stub(connection, "half-" + i).message(echo(1, 10));
      int _ = stream.data(RawStream.framed(new byte[MIB], 2 * MIB, false), 20_000);
      halves.add(stream);
    }
    Wait.until(() -> halves.stream().anyMatch(RawStream::isOver), "the break of one of four stubs");
    assertNeighbourIsServed(100_000);
    for (RawStream stream : halves) {
      awaitBreak(stream, "the host may have 4,194,304 bytes of frames on their way in");
      assertThat(stream.outcomes()).isEqualTo(1);
    }
    assertThat(connection.isOver()).isFalse();
    // The host ends what the client doesn't, and what they took is free again.
    Wait.until(() -> connection.resets() == halves.size(), "the resets of four streams");
    RawStream whole = stub(connection, "whole").message(echo(1, MIB));
    Wait.until(() -> whole.outcomes() == 1, "the outcome of a frame of 1 MiB");
  }

  @Test
  void theRestOfAFrameThatWasRefusedIsNotKept() throws Exception {
    host(limits -> limits.withMaxArrivingBytes(2 * MIB));
    RawConnection connection = connect();
    byte[] half = RawStream.framed(new byte[3 * MIB], 3 * MIB + 1, false);
    for (int i = 0; i < 20; i++) {
      RawStream stream = stub(connection, "half");
      int _ = stream.data(half, 20_000);
      awaitBreak(stream, "no room for a frame of 3,145,729 bytes");
    }
  }

  @Test
  void aFrameThatIsTooLongIsRefusedByItsFirstBytes() throws Exception {
    host(UnaryOperator.identity());
    RawStream stream = stub(connect(), "long").message(echo(1, 10));
    int _ = stream.data(RawStream.framed(new byte[10], Integer.MAX_VALUE, false), 20_000);
    awaitBreak(stream, "a frame has 2,147,483,647 bytes, expected at most 4,194,304");
    assertThat(stream.outcomes()).isEqualTo(1);
  }

  @Test
  void aFrameThatIsTooLongIsRefusedAlsoIfItsFirstBytesComeOneByOne() throws Exception {
    host(UnaryOperator.identity(), limits -> limits.maxFrameBytes(2048));
    RawStream stream = stub(connect(), "long").message(echo(1, 10));
    for (byte one : RawStream.framed(new byte[10], 2049, false)) {
      int _ = stream.data(new byte[] {one}, 20_000);
    }
    awaitBreak(stream, "a frame has 2,049 bytes, expected at most 2,048");
    assertThat(stream.outcomes()).isEqualTo(1);
  }

  @Test
  void aFrameThatTakesTooLongBreaksItsStub() throws Exception {
    host(limits -> limits.withFrameLimit(Duration.ofMillis(200)));
    RawConnection connection = connect();
    RawStream stream = stub(connection, "slow").message(echo(1, 10));
    int _ = stream.data(RawStream.framed(new byte[10], 1000, false), 20_000);
    awaitBreak(
        stream,
        "a frame of 1,000 bytes lacked 990 of them at the host's limit on the arrival of a frame of"
            + " PT0.2S");
    assertThat(stream.outcomes()).isEqualTo(1);
    assertThat(connection.isOver()).isFalse();
  }

  @Test
  void framesThatComeOneBehindAnotherForLongAreNotTakenForOne() throws Exception {
    host(limits -> limits.withFrameLimit(Duration.ofMillis(400)).withMaxArrivingBytes(MIB));
    int frames = 200;
    byte[][] whole = new byte[frames][];
    int size = 0;
    for (int i = 0; i < frames; i++) {
      byte[] frame = echo(i + 1, 20_000).toByteArray();
      whole[i] = RawStream.framed(frame, frame.length, false);
      size += whole[i].length;
    }
    byte[] all = new byte[size];
    int at = 0;
    for (byte[] one : whole) {
      System.arraycopy(one, 0, all, at, one.length);
      at += one.length;
    }
    // Where the machine stands still, one frame alone may take too long: but not each time.
    RawStream stream = streamSlowly(all, frames);
    for (int attempt = 1; attempt < 10 && stream.outcomes() < frames; attempt++) {
      stream = streamSlowly(all, frames);
    }
    assertWithMessage("outcomes, before the break: %s", stream.breakMessage())
        .that(stream.outcomes())
        .isEqualTo(frames);
  }

  /** In pieces none of which ends where a frame does, over more than the limit. */
  private RawStream streamSlowly(byte[] all, int frames) throws Exception {
    RawStream stream = stub(connect(), "stream");
    for (int from = 0; from < all.length; from += 15_000) {
      int length = Math.min(15_000, all.length - from);
      int _ = stream.data(Arrays.copyOfRange(all, from, from + length), 20_000);
      if (from % 600_000 == 0) {
        Thread.sleep(100);
      }
    }
    Wait.until(
        () -> stream.outcomes() == frames || stream.isOver(), frames + " outcomes, or a break");
    return stream;
  }

  @Test
  void aHeaderCallThatTakesTooLongEnds() throws Exception {
    host(limits -> limits.withFrameLimit(Duration.ofMillis(200)));
    RawConnection connection = connect();
    RawStream call = connection.call(ECHO, "seriatim-object", TargetNamespace.NAME + "/slow");
    int _ = call.data(RawStream.framed(new byte[10], 1000, false), 20_000);
    Wait.until(call::isOver, "the end of a call");
    assertThat(connection.isOver()).isFalse();
  }

  // ---- stubs and connections

  @Test
  void oneStubMoreThanTheHostMayHaveIsRefused() throws Exception {
    host(UnaryOperator.identity(), limits -> limits.maxStubs(3));
    RawConnection connection = connect();
    RawStream[] stubs = {stub(connection, "a"), stub(connection, "b"), stub(connection, "c")};
    for (RawStream stub : stubs) {
      stub.message(echo(1, 1));
      Wait.until(() -> stub.outcomes() == 1, "the outcome of a stub that is let in");
    }
    RawConnection another = connect();
    awaitBreak(stub(another, "d"), "the host may have 3 stubs open at a time");
    RawStream call = another.call(ECHO, "seriatim-object", TargetNamespace.NAME + "/e");
    Wait.until(call::isOver, "the end of a call with a header");
    stubs[0].end();
    Wait.until(stubs[0]::isOver, "the end of a stub");
    // The host says so before it counts it, and the neighbour comes on a connection of its own.
    Wait.until(() -> openStubs() < 3, "room for another stub");
    assertNeighbourIsServed(1);
  }

  private long turns() {
    return host.statistics().namespaces().stream()
        .flatMap(namespace -> namespace.methods().stream())
        .mapToLong(method -> method.turns().values().stream().mapToLong(Long::longValue).sum())
        .sum();
  }

  private long openStubs() {
    return used(host, "stub_calls");
  }

  /** How much of something the host has by its own count. */
  static long used(DurableObjectHost host, String amount) {
    return host.statistics().amounts().stream()
        .filter(each -> each.name().equals(amount))
        .findFirst()
        .orElseThrow()
        .used();
  }

  @Test
  void answersThatTheClientHasNoWindowForComeWhenItHas() throws Exception {
    host(UnaryOperator.identity());
    RawConnection connection = RawConnection.open(host.port(), /* reads= */ false);
    connections.add(connection);
    RawStream[] stubs = new RawStream[3_000];
    for (int i = 0; i < stubs.length; i++) {
      stubs[i] = stub(connection, "stub-" + i).message(echo(1, 10, /* replyBytes= */ 100));
    }
    RawStream last = stubs[stubs.length - 1];
    Wait.until(() -> turns() == stubs.length, "a turn of each stub");
    assertNeighbourIsServed(1);
    long answered = Arrays.stream(stubs).filter(stub -> stub.outcomes() == 1).count();
    assertThat(answered).isAtMost(65_535 / 100);
    connection.frame(RawConnection.WINDOW_UPDATE, 0, 0, new byte[] {0, 1, 0, 0});
    connection.frame(RawConnection.WINDOW_UPDATE, 0, 0, new byte[] {1, 0, 0, 0});
    for (RawStream stub : stubs) {
      Wait.until(() -> stub.outcomes() == 1, "an answer");
    }
    var _ = last.message(echo(2, 10));
    Wait.until(() -> last.outcomes() == 2, "the answer to another call");
    assertThat(connection.isOver()).isFalse();
  }

  /** Each would have the host keep a frame for it, and there is no end to them. */
  @Test
  void refusalsThatAreNotReadDontPileUp() throws Exception {
    host(UnaryOperator.identity(), limits -> limits.maxStubs(1));
    RawConnection connection = RawConnection.open(host.port(), /* reads= */ false);
    connections.add(connection);
    RawStream[] stubs = new RawStream[2_000];
    for (int i = 0; i < stubs.length; i++) {
      stubs[i] = stub(connection, "stub-" + i);
    }
    Wait.until(
        () -> stubs[stubs.length - 1].isOver(), "the end of a stub in the status of its call");
    assertThat(Arrays.stream(stubs).filter(RawStream::isOver).count()).isLessThan(stubs.length);
    assertThat(connection.isOver()).isFalse();
    connection.close();
    Wait.until(() -> isLetIn(), "a stub when they are gone");
  }

  @Test
  void oneStubMoreThanAConnectionMayHaveIsRefused() throws Exception {
    host(limits -> limits.withMaxStubsPerConnection(2));
    RawConnection connection = connect();
    RawStream first = stub(connection, "a");
    var _ = stub(connection, "b");
    RawStream third = stub(connection, "c");
    awaitBreak(third, "a connection may have 2 stubs open at a time");
    third.reset(); // As a gRPC client does.
    assertNeighbourIsServed(1);
    first.end();
    Wait.until(first::isOver, "the end of a stub");
    RawStream another = stub(connection, "c").message(echo(1, 1));
    Wait.until(() -> another.outcomes() == 1, "the outcome of a stub in the place of another");
  }

  @Test
  void aConnectionHasOnlySoManyStreamsAlsoBeforeItSaysThatItKnows() throws Exception {
    host(limits -> limits.withMaxStubsPerConnection(1));
    RawConnection connection = RawConnection.openUnsettled(host.port());
    connections.add(connection);
    List<RawStream> streams = new ArrayList<>();
    for (int i = 0; i < 1 + STREAMS_TO_REFUSE; i++) {
      streams.add(connection.call(HEALTH)); // Which waits for its message.
    }
    RawStream another = connection.call(HEALTH);
    Wait.until(another::isOver, "the end of a stream too many");
    assertThat(streams.stream().filter(RawStream::isOver).count()).isEqualTo(0);
    assertThat(connection.isOver()).isFalse();
  }

  @Test
  void oneConnectionMoreThanTheHostMayHaveIsClosed() throws Exception {
    host(limits -> limits.withMaxConnections(2));
    RawConnection first = connect();
    RawStream stream = stub(first, "a").message(echo(1, 1));
    Wait.until(() -> stream.outcomes() == 1, "an outcome on the first connection");
    assertNeighbourIsServed(1);
    try (Socket third = new Socket(InetAddress.getLoopbackAddress(), host.port())) {
      third.setSoTimeout(30_000);
      assertThat(readsNothing(third)).isTrue();
    }
    assertNeighbourIsServed(1);
    first.close();
    // The host hears of it in its own time.
    Wait.until(this::isLetIn, "a connection in the place of the one that was closed");
  }

  private static boolean readsNothing(Socket socket) {
    try {
      return socket.getInputStream().read() < 0;
    } catch (IOException e) {
      return true; // It was reset.
    }
  }

  private boolean isLetIn() {
    try {
      RawConnection connection = connect();
      RawStream stream = stub(connection, "a").message(echo(1, 1));
      Wait.until(
          () -> stream.outcomes() == 1 || stream.isOver() || connection.isOver(),
          "an outcome, or the end");
      return stream.outcomes() == 1;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void aConnectionThatSaysNothingIsClosed() throws Exception {
    host(limits -> limits.withHandshakeLimit(Duration.ofMillis(200)));
    try (Socket silent = new Socket(InetAddress.getLoopbackAddress(), host.port())) {
      silent.setSoTimeout(30_000);
      while (!readsNothing(silent)) {
        // The host's settings.
      }
    }
    assertNeighbourIsServed(waiting(channel), 1);
  }

  @Test
  void resetsAreCountedAndCloseTheirConnection() throws Exception {
    host(limits -> limits.withMaxResetsPerMinute(100));
    RawConnection connection = connect();
    for (int i = 0; i < 101 && !connection.isOver(); i++) {
      try {
        stub(connection, "reset").reset();
      } catch (IOException e) {
        break; // The host has closed it by now.
      }
    }
    Wait.until(connection::isOver, "the end of the connection");
    assertNeighbourIsServed(1);
  }
}
