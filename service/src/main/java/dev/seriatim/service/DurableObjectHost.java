package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkState;

import com.google.common.collect.Collections2;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableSortedSet;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.placement.Cluster;
import dev.seriatim.service.storage.Faults;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.BindableService;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerBuilder;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A host of durable objects: serves {@code seriatim.v1.DurableObjects} for its namespaces.
 *
 * <p>A host starts once, drains and closes once. Safe for any number of threads.
 */
public final class DurableObjectHost implements AutoCloseable {
  private static final long LAST_FRAMES_SECONDS = 3;

  final HostParts parts;
  private final Statistics statistics;

  private @Nullable LocalObjects local; // Guarded by this.
  private volatile boolean closed;

  private DurableObjectHost(Builder builder) {
    parts = new HostParts(builder, builder.shutdown == null ? this::drain : builder.shutdown::run);
    statistics =
        new Statistics(
            builder.listener,
            parts.directory,
            parts.storage,
            parts.services.openStubs(),
            parts.connections);
  }

  /** A builder with no namespaces and every default. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Starts to listen. If another host owns the objects in the store, every stub breaks with {@code
   * OBJECT_RESET} until this one {@link #isServing serves}.
   *
   * @return this host
   * @throws IOException if it can't listen; the host is closed then
   * @throws IllegalStateException if it has been started or closed before
   */
  @CanIgnoreReturnValue
  public synchronized DurableObjectHost start() throws IOException {
    checkState(local == null && !closed, "the host has been started or closed before");
    boolean started = false;
    try {
      local = new LocalObjects(parts.directory, parts.forObjects, parts.executor);
      parts.directory.connectLocally(local.client());
      parts.server.start();
      parts.directory.startAlarms();
      if (parts.cluster != null) {
        parts.cluster.start(parts.server.getPort());
      }
      started = true;
      return this;
    } finally {
      if (!started) {
        close();
      }
    }
  }

  /**
   * The port that the host listens on; -1 if its transport has none.
   *
   * @throws IllegalStateException if the host was not started
   */
  public int port() {
    return parts.server.getPort();
  }

  /**
   * Whether this host owns its objects. It does as soon as it is built, unless another host owns
   * them; and it doesn't any more once another one has taken over, or the store has gone away for
   * longer than the lease. Then it waits until it can have them again.
   */
  public boolean isServing() {
    return parts.storage.isServing() && (parts.cluster == null || parts.cluster.isUp());
  }

  /** All that is counted, and what there is, now. Takes no lock that a turn waits for. */
  public HostStatistics statistics() {
    return statistics.read(isServing());
  }

  /**
   * Tells this listener whether the host {@link #isServing serves}: at once, and whenever that
   * changes. It is called by one thread at a time, and must not block.
   */
  public void onServing(Consumer<Boolean> listener) {
    if (parts.cluster == null) {
      parts.storage.onServing(listener);
    } else {
      ServingWatch.begin(this::isServing, () -> closed, listener);
    }
  }

  /**
   * Waits until this host {@link #isServing serves}.
   *
   * @throws StorageException if another host has not given the objects up within {@link
   *     StorageOptions#ownershipWait}, or the host was closed
   * @throws InterruptedException if the calling thread is interrupted
   */
  public void awaitServing() throws InterruptedException {
    parts.storage.awaitServing();
  }

  /**
   * Shuts down in good order: every stub finishes the turn that it is in and then breaks with
   * {@code HOST_DRAINING}, new stubs do so at once, alarms that run come to their end and no other
   * begins, and then the server stops. Blocks until that is done: for {@link HostLimits#drainLimit}
   * at most, 3 s more if a client doesn't read its last frames, and for as long as the store takes
   * for what was written, up to {@link StorageOptions#storePatience}.
   *
   * @throws InterruptedException if the calling thread is interrupted; call {@link #close} then
   */
  public void drain() throws InterruptedException {
    if (parts.cluster != null) {
      parts.cluster.leave();
    }
    parts.directory.drain();
    parts.directory.counts().tails().end();
    parts.services.drained();
    parts.server.shutdown();
    // The last frames are on their way; a client that doesn't read them is not waited for.
    parts.server.awaitTermination(LAST_FRAMES_SECONDS, TimeUnit.SECONDS);
    close();
  }

