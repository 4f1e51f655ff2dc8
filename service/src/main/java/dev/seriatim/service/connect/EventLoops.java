package dev.seriatim.service.connect;

import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.IoEventLoop;
import io.grpc.netty.shaded.io.netty.channel.IoHandlerFactory;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.SingleThreadIoEventLoop;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import io.grpc.netty.shaded.io.netty.util.concurrent.EventExecutor;
import io.grpc.netty.shaded.io.netty.util.concurrent.EventExecutorChooserFactory;
import io.grpc.netty.shaded.io.netty.util.concurrent.EventExecutorChooserFactory.EventExecutorChooser;
import io.grpc.netty.shaded.io.netty.util.concurrent.RejectedExecutionHandlers;
import io.grpc.netty.shaded.io.netty.util.concurrent.SingleThreadEventExecutor;
import io.grpc.netty.shaded.io.netty.util.concurrent.ThreadPerTaskExecutor;
import java.util.concurrent.Executor;
import java.util.function.Predicate;

/**
 * Chooses the event loop of each new connection: one after the other, but none whose thread is held
 * by a turn that doesn't end. There are as many again in reserve, which have no threads until they
 * are needed. Called by the one thread that accepts connections.
 */
final class EventLoops implements EventExecutorChooser {
  private final EventExecutor[] loops;
  private final int regular;
  private final Predicate<String> isHeld;

  /** Which of them have had a connection, and so a thread. */
  private final boolean[] used;

  private int next;

  private EventLoops(EventExecutor[] loops, int regular, Predicate<String> isHeld) {
    this.loops = loops;
    this.regular = regular;
    this.isHeld = isHeld;
    this.used = new boolean[loops.length];
  }

  /**
   * A group of so many threads, and more in reserve.
   *
   * @param isHeld whether the thread of this name is held
   */
  static EventLoopGroup group(int threads, String name, Predicate<String> isHeld) {
    IoHandlerFactory factory =
        Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    return new Group(
        2 * threads,
        new ThreadPerTaskExecutor(new DefaultThreadFactory(name, /* daemon= */ true)),
        loops -> new EventLoops(loops, threads, isHeld),
        factory);
  }

  /** Its loops look at their connections though there is more and more else to do. */
  private static final class Group extends MultiThreadIoEventLoopGroup {
    /**
     * For how long a loop does what others have given it before it looks at its connections. Netty
     * would take a second: for so long a client's flood had its neighbours on the loop wait.
     */
    private static final long TASKS_MILLIS = 2;

    Group(
        int loops,
        Executor executor,
        EventExecutorChooserFactory choosers,
        IoHandlerFactory factory) {
      super(loops, executor, choosers, factory);
    }

    @Override
    protected IoEventLoop newChild(Executor executor, IoHandlerFactory factory, Object... nothing) {
      return new SingleThreadIoEventLoop(
          this,
          executor,
          factory,
          Integer.MAX_VALUE,
          RejectedExecutionHandlers.reject(),
          TASKS_MILLIS);
    }
  }

  @Override
  public synchronized EventExecutor next() {
    int first = Math.floorMod(next++, regular);
    int chosen = first;
    for (int i = 0; i < loops.length && isHeld(chosen); i++) {
      chosen = (chosen + 1) % loops.length;
    }
    used[chosen] = true;
    return loops[chosen];
  }

  private boolean isHeld(int loop) {
    return used[loop]
        && loops[loop] instanceof SingleThreadEventExecutor executor
        && isHeld.test(executor.threadProperties().name());
  }
}
