package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import io.grpc.netty.shaded.io.netty.bootstrap.Bootstrap;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import io.grpc.netty.shaded.io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A loop looks at its connections, whatever else it is given to do. */
final class EventLoopsTest {
  private static final int MANY = 60;
  private static final long TASK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final CountDownLatch done = new CountDownLatch(1);

  // The loop's own.
  private boolean read;
  private int before;

  /** Another client's message. */
  private final class Reader extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      read = true;
      ReferenceCountUtil.release(message);
    }
  }

  /** Something that goes on with the next as long as no message was read. */
  private void task(Channel channel) {
    long end = System.nanoTime() + TASK_NANOS;
    while (System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    if (read || ++before == MANY) {
      done.countDown();
    } else {
      channel.eventLoop().execute(() -> task(channel));
    }
  }

  @Test
  void aConnectionIsReadAmongTasksThatGoOnAndOn() throws Exception {
    EventLoopGroup group = EventLoops.group(1, "loops-test", _ -> false);
    try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Channel channel =
          new Bootstrap()
              .group(group)
              .channel(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
              .handler(new Reader())
              .connect(listening.getLocalSocketAddress())
              .sync()
              .channel();
      try (Socket peer = listening.accept()) {
        channel
            .eventLoop()
            .execute(
                () -> {
                  write(peer);
                  task(channel);
                });
        assertWithMessage("the end of the tasks").that(done.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(before).isLessThan(MANY);
      }
    } finally {
      var _ = group.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    }
  }

  private static void write(Socket peer) {
    try {
      peer.getOutputStream().write(1);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
