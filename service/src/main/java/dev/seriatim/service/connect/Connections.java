package dev.seriatim.service.connect;

import dev.seriatim.service.ConnectionLimits;
import dev.seriatim.service.HostLimits;
import io.grpc.Attributes;
import io.grpc.ServerBuilder;
import io.grpc.ServerCredentials;
import io.grpc.ServerTransportFilter;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.ServerChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.SocketAddress;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What listens for a host's clients. Lets in so many connections, and no more, and bounds what each
 * may do to the others. Safe for any number of threads.
 */
public final class Connections implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(Connections.class);

  /**
   * A client that keeps to the number of stubs is told why it may have no more; so it needs some.
   */
  private static final int STREAMS_TO_REFUSE = 1_000;

  /** How many may wait to be accepted, if the system lets as many. */
  private static final int BACKLOG = 4_096;

  private static final int SECONDS_OF_RESETS = 60;
  private static final int CUT_PATIENCE_SECONDS = 30;

  private final HostLimits limits;
  private final ArrivalBudget budget;
  private final CallerCounts ofCallers;
  private final AtomicInteger open = new AtomicInteger();
  private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
  private final EventLoopGroup listener = EventLoops.group(1, "seriatim-listener-ELG", _ -> false);
  private final int threads = Runtime.getRuntime().availableProcessors();
  private final EventLoopGroup transport;

  /** Half of the processors may be busy with large frames: their clients may wait a little. */
  private final ExecutorService readers = threads(Math.max(1, threads / 2));

  /**
   * Listens for nobody yet.
   *
   * @param isHeld whether a turn keeps the thread of this name to itself
   */
  public Connections(HostLimits limits, Predicate<String> isHeld) {
    this.limits = limits;
    this.transport = EventLoops.group(threads, "seriatim-transport-ELG", isHeld);
    this.budget = new ArrivalBudget(limits.connections().maxArrivingBytes());
    this.ofCallers = new CallerCounts(limits.connections().maxConnectionsPerCaller());
  }

  private static ExecutorService threads(int most) {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            most,
            most,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofVirtual()
                .name("seriatim-reader-", 0)
                .inheritInheritableThreadLocals(false)
                .factory());
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  /** Where large frames are read. */
  Executor readers() {
    return readers;
  }

  /** A server that listens here. */
  public ServerBuilder<?> listen(SocketAddress address, ServerCredentials credentials) {
    // A dead client is noticed, and its stubs let go, within half a minute.
    NettyServerBuilder server =
        NettyServerBuilder.forAddress(address, credentials)
            .decompressorRegistry(Gzip.registry())
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .permitKeepAliveTime(10, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .handshakeTimeout(
                limits.connections().handshakeLimit().toMillis(), TimeUnit.MILLISECONDS)
            .maxConcurrentCallsPerConnection(maxStreams(limits))
            .maxRstFramesPerWindow(limits.connections().maxResetsPerMinute(), SECONDS_OF_RESETS)
            .bossEventLoopGroup(listener)
            .workerEventLoopGroup(transport)
            .channelFactory(this::listeningChannel)
            .withOption(ChannelOption.SO_BACKLOG, BACKLOG)
            .withChildOption(ChannelOption.RECVBUF_ALLOCATOR, new PacedReads(System::nanoTime))
            .addTransportFilter(
                new ServerTransportFilter() {
                  @Override
                  public Attributes transportReady(Attributes attributes) {
                    return Connection.begin(attributes);
                  }
                });
    ConnectionLimits lives = limits.connections();
    if (lives.maxConnectionAge().isPositive()) {
      server
          .maxConnectionAge(lives.maxConnectionAge().toNanos(), TimeUnit.NANOSECONDS)
          .maxConnectionAgeGrace(lives.connectionAgeGrace().toNanos(), TimeUnit.NANOSECONDS);
    }
    if (lives.maxConnectionIdle().isPositive()) {
      server.maxConnectionIdle(lives.maxConnectionIdle().toNanos(), TimeUnit.NANOSECONDS);
    }
    return server;
  }

  /** How many streams a connection may have open. */
  private static int maxStreams(HostLimits limits) {
    return (int)
        Math.min(
            Integer.MAX_VALUE,
            (long) limits.connections().maxStubsPerConnection() + STREAMS_TO_REFUSE);
  }

  private ServerChannel listeningChannel() {
    ServerChannel channel =
        Epoll.isAvailable() ? new EpollServerSocketChannel() : new NioServerSocketChannel();
    channel.pipeline().addLast(new Gate());
    return channel;
  }

  /** Stands before what takes accepted connections in. */
  private final class Gate extends ChannelInboundHandlerAdapter {
    private final PacedAccepts accepts = new PacedAccepts(threads);

    @Override
    public void channelRead(ChannelHandlerContext context, Object accepted) {
      Channel channel = (Channel) accepted;
      if (open.incrementAndGet() > limits.connections().maxConnections()) {
        open.decrementAndGet();
        logger.warn(
            "a connection from {} is closed at once: the host may have {}, and has them",
            channel.remoteAddress(),
            limits.connections().maxConnections());
        channel.unsafe().closeForcibly();
        return;
      }
      channels.add(channel);
      Connection connection =
          new Connection(limits, budget, ofCallers, channel, accepts.accept(context));
      var _ =
          channel
              .closeFuture()
              .addListener(
                  _ -> {
                    channels.remove(channel);
                    open.decrementAndGet();
                    connection.closed();
                  });
      channel.pipeline().addLast(connection);
      context.fireChannelRead(accepted);
    }
  }

  /** How many are open. */
  public int open() {
    return open.get();
  }

  /** How many bytes of messages are on their way in. */
  public long arriving() {
    return budget.held();
  }

  /**
   * Cuts all connections, without a word to those at their other ends, and waits until they are
   * cut. Not on a transport's thread. For tests.
   *
   * @param but the attributes of a call whose connection stays; null if none does
   */
  public void cut(@Nullable Attributes but) {
    Connection stays = but == null ? null : Connection.of(but);
    for (Channel channel : channels) {
      if (stays == null || !stays.isOn(channel)) {
        // Not by the pipeline, where HTTP/2 would first let its calls come to their ends.
        channel.eventLoop().execute(() -> channel.unsafe().close(channel.voidPromise()));
        var _ = channel.closeFuture().awaitUninterruptibly(CUT_PATIENCE_SECONDS, TimeUnit.SECONDS);
      }
    }
  }

  /** Closes all connections. */
  @Override
  public void close() {
    readers.shutdownNow();
    var _ = listener.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    var _ = transport.shutdownGracefully(0, 0, TimeUnit.SECONDS);
  }
}
