package dev.seriatim.service.connect;

import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.ByteBufAllocator;
import io.grpc.netty.shaded.io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.grpc.netty.shaded.io.netty.channel.RecvByteBufAllocator;
import io.grpc.netty.shaded.io.netty.util.UncheckedBooleanSupplier;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How much is read of a connection before its thread looks at the others that it has: what can be
 * worked off in a few milliseconds, going by how long the last bytes took. A large payload is read
 * in large pieces; but in as many bytes a client can open two thousand stubs, and nobody else's
 * connection is to wait for all of them.
 *
 * <p>Safe for any number of threads; a handle belongs to its connection's.
 */
final class PacedReads implements RecvByteBufAllocator {
  private static final int LEAST_BYTES = 1 << 10;
  private static final int FIRST_BYTES = 4 << 10;
  private static final int MOST_BYTES = 64 << 10;

  /** What was read at once is to be worked off within this. */
  private static final long WORK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private final LongSupplier nanos;
  private final AdaptiveRecvByteBufAllocator bySize =
      new AdaptiveRecvByteBufAllocator(64, FIRST_BYTES, MOST_BYTES);

  PacedReads(LongSupplier nanos) {
    this.nanos = nanos;
    bySize.maxMessagesPerRead(1);
  }

  @Override
  @SuppressWarnings("deprecation") // The interface itself wants it.
  public Handle newHandle() {
    return new PacedHandle((ExtendedHandle) bySize.newHandle());
  }

  /** One connection's. */
  private final class PacedHandle extends DelegatingHandle implements ExtendedHandle {
    private final ExtendedHandle bySize;
    private int most = FIRST_BYTES;
    private int read;
    private long readNanos;

    PacedHandle(ExtendedHandle bySize) {
      super(bySize);
      this.bySize = bySize;
    }

    @Override
    public int guess() {
      return Math.min(bySize.guess(), most);
    }

    @Override
    public ByteBuf allocate(ByteBufAllocator allocator) {
      return allocator.ioBuffer(guess());
    }

    @Override
    public void lastBytesRead(int bytes) {
      super.lastBytesRead(bytes);
      read = bytes;
      readNanos = nanos.getAsLong();
    }

    @Override
    public void readComplete() {
      super.readComplete();
      if (read > 0) {
        long took = Math.max(1, nanos.getAsLong() - readNanos);
        long fitting = (long) ((double) read * WORK_NANOS / took);
        // By steps: a few bytes, or a thread that was held up, say little of what comes next.
        long next = Math.clamp(fitting, most / 2, 2L * most);
        most = Math.clamp(next, LEAST_BYTES, MOST_BYTES);
        read = 0;
      }
    }

    @Override
    public boolean continueReading(UncheckedBooleanSupplier mayHaveMore) {
      return bySize.continueReading(mayHaveMore);
    }
  }
}
