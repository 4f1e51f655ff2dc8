package dev.seriatim.service.connect;

import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Accepts so many connections, and more when their threads have taken these in: in between a thread
 * looks at the connections that it has. To take one in is some work, and where thousands come at
 * once nobody else is to wait for all of them; they wait in the listening socket's backlog.
 *
 * <p>Belongs to the thread that accepts.
 */
final class PacedAccepts extends ChannelInboundHandlerAdapter {
  /** How many connections may be on their way to one thread. */
  private static final int MOST_OF_A_THREAD = 4;

  /** A turn may hold a thread for long: connections that other threads take needn't wait for it. */
  private static final long PATIENCE_MILLIS = 20;

  private final int most;

  /** How many were accepted since the last pause and haven't been taken in. */
  private int underway;

  /** Counts the pauses: who was accepted before one doesn't count behind it. */
  private long pauses;

  private boolean pausing;

  PacedAccepts(int threads) {
    this.most = MOST_OF_A_THREAD * threads;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object accepted) {
    context.fireChannelRead(accepted);
    Channel channel = (Channel) accepted;
    if (!channel.isOpen()) {
      return; // It was one too many.
    }
    long now = pauses;
    try {
      channel.eventLoop().execute(() -> context.executor().execute(() -> taken(context, now)));
    } catch (RejectedExecutionException e) {
      return; // The host closes.
    }
    underway++;
    if (underway == most) {
      pausing = true;
      context.channel().config().setAutoRead(false);
      var _ =
          context
              .executor()
              .schedule(() -> resume(context, now), PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private void taken(ChannelHandlerContext context, long pause) {
    if (pause == pauses) {
      underway--;
      if (underway == 0) {
        resume(context, pause);
      }
    }
  }

  private void resume(ChannelHandlerContext context, long pause) {
    if (pausing && pause == pauses) {
      pausing = false;
      pauses++;
      underway = 0;
      context.channel().config().setAutoRead(true);
    }
  }
}
