package dev.seriatim.stub;

import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A client of one Seriatim host: the way to its durable objects.
 *
 * <pre>{@code
 * DurableObjectStub stub = objects.namespace("COUNTER").getByName("foo");
 * CounterGrpc.CounterFutureStub counter = CounterGrpc.newFutureStub(stub.channel());
 * }</pre>
 *
 * <p>Safe for any number of threads, and made to be shared.
 */
public final class DurableObjects implements AutoCloseable {
  private final Carriers carriers;
  private final ClientOptions options;
  private final @Nullable ManagedChannel owned;
  private final Object client; // Stands for this client in the ids that it makes.
  private final @Nullable DurableObjects whole; // What it is a scope of.
  private final @Nullable OpenStubs stubs;
  private final ConcurrentMap<String, DurableObjectNamespace> namespaces =
      new ConcurrentHashMap<>();

  private DurableObjects(
      Channel channel,
      ClientOptions options,
      @Nullable ManagedChannel owned,
      @Nullable Function<String, ManagedChannel> routeChannels) {
    this.carriers =
        new Carriers(
            channel,
            SharedCalls.of(channel, options),
            routeChannels == null ? null : new Routes(routeChannels, options.maxRoutes()));
    this.options = options;
    this.owned = owned;
    this.client = new Object();
    this.whole = null;
    this.stubs = null;
  }

  private DurableObjects(DurableObjects whole, ClientOptions options) {
    Carriers all = whole.carriers;
    this.carriers =
        new Carriers(
            all.channel(),
            all.sharedCalls() == null || options.sharedCalls() == 0
                ? SharedCalls.of(all.channel(), options)
                : all.sharedCalls(),
            options.followRoutes() ? all.routes() : null);
    this.options = options;
    this.owned = null;
    this.client = whole.client;
    this.whole = whole;
    this.stubs = new OpenStubs();
  }

  /** A client over a channel, with the default options. */
  public static DurableObjects on(Channel channel) {
    return on(channel, ClientOptions.defaults());
  }

  /**
   * A client over a channel, which may have interceptors and credentials and stays the caller's to
   * shut down. It should have a keepalive, so that a dead host breaks its stubs in bounded time.
   * Whoever makes it also sees to it that it is connected again soon: gRPC's pauses grow to two
   * minutes, and {@code ManagedChannel.resetConnectBackoff} cuts them short.
   *
   * @throws IllegalArgumentException if the options say to follow routes, and not how to make
   *     channels for them: see {@link ClientOptions.Builder#routeChannels}
   */
  public static DurableObjects on(Channel channel, ClientOptions options) {
    if (options.followRoutes() && options.routeChannels() == null) {
      throw new IllegalArgumentException(
          "followRoutes on a channel that was given, expected routeChannels with it");
    }
    return new DurableObjects(
        channel, options, null, options.followRoutes() ? options.routeChannels() : null);
  }

  /** Connects to a host with the default options. */
  public static DurableObjects connect(String target, ChannelCredentials credentials) {
    return connect(target, credentials, ClientOptions.defaults());
  }

  /**
   * Connects to a host, and has a keepalive watch the connection: {@link
   * ClientOptions#keepAliveTime()}. Doesn't block; the connection is made with the first call. When
   * the host was gone and is back, so is the connection, a little more than {@link
   * ClientOptions#maxReconnectDelay()} later. Needs a gRPC transport, such as grpc-netty-shaded, on
   * the class path.
   *
   * @param target where the host is, such as {@code "127.0.0.1:7070"} or {@code "dns:///host:7070"}
   * @param credentials {@code TlsChannelCredentials.create()}, or {@code
   *     InsecureChannelCredentials.create()} for plain text
   */
  public static DurableObjects connect(
      String target, ChannelCredentials credentials, ClientOptions options) {
    ManagedChannel channel = channel(target, credentials, options);
    Function<String, ManagedChannel> routeChannels = null;
    if (options.followRoutes()) {
      Function<String, ManagedChannel> given = options.routeChannels();
      routeChannels = given != null ? given : address -> channel(address, credentials, options);
    }
    return new DurableObjects(channel, options, channel, routeChannels);
  }

  private static ManagedChannel channel(
      String target, ChannelCredentials credentials, ClientOptions options) {
    ManagedChannel channel =
        Grpc.newChannelBuilder(target, credentials)
            .keepAliveTime(options.keepAliveTime().toNanos(), TimeUnit.NANOSECONDS)
            .keepAliveTimeout(options.keepAliveTimeout().toNanos(), TimeUnit.NANOSECONDS)
            .build();
    new Reconnecting(channel, options).begin();
    return channel;
  }

  /**
   * A part of this client, for those who open stubs and end before it does: its {@link #close}
   * closes every stub that was got through it and isn't closed yet. Calls that are on their way are
   * answered; a stub that is got later is closed from the start. The rest is this client's.
   *
   * @param options of the stubs that are got through it. If both it and this client have shared
   *     calls, they share this client's. If both follow routes, they follow the same; it can't
   *     follow any if this client doesn't.
   */
  public DurableObjects scope(ClientOptions options) {
    return new DurableObjects(this, options);
  }

  /** The namespace with this name; the same one each time. Doesn't ask the host. */
  public DurableObjectNamespace namespace(String name) {
    return namespaces.computeIfAbsent(
        name,
        key ->
            whole == null || stubs == null
                ? new DurableObjectNamespace(carriers, options, client, key, null)
                : whole.namespace(key).in(stubs, carriers, options));
  }

  /**
   * The namespace with this name, whose unique key the caller knows: ids are then made without ever
   * asking the host.
   */
  public DurableObjectNamespace namespace(String name, String uniqueKey) {
    DurableObjectNamespace namespace =
        new DurableObjectNamespace(
            carriers, options, client, name, new DurableObjectIds(uniqueKey, name, client));
    return stubs == null ? namespace : namespace.in(stubs, carriers, options);
  }

  /** The stubs that were got through this scope, have been used and were never closed. */
  List<String> leftOpen() {
    return stubs == null ? List.of() : stubs.left();
  }

  /** How many stubs are on shared calls. */
  int attachedLanes() {
    SharedCalls sharedCalls = carriers.sharedCalls();
    Routes routes = carriers.routes();
    return (sharedCalls == null ? 0 : sharedCalls.attached())
        + (routes == null ? 0 : routes.attached());
  }

  /**
   * Ends the connection at once, if {@link #connect} made it: stubs that are still open break, so
   * close them first and wait for their end. Leaves a channel alone that was given to {@link #on};
   * the connections that were made for routes beside it end when the last stub on each has ended.
   * Of a {@link #scope}, closes the stubs.
   */
  @Override
  public void close() {
    if (owned != null) {
      owned.shutdownNow();
    }
    if (stubs != null) {
      stubs.close();
    }
    SharedCalls sharedCalls = carriers.sharedCalls();
    if (sharedCalls != null && (whole == null || sharedCalls != whole.carriers.sharedCalls())) {
      sharedCalls.retire();
    }
    Routes routes = carriers.routes();
    if (routes != null && whole == null) {
      routes.close(/* now= */ owned != null);
    }
  }
}
