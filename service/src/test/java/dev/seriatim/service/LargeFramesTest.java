package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.v1.ConnectRequest;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames that are read by another thread than the transport's keep their place. */
final class LargeFramesTest {
  private static final int LARGE = 600_000;

  @SuppressWarnings("NullAway.Init") // Before each test.
  private DurableObjectHost host;

  @SuppressWarnings("NullAway.Init")
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    host =
        DurableObjectHost.builder()
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo))
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    channel = NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    host.close();
  }

  private TestStub stub(boolean compressed) {
    return compressed
        ? TestStub.compressing(channel, TestHost.byName("a"))
        : new TestStub(channel, TestHost.byName("a"), Integer.MAX_VALUE);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatComesBehindALargeFrameStaysBehindIt(boolean compressed) {
    Seeds.each(5, seed -> play(stub(compressed), new Random(seed)));
  }

  private static void play(TestStub stub, Random random) {
    int frames = 1 + random.nextInt(30);
    int[] sizes = new int[frames];
    for (int i = 0; i < frames; i++) {
      sizes[i] = random.nextInt(3) == 0 ? random.nextInt(LARGE) : random.nextInt(100);
      stub.call(1, Probe.filling(sizes[i]));
    }
    stub.halfClose();
    stub.closed();
    for (int i = 0; i < frames; i++) {
      assertWithMessage("outcome %s", i + 1)
          .that(stub.outcome(i + 1).getFilling().size())
          .isEqualTo(sizes[i]);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aFailureStaysBehindALargeFrame(boolean compressed) {
    TestStub stub = stub(compressed);
    stub.call(1, Probe.filling(LARGE));
    stub.send(ConnectRequest.newBuilder().setOpen(TestHost.byName("b")).build());
    stub.call("dropped");
    assertThat(stub.broken("PROTOCOL_VIOLATION").getCompletedThrough()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aStubMayBeginWithALargeFrame(boolean compressed) {
    TestStub stub = stub(compressed);
    stub.call(1, Probe.filling(LARGE)).call("then");
    assertThat(stub.outcome(2).getText()).isEqualTo("then");
    stub.halfClose();
    stub.closed();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aClientThatGoesBehindALargeFrameIsLetGo(boolean compressed) throws Exception {
    for (int i = 0; i < 10; i++) {
      TestStub stub = stub(compressed);
      stub.call(3, Probe.filling(LARGE));
      stub.cancel();
    }
    host.drain(); // It waits for stubs that are open.
  }
}
