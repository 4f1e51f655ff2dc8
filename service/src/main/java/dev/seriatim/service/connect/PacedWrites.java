package dev.seriatim.service.connect;

import io.grpc.netty.shaded.io.netty.channel.ChannelDuplexHandler;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelPromise;
import io.grpc.netty.shaded.io.netty.util.ReferenceCountUtil;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How much is written on a connection before its thread looks at the others that it has: what can
 * be written in a few milliseconds. gRPC writes all that its calls have to say in one go; but
 * thousands of stubs may break at the same moment, and nobody else's connection is to wait until
 * all of them are told. What is left then is written by tasks of the thread, in its order.
 *
 * <p>Stands behind HTTP/2's handler, which so gets later what it is given, and has told its calls
 * of the connection's end before this one hears of it. Belongs to the connection's event loop.
 */
final class PacedWrites extends ChannelDuplexHandler {
  /** For how long is written at a time. */
  private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** After so many writes the clock is looked at. */
  private static final int TIMED_WRITES = 16;

  /** With a flush behind fewer writes than this, gRPC comes to an end. */
  private static final int MANY_WRITES = 64;

  /** One for all. */
  @SuppressWarnings("StaticAssignmentOfThrowable") // A stack trace for each would take long.
  private static final Throwable CLOSED = new Closed();

  private static final class Closed extends ClosedChannelException {
    private static final long serialVersionUID = 1;

    @Override
    public Throwable fillInStackTrace() {
      return this;
    }
  }

  private record Waiting(Object message, ChannelPromise promise) {}

  private final LongSupplier nanos;
  private Queue<Waiting> waiting = new ArrayDeque<>();

  /** Whether a task is on its way that goes on with those. */
  private boolean goesOn;

  /** How much was written since the slice began; 0 if none has. */
  private int written;

  private long beganNanos;

  /** How much was written since the last flush. */
  private int unflushed;

  private boolean closed;

  /**
   * Of one connection.
   *
   * @param nanos the time
   */
  PacedWrites(LongSupplier nanos) {
    this.nanos = nanos;
  }

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    if (closed) {
      fail(message, promise);
    } else if (waiting.isEmpty() && !isSliceOver()) {
      unflushed++;
      var _ = context.write(message, promise);
    } else {
      goOnLater(context); // Before anything waits for it.
      waiting.add(new Waiting(message, promise));
    }
  }

  @Override
  public void flush(ChannelHandlerContext context) {
    var _ = context.flush();
    if (unflushed < MANY_WRITES && waiting.isEmpty()) {
      written = 0; // What comes next comes at another time.
    }
    unflushed = 0;
  }

  private boolean isSliceOver() {
    if (written++ == 0) {
      beganNanos = nanos.getAsLong();
      return false;
    }
    return written % TIMED_WRITES == 0 && nanos.getAsLong() - beganNanos >= SLICE_NANOS;
  }

  private void goOnLater(ChannelHandlerContext context) {
    if (!goesOn) {
      // Not as a task that is ready: of those the thread does up to 64 before it looks around.
      var _ = context.executor().schedule(() -> goOn(context), 0, TimeUnit.NANOSECONDS);
      goesOn = true;
    }
  }

  /** A new slice. */
  private void goOn(ChannelHandlerContext context) {
    goesOn = false;
    written = 0;
    while (!waiting.isEmpty() && !isSliceOver()) {
      Waiting next = waiting.remove();
      var _ = context.write(next.message(), next.promise());
    }
    var _ = context.flush();
    written = 0;
    if (waiting.isEmpty()) {
      waiting = new ArrayDeque<>(); // The old one has room for as many as ever were in there.
    } else {
      goOnLater(context);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    close();
    var _ = context.fireChannelInactive();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    close();
  }

  private void close() {
    closed = true;
    for (Waiting next = waiting.poll(); next != null; next = waiting.poll()) {
      fail(next.message(), next.promise());
    }
  }

  private static void fail(Object message, ChannelPromise promise) {
    try {
      boolean _ = ReferenceCountUtil.release(message);
    } finally {
      boolean _ = promise.tryFailure(CLOSED);
    }
  }
}