  /**
   * Stops at once: running turns are cut off, and calls are cancelled. Turns that were not durable
   * have no effect. Does nothing the second time.
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (parts.cluster != null) {
      parts.cluster.close();
    }
    parts.directory.close();
    parts.directory.counts().tails().end();
    parts.server.shutdownNow();
    if (parts.connections != null) {
      parts.connections.close();
    }
    if (local != null) {
      local.close();
    }
  }

  /** Waits until the server has stopped. */
  public void awaitTermination() throws InterruptedException {
    parts.server.awaitTermination();
  }

  /** Builds a host. Not safe for several threads. */
  public static final class Builder {
    /** Where a host listens if it isn't told. */
    public static final int DEFAULT_PORT = 7070;

    final Map<String, Namespace> namespaces = new TreeMap<>();
    HostLimits limits = HostLimits.defaults();
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), DEFAULT_PORT);
    ServerCredentials credentials = InsecureServerCredentials.create();
    final List<ServerServiceDefinition> services = new ArrayList<>();
    @Nullable ServerBuilder<?> server;
    StorageOptions storage = StorageOptions.memory();
    Faults faults = Faults.NONE;
    LongSupplier nanos = System::nanoTime;
    boolean replaceable;
    @Nullable Cluster cluster;
    @Nullable InvocationTracer tracer;
    boolean admin;
    String version = "";
    String commit = "";
    @Nullable Runnable shutdown;
    @Nullable Authenticator authenticator;
    @Nullable Authorizer authorizer;
    final List<ServerInterceptor> transportInterceptors = new ArrayList<>();
    final List<ServerInterceptor> interceptors = new ArrayList<>();
    HostListener listener = new HostListener() {};

    private Builder() {}

    /**
     * Adds a namespace whose unique key is its name.
     *
     * @param service the service that the namespace's objects implement; its unary methods can be
     *     invoked
     * @param factory makes the objects
     */
    @CanIgnoreReturnValue
    public Builder namespace(String name, ServiceDescriptor service, DurableObjectFactory factory) {
      return namespace(name, name, service, factory);
    }

    /**
     * Adds a namespace.
     *
     * @param name what clients call it: 1 to 128 letters, digits, {@code _}, {@code -} and {@code
     *     .}
     * @param uniqueKey what its objects' ids are derived from; must never change while the objects
     *     are to be found, and must be this namespace's alone
     * @throws IllegalArgumentException if the name or the key is taken or not allowed
     */
    @CanIgnoreReturnValue
    public Builder namespace(
        String name, String uniqueKey, ServiceDescriptor service, DurableObjectFactory factory) {
      Namespaces.add(
          namespaces,
          new Namespace(
              name, uniqueKey, new DurableObjectIds(uniqueKey), new MethodTable(service), factory));
      return this;
    }

    /** The names of the namespaces that were added so far, in ascending order. A copy. */
    public ImmutableSortedSet<String> namespaces() {
      return ImmutableSortedSet.copyOf(namespaces.keySet());
    }

    /** The namespaces that were added so far, in ascending order of their names. A copy. */
    public ImmutableList<ServedNamespace> served() {
      return ImmutableList.copyOf(Collections2.transform(namespaces.values(), Namespace::served));
    }

    /** Sets the limits. */
    @CanIgnoreReturnValue
    public Builder limits(HostLimits limits) {
      this.limits = limits;
      return this;
    }

    /** Sets who follows invocations that their callers follow; default nobody. */
    @CanIgnoreReturnValue
    public Builder tracer(InvocationTracer tracer) {
      this.tracer = tracer;
      return this;
    }

    /** Sets who is told what happens in the host; default nobody. */
    @CanIgnoreReturnValue
    public Builder listener(HostListener listener) {
      this.listener = listener;
      return this;
    }

    /** Sets where and how objects are stored; default {@link StorageOptions#memory}. */
    @CanIgnoreReturnValue
    public Builder storage(StorageOptions storage) {
      this.storage = storage;
      return this;
    }

    /**
     * Makes the host one of many that share its store, which must be PostgreSQL. What does that is
     * the module {@code seriatim-cluster}; a host without it has all objects of its store.
     */
    @CanIgnoreReturnValue
    public Builder cluster(Cluster cluster) {
      this.cluster = cluster;
      return this;
    }

    /**
     * Sets where to listen, over plain HTTP/2; default 127.0.0.1:{@value #DEFAULT_PORT}. Port 0
     * picks a free one.
     */
    @CanIgnoreReturnValue
    public Builder listen(InetSocketAddress address) {
      return listen(address, InsecureServerCredentials.create());
    }

    /** Sets where to listen, and with which credentials: {@code TlsServerCredentials}, say. */
    @CanIgnoreReturnValue
    public Builder listen(InetSocketAddress address, ServerCredentials credentials) {
      this.address = address;
      this.credentials = credentials;
      return this;
    }

    /** Asks this one who calls. Without it everybody is {@link Caller#anonymous}, and let in. */
    @CanIgnoreReturnValue
    public Builder authenticator(Authenticator authenticator) {
      this.authenticator = authenticator;
      return this;
    }

    /** Asks this one what callers may do. Without it whoever is let in may call everything. */
    @CanIgnoreReturnValue
    public Builder authorizer(Authorizer authorizer) {
      this.authorizer = authorizer;
      return this;
    }

    /**
     * Puts this before everything that the host serves, for each RPC: a stub is one. What was added
     * first is outermost. On the transport's threads: it must not block, nor hold a lock while it
     * hands something on, for turns may begin behind it; and what is to go on goes on at once.
     */
    @CanIgnoreReturnValue
    public Builder transportInterceptor(ServerInterceptor interceptor) {
      transportInterceptors.add(interceptor);
      return this;
    }

    /**
     * Puts this around every turn of a method, but not of an alarm, as part of the turn. What was
     * added first is outermost; what it throws, or closes the call with, is the turn's failure.
     */
    @CanIgnoreReturnValue
    public Builder interceptor(ServerInterceptor interceptor) {
      interceptors.add(interceptor);
      return this;
    }

    /** Sets what the host says of the program that it is in: its version, and its commit. */
    @CanIgnoreReturnValue
    public Builder program(String version, String commit) {
      this.version = version;
      this.commit = commit;
      return this;
    }

    /** Serves {@link #admin(Runnable) the admin service}; it drains the host when it is told. */
    @CanIgnoreReturnValue
    public Builder admin() {
      return admin(null);
    }

    /**
     * Serves {@code seriatim.admin.v1.Admin} too: how people and their tools look into a host. What
     * callers may do there is what their {@link Authorizer#adminRights} say. Without an authorizer
     * whoever reaches a host on loopback, or over a {@link #server} that it was given, may do all
     * of it, and nobody may do anything at any other.
     *
     * @param shutdown what happens when an operator wants the host to end; null for {@link
     *     DurableObjectHost#drain}. On a thread of its own
     */
    @CanIgnoreReturnValue
    public Builder admin(@Nullable Runnable shutdown) {
      this.admin = true;
      this.shutdown = shutdown;
      return this;
    }

    /** Serves this beside the objects, such as health or reflection. */
    @CanIgnoreReturnValue
    public Builder service(BindableService service) {
      services.add(service.bindService());
      return this;
    }

    /**
     * Serves over this transport instead, such as an {@code InProcessServerBuilder}. The host adds
     * its services, and sets the executors and the size of messages; the rest is up to the caller.
     * Its interceptors must not hold a lock while they hand a message on, as those of the host.
     */
    @CanIgnoreReturnValue
    public Builder server(ServerBuilder<?> server) {
      this.server = server;
      return this;
    }

    /**
     * The host, not started yet. Its store is open; {@link DurableObjectHost#close} closes it.
     * Doesn't wait for another host that owns the objects: see {@link
     * DurableObjectHost#awaitServing}.
     *
     * @throws IllegalStateException if it has no namespace
     * @throws IllegalArgumentException if the authorizer doesn't go together with what there is
     * @throws StorageException if the store can't be opened
     */
    public DurableObjectHost build() {
      checkState(!namespaces.isEmpty(), "the host has no namespace, expected at least one");
      if (authorizer != null) {
        authorizer.begin(served());
      }
      return new DurableObjectHost(this);
    }
  }
}
