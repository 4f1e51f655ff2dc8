package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Codec;
import io.grpc.Compressor;
import io.grpc.CompressorRegistry;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Compressed frames are read like others, and what is wrong with one takes its place. */
final class CompressionTest {
  private static final int MAX_FRAME_BYTES = 100_000;

  /** Gzip, but for wrong bytes, if told. */
  private static final class Damaging implements Compressor {
    private final Compressor gzip = new Codec.Gzip();
    private volatile boolean damages;

    @Override
    public String getMessageEncoding() {
      return gzip.getMessageEncoding();
    }

    @Override
    public OutputStream compress(OutputStream target) throws IOException {
      return gzip.compress(
          damages
              ? new FilterOutputStream(target) {
                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                  byte[] copy = Arrays.copyOfRange(bytes, offset, offset + length);
                  copy[length / 2] ^= 1;
                  out.write(copy, 0, length);
                }
              }
              : target);
    }
  }

  @Test
  void aDamagedFrameBreaksTheStubInItsPlace() throws Exception {
    assertBreaksBehindTheFirst(/* damages= */ true, 100, "PROTOCOL_VIOLATION");
  }

  @Test
  void aFrameThatIsTooLongOnceDecompressedIsJustThat() throws Exception {
    assertBreaksBehindTheFirst(/* damages= */ false, MAX_FRAME_BYTES, "OVERLOADED");
  }

  @Test
  void soIsOneThatIsLongerThanTheTransportTakes() throws Exception {
    assertBreaksBehindTheFirst(/* damages= */ false, 5 * MAX_FRAME_BYTES, "OVERLOADED");
  }

  private static void assertBreaksBehindTheFirst(boolean damages, int textBytes, String reason)
      throws Exception {
    Damaging damaging = new Damaging();
    CompressorRegistry compressors = CompressorRegistry.newEmptyInstance();
    compressors.register(damaging);
    List<ConnectResponse> frames = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch answered = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    try (DurableObjectHost host =
        DurableObjectHost.builder()
            .namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), Probe.doing(Probe::echo))
            .limits(HostLimits.builder().maxFrameBytes(MAX_FRAME_BYTES).build())
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start()) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", host.port())
              .usePlaintext()
              .compressorRegistry(compressors)
              .build();
      ClientCall<ConnectRequest, ConnectResponse> call =
          channel.newCall(
              DurableObjectsGrpc.getConnectMethod(), CallOptions.DEFAULT.withCompression("gzip"));
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onMessage(ConnectResponse frame) {
              frames.add(frame);
              if (frame.getOutcomesCount() > 0) {
                answered.countDown();
              }
            }

            @Override
            public void onClose(Status status, Metadata trailers) {
              ended.countDown();
            }
          },
          new Metadata());
      call.request(100);
      call.setMessageCompression(true);
      call.sendMessage(
          ConnectRequest.newBuilder()
              .setOpen(TestHost.byName("a"))
              .addInvocations(invocation(1, 100))
              .build());
      Wait.on(answered, "the outcome of an undamaged frame");
      damaging.damages = damages;
      call.sendMessage(
          ConnectRequest.newBuilder().addInvocations(invocation(2, textBytes)).build());
      Wait.on(ended, "the end of the call");
      channel.shutdownNow();
    }
    ConnectResponse last = frames.getLast();
    assertThat(last.hasBroken()).isTrue();
    assertThat(TestStub.info(last.getBroken()).getReason()).isEqualTo(reason);
    assertThat(last.getBroken().getCompletedThrough()).isEqualTo(1);
  }

  private static Invocation invocation(int sequence, int textBytes) {
    return Invocation.newBuilder()
        .setSequence(sequence)
        .setMethod("Do")
        .setMessage(Words.newBuilder().setText("x".repeat(textBytes)).build().toByteString())
        .build();
  }
}
