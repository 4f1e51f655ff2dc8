package dev.seriatim.testing;

import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.InternalDurableObjectHost;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectControl;
import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A host that serves {@code seriatim.admin.v1.Testing}: for a program that tests in other processes
 * start, on loopback only. Its store is a directory of its own, which goes with it. Safe for any
 * number of threads.
 *
 * <pre>{@code
 * ServedHost testing = new ServedHost();
 * builder.storage(testing.storage());
 * testing.addTo(builder);
 * DurableObjectHost host = builder.build().start();
 * testing.begin(host);
 * }</pre>
 */
public final class ServedHost implements AutoCloseable {
  private final Path directory = TemporaryDirectory.make();
  private final TestClock clock = new TestClock(HostSettings.START);
  private final Commits commits = new Commits();
  private final Breaks breaks = new Breaks();

  /** Null until it has begun. */
  private volatile @Nullable DurableObjectHost host;

  /** One that has not begun yet. */
  public ServedHost() {}

  /** Where the host is to store, and by which clock. */
  public StorageOptions storage() {
    return StorageOptions.sqlite(directory).withClock(clock).withStorePatience(Commits.PATIENCE);
  }

  /** Adds the service, and what it does to the host. */
  public void addTo(DurableObjectHost.Builder builder) {
    InternalDurableObjectHost.faults(builder, commits);
    builder.interceptor(breaks).admin();
    builder.service(() -> ServerInterceptors.intercept(new TestingService(this), new Connected()));
  }

  /** The host was started. */
  public void begin(DurableObjectHost started) {
    host = started;
    clock.follow(new HostTime(InternalDurableObjectHost.storage(started), commits));
  }

  private DurableObjectHost host() {
    DurableObjectHost there = host;
    if (there == null) {
      throw new IllegalStateException("the host has not started yet");
    }
    return there;
  }

  /** Lets go of what is held, and of the directory. To be called when the host has ended. */
  @Override
  public void close() {
    TemporaryDirectory.delete(directory);
  }

  // ---- for the service

  TestClock clock() {
    return clock;
  }

  Commits commits() {
    return commits;
  }

  Breaks breaks() {
    return breaks;
  }

  /**
   * An object of the host.
   *
   * @throws IllegalArgumentException if it can't be one
   */
  ObjectAddress address(ObjectName object) {
    return object.hasId()
        ? InternalDurableObjectHost.addressById(host(), object.getNamespace(), object.getId())
        : InternalDurableObjectHost.address(host(), object.getNamespace(), object.getName());
  }

  void cutConnections(Attributes but) {
    InternalDurableObjectHost.cutConnections(host(), but);
  }

  /** Nothing is stored, nothing is live, and nothing is wrong any more. */
  void reset() throws Exception {
    commits.mend();
    breaks.mend();
    ObjectControl control = InternalDurableObjectHost.directory(host()).control();
    for (ObjectAddress live : control.live()) {
      var _ = Waiting.on(control.evict(live), "the eviction of " + live.id());
    }
    for (StoredObject stored : StoredObject.all(directory)) {
      ObjectAddress address =
          InternalDurableObjectHost.addressById(host(), stored.namespace(), stored.id());
      var _ =
          Waiting.on(
              control.runTurn(
                  address,
                  state -> {
                    state.storage().deleteAll();
                    state.storage().deleteAlarm();
                    return true;
                  }),
              "the end of " + stored);
    }
  }

  /** Tells the service which connection it is called on. */
  private static final class Connected implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> handler) {
      Context context = Context.current().withValue(TestingService.CALL, call.getAttributes());
      return Contexts.interceptCall(context, call, headers, handler);
    }
  }
}
