package dev.seriatim.benchmarks;

import com.google.protobuf.ByteString;
import dev.seriatim.benchmarks.v1.Payload;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** What all loads share. */
final class Loads {
  /** The payload of most figures, in bytes. */
  static final int SMALL = 32;

  private Loads() {}

  /** A connection whose callbacks come on the transport's thread. */
  static ManagedChannel connect(int port) {
    return NettyChannelBuilder.forAddress("127.0.0.1", port)
        .usePlaintext()
        .directExecutor()
        .build();
  }

  static Payload payload(int bytes) {
    return Payload.newBuilder().setData(ByteString.copyFrom(new byte[bytes])).build();
  }

  /** Gives each of them in turn, to any thread. */
  static <T> Supplier<T> inTurn(List<T> all) {
    if (all.size() == 1) {
      T only = all.getFirst();
      return () -> only;
    }
    AtomicInteger next = new AtomicInteger();
    return () -> all.get((next.getAndIncrement() & Integer.MAX_VALUE) % all.size());
  }
}
