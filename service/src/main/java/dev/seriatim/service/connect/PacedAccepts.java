package dev.seriatim.service.connect;

import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Has so many connections accepted, and more when their threads have taken these in: in between a
 * thread looks at the connections that it has. To take one in is some work, with TLS much, and
 * where thousands come at once nobody else is to wait for all of them; they wait in the listening
 * socket's backlog.
 *
 * <p>Belongs to the thread that accepts.
 */
final class PacedAccepts {
  /** How many connections may be on their way to one thread. */
  private static final int MOST_OF_A_THREAD = 4;

  /** Longer none waits for those before it: a turn may hold their thread. */
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

  /**
   * A connection is accepted.
   *
   * @param context of the channel that listens
   * @return to be run on any thread when it is taken in, or closed
   */
  Runnable accept(ChannelHandlerContext context) {
    long now = pauses;
    underway++;
    if (underway == most) {
      pausing = true;
      context.channel().config().setAutoRead(false);
      try {
        var _ =
            context
                .executor()
                .schedule(() -> resume(context, now), PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        // The host listens no more.
      }
    }
    return () -> {
      try {
        context.executor().execute(() -> taken(context, now));
      } catch (RejectedExecutionException e) {
        // The host listens no more.
      }
    };
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
