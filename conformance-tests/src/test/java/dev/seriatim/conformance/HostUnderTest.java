package dev.seriatim.conformance;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import dev.seriatim.service.ConnectionLimits;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.SessionLimits;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.storage.PostgresServer;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The host of this tree, with the probe's namespaces, started for a test. */
final class HostUnderTest implements Target, AutoCloseable {
  /** How the host is reached. */
  enum Transport {
    IN_PROCESS,
    LOOPBACK,
    /** Over the loopback interface, with each stub on a lane. */
    LANES
  }

  /** Where the host keeps its objects. */
  enum Store {
    /** In memory, or in SQLite if that has to outlive the host, or has to fail. */
    EMBEDDED,
    /** In a schema of its own of the PostgreSQL server of this test run. */
    POSTGRESQL
  }

  private static final Path BAD_STORE = Path.of("bad-store.sql");

  /** The same for PostgreSQL. */
  private static final String BAD_POSTGRESQL =
      "ALTER TABLE entries ADD CHECK (key <> convert_to('refused', 'UTF8'))";

  private final Supplier<DurableObjectHost> starter;
  private final ProbeWorld world;
  private final Function<DurableObjectHost, Target> reach;
  private final Set<String> features;
  private final @Nullable Path directory;
  private volatile DurableObjectHost host;

  private HostUnderTest(
      Supplier<DurableObjectHost> starter,
      ProbeWorld world,
      Function<DurableObjectHost, Target> reach,
      Set<String> features,
      @Nullable Path directory) {
    this.starter = starter;
    this.directory = directory;
    this.world = world;
    this.reach = reach;
    this.features = features;
    host = starter.get();
  }

  /** Starts a host that has these features, and no others. */
  static HostUnderTest start(Transport transport, Set<String> features) {
    return start(transport, Store.EMBEDDED, features);
  }

  /** The same, with its objects in this store. */
  static HostUnderTest start(Transport transport, Store store, Set<String> features) {
    boolean keeps = features.contains("bad-store") || features.contains("restart");
    @Nullable String url = store == Store.POSTGRESQL ? PostgresServer.shared().newSchema() : null;
    Path directory = keeps && url == null ? temporaryDirectory() : null;
    ProbeNamespaces probes = new ProbeNamespaces();
    String name = InProcessServerBuilder.generateName();
    Supplier<DurableObjectHost> starter =
        () -> {
          DurableObjectHost.Builder builder = DurableObjectHost.builder().limits(limits(features));
          if (directory != null) {
            builder.storage(StorageOptions.sqlite(directory));
          } else if (url != null) {
            builder.storage(StorageOptions.postgres(url));
          }
          probes.addTo(builder);
          Auth.addTo(builder, features);
          if (transport == Transport.IN_PROCESS) {
            builder.server(InProcessServerBuilder.forName(name));
          } else {
            builder.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
          }
          try {
            return builder.build().start();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    Function<DurableObjectHost, Target> reach =
        host ->
            transport == Transport.IN_PROCESS
                ? new InProcess(name, features)
                : new RemoteTarget(
                    "127.0.0.1:" + host.port(),
                    features,
                    transport == Transport.LANES,
                    Auth.tokens(features));
    HostUnderTest started = new HostUnderTest(starter, probes.world(), reach, features, directory);
    if (features.contains("bad-store")) {
      if (url == null) {
        makeBad("jdbc:sqlite:" + Objects.requireNonNull(directory).resolve("seriatim.db"), "");
      } else {
        makeBad(url, BAD_POSTGRESQL);
      }
    }
    return started;
  }

  private static Path temporaryDirectory() {
    try {
      return Files.createTempDirectory("conformance");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Has the store refuse the key {@code refused}, and so the commit that it is in. */
  private static void makeBad(String url, String statements) {
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      statement.execute(statements.isEmpty() ? Files.readString(BAD_STORE) : statements);
    } catch (SQLException | IOException e) {
      throw new IllegalStateException("the store can't be made bad", e);
    }
  }

  private static HostLimits limits(Set<String> features) {
    HostLimits.Builder limits = HostLimits.builder();
    if (features.contains("turn-limit")) {
      limits.turnLimit(Duration.ofSeconds(2));
    }
    if (features.contains("queue-limit")) {
      limits.stubQueue(new HostLimits.QueueSize(64, 1 << 20));
    }
    if (features.contains("few-lanes")) {
      limits.connections(ConnectionLimits.defaults().withMaxLanesPerCall(16));
    }
    if (features.contains("few-instances")) {
      limits.maxInstances(16);
    }
    SessionLimits sessions = SessionLimits.defaults();
    if (features.contains("ack-limit")) {
      sessions = sessions.withMaxUnacknowledgedOutcomes(64);
    }
    if (features.contains("few-sessions")) {
      sessions = sessions.withMaxSessionsPerObject(4).withMaxIdempotencyKeysPerObject(4);
    }
    return limits.sessions(sessions).build();
  }

  /** The host itself. */
  DurableObjectHost host() {
    return host;
  }

  @Override
  public ManagedChannel connect() {
    return reach.apply(host).connect();
  }

  @Override
  public boolean onLanes() {
    return reach.apply(host).onLanes();
  }

  @Override
  public Map<String, String> tokens() {
    return Auth.tokens(features);
  }

  @Override
  public Set<String> features() {
    return features;
  }

  @Override
  public void drain() {
    Thread.ofVirtual()
        .name("drain")
        .start(
            () -> {
              try {
                host.drain();
              } catch (InterruptedException e) {
                host.close();
              }
            });
  }

  @Override
  public void restart() {
    host.close();
    host = starter.get();
  }

  @Override
  public void openGate(String gate) {
    world.gate(gate).release();
  }

  /** What the probes of the host share. */
  ProbeWorld world() {
    return world;
  }

  @Override
  public void close() {
    host.close();
    if (directory != null) {
      try {
        MoreFiles.deleteRecursively(directory, RecursiveDeleteOption.ALLOW_INSECURE);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private record InProcess(String name, Set<String> features) implements Target {
    @Override
    public ManagedChannel connect() {
      return InProcessChannelBuilder.forName(name).build();
    }

    @Override
    public void drain() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void openGate(String gate) {
      throw new UnsupportedOperationException();
    }
  }
}
