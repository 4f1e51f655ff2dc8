package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;

import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.ChannelFuture;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelOutboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.channel.ChannelPromise;
import io.grpc.netty.shaded.io.netty.channel.embedded.EmbeddedChannel;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What takes long to write is written in pieces, in its order; in between the thread is free. */
final class PacedWritesTest {
  private final AtomicLong now = new AtomicLong();

  /** How long each write takes. */
  private long takesNanos;

  /** What HTTP/2's handler was given, and when it was told to flush. */
  private final List<Object> written = new ArrayList<>();

  private final EmbeddedChannel channel =
      new EmbeddedChannel(new Http2(), new PacedWrites(now::get));

  @AfterEach
  void close() {
    channel.finishAndReleaseAll();
  }

  /** In the place of HTTP/2's. */
  private final class Http2 extends ChannelOutboundHandlerAdapter {
    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
      now.addAndGet(takesNanos);
      written.add(message);
      var _ = promise.setSuccess();
    }

    @Override
    public void flush(ChannelHandlerContext context) {
      written.add("flush");
    }
  }

  private static List<Integer> numbers(int first, int last) {
    return IntStream.rangeClosed(first, last).boxed().toList();
  }

  /** As gRPC does. */
  private void write(int first, int last) {
    for (Integer number : numbers(first, last)) {
      var _ = channel.pipeline().write(number);
    }
    var _ = channel.pipeline().flush();
  }

  /** Lets the thread do all that it has to do. */
  private void rest() {
    do {
      channel.runPendingTasks();
    } while (channel.runScheduledPendingTasks() >= 0);
  }

  private List<Object> messages() {
    return written.stream().filter(message -> !message.equals("flush")).toList();
  }

  @Test
  void whatIsSoonWrittenIsWrittenAtOnce() {
    takesNanos = 100;
    write(1, 10_000);
    assertThat(messages()).isEqualTo(numbers(1, 10_000));
    assertThat(written.getLast()).isEqualTo("flush");
  }

  @Test
  void theThreadIsFreeInBetween() {
    takesNanos = TimeUnit.MICROSECONDS.toNanos(100);
    write(1, 100);
    channel.eventLoop().execute(() -> written.add("another connection's"));
    write(101, 120);
    int before = messages().size();
    assertThat(before).isLessThan(40);
    assertThat(written.getLast()).isEqualTo("flush");

    rest();
    List<Object> came = new ArrayList<>(messages());
    assertThat(came.indexOf("another connection's")).isLessThan(80);
    assertThat(came.remove("another connection's")).isTrue();
    assertThat(came).isEqualTo(numbers(1, 120));
    assertThat(written.getLast()).isEqualTo("flush");
  }

  @Test
  void whatComesAtAnotherTimeIsWrittenAtOnce() {
    takesNanos = TimeUnit.MICROSECONDS.toNanos(100);
    for (int i = 0; i < 1_000; i++) {
      write(i, i);
    }
    assertThat(messages()).isEqualTo(numbers(0, 999));
  }

  @Test
  void theNextIsWrittenAtOnceAgain() {
    takesNanos = TimeUnit.MICROSECONDS.toNanos(100);
    write(1, 100);
    rest();
    write(101, 110);
    assertThat(messages()).isEqualTo(numbers(1, 110));
  }

  @Test
  void whatWaitsWhenTheConnectionClosesIsLetGo() {
    takesNanos = TimeUnit.MICROSECONDS.toNanos(100);
    write(1, 100);
    int before = messages().size();
    ByteBuf waiting = Unpooled.buffer();
    ChannelFuture wrote = channel.pipeline().write(waiting);
    channel.pipeline().fireChannelInactive();
    ByteBuf late = Unpooled.buffer();
    ChannelFuture wroteLate = channel.pipeline().write(late);

    rest();
    assertThat(messages()).hasSize(before);
    assertThat(wrote.cause()).isInstanceOf(ClosedChannelException.class);
    assertThat(wroteLate.cause()).isInstanceOf(ClosedChannelException.class);
    assertThat(waiting.refCnt()).isEqualTo(0);
    assertThat(late.refCnt()).isEqualTo(0);
  }
}
